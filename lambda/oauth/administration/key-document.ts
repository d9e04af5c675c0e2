import { custodyOf, type SigningKey } from '../signing-key.ts'

/** How the admin API shows a signing key: nothing that signs. Times are epoch seconds. */
export function keyDocument(key: SigningKey) {
  const { kid, algorithm, state, createdAt, signFrom, verifyUntil, kmsKeyArn } = key
  return {
    kid,
    alg: algorithm,
    state,
    custody: custodyOf(key),
    created_at: createdAt,
    sign_from: signFrom,
    verify_until: verifyUntil,
    kms_key_arn: kmsKeyArn,
  }
}
