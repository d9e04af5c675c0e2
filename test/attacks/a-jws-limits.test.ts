import { randomBytes, sign } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { derToJoseLowS } from '../../lambda/oauth/ecdsa-signature.ts'
import { parseUnverifiedToken } from '../../lambda/oauth/token-gate.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { ordersAudience } from '../lambda/support/client-item.ts'
import { startFaultServer } from '../lambda/support/fault-server.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import type { Refusal } from './support/attacked-api.ts'
import { encode } from './support/hostile-tokens.ts'

// What no gateway passes on, and what has to be counted: the bundled authorizer, invoked with crafted events.
const now = Math.floor(Date.now() / 1000)
const store = await startLocalStore()
const proxy = await startFaultServer(store.url)

/** Every key but those of the other ring is in the ring that the authorizer reads. */
const keys = {
  active: signingKeyPair({ signFrom: 1, createdAt: 1 }),
  standby: signingKeyPair({ state: 'standby', createdAt: 1, signFrom: now + 3600 }),
  retiring: signingKeyPair({ state: 'retiring', createdAt: 1, signFrom: 1 }),
  retired: signingKeyPair({ state: 'retiring', createdAt: 1, signFrom: 1 }),
  disabled: signingKeyPair({ state: 'revoked', createdAt: 1, signFrom: 1 }),
  'of another ring': signingKeyPair({ signFrom: 1, createdAt: 1 }),
  'of no ring': signingKeyPair({ signFrom: 1, createdAt: 1 }),
}
const until = (seconds: number) => ({ verify_until: { N: String(seconds) } })
for (const [ringName, { key }, changes] of [
  [ring, keys.active, {}],
  [ring, keys.standby, {}],
  [ring, keys.retiring, until(now + 3600)],
  [ring, keys.retired, until(now - 1)],
  [ring, keys.disabled, {}],
  ['ring-of-others', keys['of another ring'], {}],
] as const) {
  await store.put('SigningKeys', signingKeyItem(ringName, key, changes))
}

const authorizer = await startFunction(
  'authorizer',
  {
    ...functionEnvironment({ dynamodb: proxy.url }),
    AUDIENCE: ordersAudience,
    REVOCATION_REFRESH_SECONDS: '3600',
    REVOCATION_OUTAGE_GRACE_SECONDS: '60',
  },
  { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
)

afterAll(() => Promise.all([authorizer.stop(), proxy.close(), store.close()]))
beforeEach(() => proxy.reset())

const claims = tokenClaims(now)
const genuine = accessToken(keys.active, claims)

/** A token of the key in the ring with any header. */
function signed(header: Record<string, unknown>, { privateKey } = keys.active): string {
  const input = [{ alg: 'ES256', typ: 'at+jwt', ...header }, claims]
    .map(part => encode(JSON.stringify(part)))
    .join('.')
  return `${input}.${encode(derToJoseLowS(sign('sha256', Buffer.from(input), privateKey)) ?? '')}`
}

async function decide(token: string) {
  const startedAt = performance.now()
  const { result, failure, lines, texts, fetches } = await authorizer.invoke(
    authorizerEvent('GET /orders', `Bearer ${token}`),
  )
  expect(performance.now() - startedAt).toBeLessThan(1000)
  expect([failure, fetches]).toEqual([undefined, []])
  for (const part of token.split('.').filter(({ length }) => length >= 16))
    expect(texts.join('')).not.toContain(part)
  expect(lines.filter(({ audit }) => audit !== undefined)).toHaveLength(1)
  return { result, event: lines.find(({ audit }) => audit !== undefined) }
}

async function expectRefused(token: string, reason: Refusal): Promise<void> {
  const { result, event } = await decide(token)
  expect(result).toEqual({ errorMessage: 'Unauthorized' })
  expect(event).toMatchObject({ audit: 'api.authorize', outcome: 'refused', reason })
  for (const member of ['clientId', 'audience', 'scope', 'jti']) expect(event).not.toHaveProperty(member)
}

async function expectAllowed(token: string): Promise<void> {
  expect((await decide(token)).result).toMatchObject({ isAuthorized: true })
}

describe('a key identifier', () => {
  it('A26: that is unknown makes at most one read of the ring, however many ask (RFC 8725 §3.10)', async () => {
    const names = [
      '__proto__',
      'constructor',
      ...Array.from({ length: 200 }, () => randomBytes(16).toString('hex')),
    ]
    for (const kid of names) await expectRefused(signed({ kid }), 'key_unknown')
    expect(proxy.operations.length).toBeLessThanOrEqual(1)
    await expectAllowed(genuine)
  })

  it('A26: that no key has makes no read at all', async () => {
    for (const kid of [
      '../../dev/null',
      "' OR 1=1--",
      '\u0000',
      'k'.repeat(65),
      '🔑',
      '',
      1,
      null,
      undefined,
    ]) {
      await expectRefused(signed({ kid }), 'token_header_refused')
    }
    expect(proxy.operations).toEqual([])
  })
})

describe('a key', () => {
  it.each(['active', 'standby', 'retiring'] as const)('A28: that is %s verifies tokens', async state => {
    await expectAllowed(accessToken(keys[state], claims))
  })

  it.each(['retired', 'disabled', 'of another ring', 'of no ring'] as const)(
    'A28: that is %s verifies none, under its own name or another',
    async state => {
      const pair = keys[state]
      await expectRefused(accessToken(pair, claims), 'key_unknown')
      await expectRefused(signed({ kid: keys.active.key.kid }, pair), 'signature_invalid')
      await expectRefused(signed({ kid: pair.key.kid }, keys.active), 'key_unknown')
    },
  )

  it('A28: does not verify what another key of the same ring has signed', async () => {
    await expectRefused(signed({ kid: keys.standby.key.kid }, keys.active), 'signature_invalid')
    await expectRefused(signed({ kid: keys.active.key.kid }, keys.retiring), 'signature_invalid')
  })
})

/** A JWE whose content inflates to a thousand times its size. */
function bomb(octets: number, alg: string): string {
  const head = encode(JSON.stringify({ alg, enc: 'A256GCM', zip: 'DEF', kid: keys.active.key.kid }))
  return [
    head,
    encode(randomBytes(32)),
    encode(randomBytes(12)),
    encode(deflateRawSync(Buffer.alloc(octets))),
    encode(randomBytes(16)),
  ].join('.')
}

describe('what is too much', () => {
  it.each([
    ['a JWE of 64 kB', bomb(64_000_000, 'dir'), 'token_too_long'],
    ['a JWE of 8 KiB', bomb(5_000_000, 'dir'), 'token_malformed'],
    ['a JWE with a costly key derivation', bomb(1000, 'PBES2-HS512+A256KW'), 'token_malformed'],
  ] as const)('A32: is not decompressed: %s (RFC 8725 §3.6)', async (_, token, reason) => {
    parseUnverifiedToken(token)
    const before = process.memoryUsage().rss
    for (let round = 0; round < 20; round++) expect(parseUnverifiedToken(token)).toBe(reason)
    expect(process.memoryUsage().rss - before).toBeLessThan(5_000_000)
    await expectRefused(token, reason)
  })

  it.each([
    ['10^6 dots', '.'.repeat(1_000_000)],
    ['10^6 segments', 'a.'.repeat(1_000_000)],
    ['1 MiB', `${genuine}${'A'.repeat(1_048_576)}`],
    ['1 MiB in the header', genuine.replace('.', `${'A'.repeat(1_048_576)}.`)],
    ['1 MiB of claims', accessToken(keys.active, { ...claims, x: 'x'.repeat(786_432) })],
    ['8,193 characters', genuine.padEnd(8193, 'A')],
  ])('A37, A38: is refused by its length, before it is decoded: %s', async (_, token) => {
    expect(fastest(() => parseUnverifiedToken(token))).toBeLessThan(5)
    await expectRefused(token, 'token_too_long')
  })

  it.each([
    ['spaces', `${' '.repeat(1_000_000)}x`],
    ['commas', ','.repeat(1_000_000)],
    ['padding', '='.repeat(1_000_000)],
    ['padding before a character', `${'a='.repeat(500_000)}!`],
    ['characters and then none of them', `${'a'.repeat(1_000_000)}!`],
    ['text outside ASCII', 'é🔑'.repeat(300_000)],
  ])('A37: is no work for the grammar of the header either: 10^6 characters, %s', async (_, token) => {
    await expectRefused(token, 'credentials_malformed')
  })

  it('A37: is no work within the limit: 8,192 characters of any kind cost less than 5 ms', () => {
    const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: keys.active.key.kid }))
    const fill = (text: string) => encode(text).slice(0, 8000)
    for (const body of [
      '['.repeat(6000),
      '{"a":'.repeat(1200),
      '"\\u0061'.repeat(900),
      '9'.repeat(6000),
      '\\'.repeat(6000),
    ]) {
      for (const token of [`${header}.${fill(body)}.AA`, `${fill(body)}.${header}.AA`]) {
        expect(fastest(() => parseUnverifiedToken(token))).toBeLessThan(5)
      }
    }
  })

  it('A38: leaves the authorizer as it was', async () => {
    await expectAllowed(genuine)
  })
})

/** Milliseconds of the fastest of five runs: a busy machine slows one down, never all. */
function fastest(run: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const startedAt = performance.now()
    run()
    return performance.now() - startedAt
  })
  return Math.min(...times)
}
