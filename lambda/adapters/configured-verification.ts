import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock } from '../oauth/clock.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { configuredKeysTable } from './configured-stores.ts'
import { setting } from './environment.ts'
import type { Records } from './records.ts'
import { signatureVerifier } from './signature-verifier.ts'

/**
 * Verification of this issuer's tokens against the ring.
 *
 * @param audience the one to accept; undefined = any, for endpoints that authenticate who asks: to them no token of a
 * key that has just been made is invalid
 */
export function configuredVerification(
  client: DynamoDBClient,
  records: Records,
  clock: Clock,
  audience: string | undefined,
) {
  const issuer = setting('ISSUER')
  const table = configuredKeysTable(client, records)
  const unknownKeySeconds = audience === undefined ? 0 : undefined
  const ring = new SigningKeyRing(() => table.read(), clock, { unknownKeySeconds })
  return {
    ring,
    verification: {
      issuer,
      audience,
      findKey: (kid: string) => ring.findOrRead(kid),
      verifySignature: signatureVerifier(issuer, audience),
    },
  }
}
