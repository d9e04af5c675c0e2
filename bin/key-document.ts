import { unexpectedAnswer } from './admin-client.ts'
import { describeMoment } from './duration.ts'
import { type Style, table } from './output.ts'

/** A signing key as the admin API shows it. Times are epoch seconds. */
export interface KeyDocument {
  kid: string
  alg: string
  state: string
  custody: string
  created_at: number
  sign_from?: number
  verify_until?: number
  kms_key_arn: string
}

/** @throws CommandFailure where the server's answer is no list of keys */
export function asKeys({ keys }: Record<string, unknown>): readonly KeyDocument[] {
  if (Array.isArray(keys) && keys.every(isKey)) return keys
  throw unexpectedAnswer('the server')
}

function isKey(value: unknown): value is KeyDocument {
  if (typeof value !== 'object' || value === null) return false
  const { kid, alg, state, custody, created_at: createdAt } = value as Record<string, unknown>
  return [kid, alg, state, custody].every(text => typeof text === 'string') && typeof createdAt === 'number'
}

export function keyTable(style: Style, keys: readonly KeyDocument[]): string {
  const moment = (seconds: number | undefined) => (seconds === undefined ? '' : describeMoment(seconds))
  return table(
    style,
    ['KID', 'ALG', 'STATE', 'CUSTODY', 'PUBLISHED', 'SIGNS FROM', 'ACCEPTED UNTIL'],
    keys.map(key => [
      key.kid,
      key.alg,
      key.state,
      key.custody,
      moment(key.created_at),
      moment(key.sign_from),
      key.state === 'revoked' ? 'no more' : moment(key.verify_until),
    ]),
  )
}
