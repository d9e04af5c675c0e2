import { localCredentials } from '../local-credentials.ts'
import type { FunctionConfiguration } from './configuration.ts'

/** What all functions of a local run have in common. */
export interface LocalAccount {
  accountId: string
  region: string
  /** Loopback URLs that stand in for the AWS services. */
  aws: { dynamodb: string; kms: string; secretsmanager: string; apigateway: string }
  /** The one origin whose `jwks_uri` need be neither https nor public; absent: none. */
  jwksUriAllow?: string
}

/** Lambda gives a function temporary credentials, so there is a token to the local ones. It opens nothing. */
export const localSessionToken = 'countersign-local-session'

/** The functions that fetch the keys of clients, or say what may be registered: their `SERVICE`. */
const servicesWithJwksUris = ['token', 'revoke', 'introspect', 'admin']

/**
 * The whole environment of a function's process: the template's variables, Lambda's own, and the endpoints
 * of the local services. Nothing of the environment of the local run itself gets in, except `PATH` and the origin
 * that `jwks_uri`s may have, which no template says.
 */
export function functionEnvironment(
  configuration: FunctionConfiguration,
  account: LocalAccount,
  logStreamName: string,
): Record<string, string> {
  return {
    ...configuration.variables,
    ...(configuration.applicationLogLevel === undefined
      ? {}
      : { AWS_LAMBDA_LOG_LEVEL: configuration.applicationLogLevel }),
    _HANDLER: configuration.handler,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_SESSION_TOKEN: localSessionToken,
    AWS_DEFAULT_REGION: account.region,
    AWS_REGION: account.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.runtime}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_NAME: configuration.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_FORMAT: 'JSON',
    AWS_LAMBDA_LOG_GROUP_NAME: configuration.logGroupName,
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
    LAMBDA_TASK_ROOT: configuration.codeFolder,
    LANG: 'en_US.UTF-8',
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
    AWS_ENDPOINT_URL_DYNAMODB: account.aws.dynamodb,
    AWS_ENDPOINT_URL_KMS: account.aws.kms,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: account.aws.secretsmanager,
    AWS_ENDPOINT_URL_API_GATEWAY: account.aws.apigateway,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...jwksUriVariables(configuration, account),
  }
}

function jwksUriVariables(
  { variables: { SERVICE: service = '' } }: FunctionConfiguration,
  { jwksUriAllow }: LocalAccount,
): Record<string, string> {
  if (jwksUriAllow === undefined || !servicesWithJwksUris.includes(service)) return {}
  return { COUNTERSIGN_JWKS_URI_ALLOW: jwksUriAllow }
}
