import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock } from '../oauth/clock.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { configuredKeysTable } from './configured-stores.ts'
import { setting } from './environment.ts'
import type { Records } from './records.ts'
import { signatureVerifier } from './signature-verifier.ts'

/**
 * Verification of this issuer's tokens against the ring, for endpoints that authenticate who asks: tokens of any
 * audience, and to them no token of a key that has just been made is invalid.
 */
export function configuredVerification(client: DynamoDBClient, records: Records, clock: Clock) {
  const issuer = setting('ISSUER')
  const table = configuredKeysTable(client, records)
  const ring = new SigningKeyRing(() => table.read(), clock, { unknownKeySeconds: 0 })
  return {
    ring,
    verification: {
      issuer,
      audience: undefined,
      findKey: (kid: string) => ring.findOrRead(kid),
      verifySignature: signatureVerifier(issuer, undefined),
    },
  }
}
