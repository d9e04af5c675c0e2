import { AdministrationError } from '../oauth/administration/administration-error.ts'
import { parseRegistration } from '../oauth/administration/client-metadata.ts'
import type { DeclaredClient } from '../oauth/administration/declared-clients.ts'

/**
 * The custom resource's properties as the construct writes them: CloudFormation turns numbers into text.
 *
 * @throws AdministrationError when they are not what the construct writes
 */
export function parseDeclaredClient(properties: Readonly<Record<string, unknown>>): DeclaredClient {
  const {
    ClientMetadata: metadata,
    SecretArn: arn,
    SecretOverlapSeconds: overlap,
    TokenEndpoint,
  } = properties
  const { access_token_lifetime: lifetime, ...members } = (metadata ?? {}) as Record<string, unknown>
  const isSecret = typeof arn === 'string'
  const overlapSeconds = Number(overlap)
  if (
    typeof TokenEndpoint !== 'string' ||
    (isSecret && !(Number.isInteger(overlapSeconds) && overlapSeconds >= 0))
  )
    throw new AdministrationError('invalid_request', 'the properties are not those of a declared client')
  const parsed = parseRegistration({
    ...members,
    ...(lifetime === undefined ? {} : { access_token_lifetime: Number(lifetime) }),
  })
  if (isSecret === (parsed.tokenEndpointAuthMethod === 'private_key_jwt'))
    throw new AdministrationError(
      'invalid_request',
      'SecretArn belongs to clients with a secret, and only to them',
    )
  return {
    metadata: parsed,
    declaration: { secret: isSecret ? { arn, overlapSeconds } : undefined },
    tokenEndpoint: TokenEndpoint,
  }
}
