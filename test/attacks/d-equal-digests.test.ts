import { createHash, timingSafeEqual } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import type { Client } from '../../lambda/oauth/client.ts'
import { digestSecret, formatSecret } from '../../lambda/oauth/client-secret.ts'
import {
  basicHeader,
  client,
  formRequest,
  newTokenEndpoint,
  otherSecret,
  secret,
  storedSecret,
} from '../lambda/oauth/support/token-endpoint.ts'
import { clientId, nowSeconds } from '../lambda/oauth/support/token-maker.ts'

vi.mock('node:crypto', async importOriginal => {
  const original = await importOriginal<typeof import('node:crypto')>()
  return {
    ...original,
    createHash: vi.fn(original.createHash),
    timingSafeEqual: vi.fn(original.timingSafeEqual),
  }
})

/** The cryptography of one run: each digest by its algorithm, each comparison by the sizes of what is compared. */
async function workOf(run: () => unknown): Promise<string[]> {
  const work: string[] = []
  vi.mocked(createHash).mockClear()
  vi.mocked(timingSafeEqual).mockClear()
  await run()
  for (const [algorithm] of vi.mocked(createHash).mock.calls) work.push(`digest ${algorithm}`)
  for (const [one, other] of vi.mocked(timingSafeEqual).mock.calls)
    work.push(`compare ${one.byteLength} with ${other.byteLength}`)
  return work
}

/** One digest of what is presented, and two comparisons: as many secrets as a client may have. */
const theWork = ['digest sha256', 'compare 32 with 32', 'compare 32 with 32']

const stored = (text: string, expiresAt?: number) => ({
  ...storedSecret,
  digest: digestSecret(text),
  expiresAt,
})
const thirdSecret = formatSecret(new Uint8Array(32).fill(11))
const having = (...secrets: Client['secrets'][number][]): Client => ({ ...client, secrets })
const differing = (index: number) => `${secret.slice(0, index)}~${secret.slice(index + 1)}`

const callers: [string, Client | 'malformed' | 'unknown', string, string][] = [
  ['the right secret', client, secret, 'ok'],
  ['the first of two secrets', having(stored(secret), stored(otherSecret)), secret, 'ok'],
  ['the second of two secrets', having(stored(otherSecret), stored(secret)), secret, 'ok'],
  ['a wrong secret', client, otherSecret, 'secret_wrong'],
  ['neither of two secrets', having(stored(otherSecret), stored(thirdSecret)), secret, 'secret_wrong'],
  ['a secret that differs in its first character', client, differing(0), 'secret_wrong'],
  ['a secret that differs in its last character', client, differing(secret.length - 1), 'secret_wrong'],
  ['a secret of one character', client, 'x', 'secret_wrong'],
  ['a secret of 256 bytes', client, 'x'.repeat(256), 'secret_wrong'],
  ['a secret longer than any is', client, 'x'.repeat(257), 'secret_wrong'],
  ['a secret of 8 kB', client, 'x'.repeat(8000), 'secret_wrong'],
  ['a client without a secret', having(), secret, 'secret_wrong'],
  [
    'a client with a key',
    { ...having(), tokenEndpointAuthMethod: 'private_key_jwt' },
    secret,
    'secret_wrong',
  ],
  ['an unknown client', 'unknown', secret, 'client_unknown'],
  ['an unknown client and a wrong secret', 'unknown', otherSecret, 'client_unknown'],
  ['a malformed record', 'malformed', secret, 'client_record_invalid'],
  ['a disabled client', { ...client, status: 'disabled' }, secret, 'client_disabled'],
  ['a disabled client, wrong secret', { ...client, status: 'disabled' }, otherSecret, 'secret_wrong'],
  ['an expired secret', having(stored(secret, nowSeconds)), secret, 'secret_expired'],
  [
    'an expired secret beside a live one',
    having(stored(secret, nowSeconds), stored(otherSecret)),
    secret,
    'secret_expired',
  ],
  ['a removed secret', having(stored(otherSecret)), secret, 'secret_wrong'],
  [
    'another method',
    { ...client, tokenEndpointAuthMethod: 'client_secret_post' },
    secret,
    'auth_method_not_registered',
  ],
]

describe('client authentication', () => {
  it.each(callers)(
    'D22: digests once and compares twice for %s (CWE-208)',
    async (_, found, text, reason) => {
      const { request } = newTokenEndpoint(found)
      const http = formRequest({ grant_type: 'client_credentials' }, basicHeader(clientId, text))
      let decided: Awaited<ReturnType<typeof request>> | undefined
      const work = await workOf(async () => {
        decided = await request(http)
      })
      expect(decided?.reason).toBe(reason)
      expect(work).toEqual(theWork)
    },
  )

  it('D22: asks the same of the outside, in the same order, whoever fails', async () => {
    const failing = callers.filter(([, , , reason]) => reason !== 'ok')
    for (const [, found, text] of failing) {
      const { request, calls } = newTokenEndpoint(found)
      await request(formRequest({ grant_type: 'client_credentials' }, basicHeader(clientId, text)))
      expect(calls).toEqual(['findClient', 'recordFailure'])
    }
  })
})
