import type { JsonWebKey } from 'node:crypto'
import type { AdminClient } from '../admin-client.ts'
import type { ClientDocument } from '../client-document.ts'
import { describeDuration } from '../duration.ts'
import { asKeys, type KeyDocument } from '../key-document.ts'
import { shellWord } from '../output.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { temporaryName } from './temporary-client.ts'

/** The keeper looks every five minutes; an hour late is more than a late run. */
const graceSeconds = 3600

/**
 * The ring of signing keys: who signs, for how long, who would be next, and whether verifiers can know.
 *
 * @param published the JWKS
 */
export async function checkRing(
  admin: AdminClient,
  {
    published,
    rotationSeconds,
    now,
  }: { published: readonly JsonWebKey[]; rotationSeconds: number; now: number },
): Promise<Finding[]> {
  const keys = asKeys(await admin({ method: 'GET', path: ['keys'] }))
  const current = currentKey(keys, now)
  if (current === undefined)
    return [fail('keys', 'no key signs', 'No token is issued. See the log of the keeper function.')]
  return [checkAge(current, rotationSeconds, now), checkStandby(keys), checkPublished(keys, published, now)]
}

function currentKey(keys: readonly KeyDocument[], now: number): KeyDocument | undefined {
  const signFrom = ({ sign_from }: KeyDocument) => sign_from ?? 0
  return keys
    .filter(key => key.state === 'active' && signFrom(key) <= now)
    .sort((a, b) => signFrom(b) - signFrom(a))[0]
}

function checkAge(current: KeyDocument, rotationSeconds: number, now: number): Finding {
  const age = now - (current.sign_from ?? current.created_at)
  const found = `${current.kid} has signed for ${describeDuration(age)}`
  if (age <= rotationSeconds + graceSeconds) return ok('keys', found)
  return warn(
    'keys',
    `${found}, longer than ${describeDuration(rotationSeconds)}`,
    'See the alarm KeeperErrors and the log of the keeper. Where signingKeyRotation is longer: --key-rotation.',
  )
}

function checkStandby(keys: readonly KeyDocument[]): Finding {
  return keys.some(({ state }) => state === 'standby')
    ? ok('keys.standby', 'there is a key to fall back on')
    : warn(
        'keys.standby',
        'no key to fall back on',
        'The keeper makes one within five minutes; if not, see its log.',
      )
}

function checkPublished(
  keys: readonly KeyDocument[],
  published: readonly JsonWebKey[],
  now: number,
): Finding {
  const kids = new Set(published.map(({ kid }) => kid))
  const absent = keys.filter(
    key => key.state !== 'revoked' && (key.verify_until ?? now + 1) > now && !kids.has(key.kid),
  )
  // A key just made is not in a copy that was fetched a moment before.
  const overdue = absent.filter(key => now - key.created_at > 360)
  if (overdue.length === 0) return ok('keys.published', 'every key whose tokens are valid is in the JWKS')
  return fail(
    'keys.published',
    `not in the JWKS: ${overdue.map(({ kid }) => kid).join(', ')}`,
    'Verifiers refuse their tokens. See the log of the metadata function, and caches in front of it.',
  )
}

/** The most that a line names one by one. */
const named = 5

/** Live secrets that are older than that. */
export function checkSecrets(
  clients: readonly ClientDocument[],
  { maxAgeSeconds, now }: { maxAgeSeconds: number; now: number },
): Finding {
  const live = clients.flatMap(client =>
    client.secrets
      .filter(({ expires_at: end }) => end === 0 || end > now)
      .map(secret => ({ client, secret, age: now - secret.created_at })),
  )
  const old = live.filter(({ age }) => age > maxAgeSeconds).sort((a, b) => b.age - a.age)
  const limit = describeDuration(maxAgeSeconds)
  if (old.length === 0) return ok('secrets', `${live.length} live, none older than ${limit}`)
  const examples = old
    .slice(0, named)
    .map(({ client, secret, age }) => `${secret.secret_id} of ${client.client_id} (${describeDuration(age)})`)
  const more = old.length > named ? ` and ${old.length - named} more` : ''
  return warn(
    'secrets',
    `${old.length} of ${live.length} live are older than ${limit}: ${examples.join(', ')}${more}`,
    'countersign secrets rotate <client_id>',
  )
}

/** Clients that an earlier run could not delete. */
export function checkLeftovers(clients: readonly ClientDocument[], now: number): Finding[] {
  const left = clients.filter(
    ({ client_name: name, client_id_issued_at: at }) => name.startsWith(temporaryName) && now - at > 600,
  )
  if (left.length === 0) return []
  const ids = left.map(({ client_id: id }) => id)
  return [
    warn(
      'leftovers',
      `temporary clients of earlier runs: ${ids.slice(0, named).join(', ')}`,
      `countersign clients delete ${shellWord(ids[0] ?? '')}`,
    ),
  ]
}
