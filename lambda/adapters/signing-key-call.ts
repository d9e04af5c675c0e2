import { SigningKeyUnusable } from '../oauth/access-token.ts'
import { keyIsDisabled, keyIsGone, toBeDeleted } from '../oauth/kms-facts.ts'
import type { SigningKey } from '../oauth/signing-key.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** What KMS says of a key that exists, or did, and that it will not use. */
const unusable: readonly string[] = [keyIsDisabled, toBeDeleted, keyIsGone]

/**
 * Has KMS use a signing key.
 *
 * @throws SigningKeyUnusable, with a record, when it will not use this one; Unavailable for whatever else goes wrong
 */
export async function callWithKey<T>(
  operation: () => Promise<T>,
  key: Pick<SigningKey, 'kid'>,
  records: Records,
): Promise<T> {
  try {
    return await call('kms', operation, records, ...unusable)
  } catch (cause) {
    if (!(cause instanceof Error && unusable.includes(cause.name))) throw cause
    records.signingKeyUnusable(key.kid)
    throw new SigningKeyUnusable('KMS does not use the key', { cause })
  }
}
