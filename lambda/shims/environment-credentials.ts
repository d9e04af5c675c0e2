// In Lambda the execution role's credentials are in the environment, so the SDK's full provider chain
// (profiles, SSO, IMDS, processes) is dead weight at start-up. The bundler puts this file in its place.
import { fromEnv } from '@aws-sdk/credential-provider-env'

export const defaultProvider = fromEnv
