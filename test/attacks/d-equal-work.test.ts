import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digestSecret, formatSecret } from '../../lambda/oauth/client-secret.ts'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { clientSecret } from '../lambda/support/client-item.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { type EndpointName, endpointNames, endpoints } from './support/attacked-endpoints.ts'
import { type FunctionAnswer, useClientFunctions } from './support/client-functions.ts'

const functions = useClientFunctions()
const otherSecret = formatSecret(new Uint8Array(32).fill(9))
const thirdSecret = formatSecret(new Uint8Array(32).fill(10))

interface StoredSecret {
  readonly text: string
  readonly expiresAt?: number
}

/** The attributes of a client with these secrets. */
function secrets(...stored: StoredSecret[]): Attributes {
  const named = stored.map((secret, index) => ({ ...secret, id: `secret-${index}` }))
  return {
    secrets: {
      L: named.map(({ id, expiresAt }) => ({
        M: {
          secret_id: { S: id },
          created_at: { N: '1700000000' },
          ...(expiresAt !== undefined && { expires_at: { N: String(expiresAt) } }),
        },
      })),
    },
    secret_digests: {
      M: Object.fromEntries(named.map(({ id, text }) => [id, { B: digestSecret(text) }])),
    },
  }
}

const disabled: Attributes = { status: { S: 'disabled' } }
const expired: StoredSecret = { text: clientSecret, expiresAt: 1_700_000_001 }
const post: Attributes = { token_endpoint_auth_method: { S: 'client_secret_post' } }
const withKey: Attributes = { token_endpoint_auth_method: { S: 'private_key_jwt' }, jwks: { L: [] } }

/** Whoever is not to be told from a client that presents a wrong secret: what is stored, and what is presented. */
const callers: [string, Attributes | undefined, string, RefusalReason][] = [
  ['a wrong secret', {}, otherSecret, 'secret_wrong'],
  ['a short wrong secret', {}, 'x', 'secret_wrong'],
  ['a secret longer than any is', {}, 'x'.repeat(4000), 'secret_wrong'],
  ['an unknown client', undefined, clientSecret, 'client_unknown'],
  ['an unknown client and a wrong secret', undefined, 'x', 'client_unknown'],
  ['a deleted client', { status: { S: 'deleted' } }, clientSecret, 'client_unknown'],
  ['a disabled client with the right secret', disabled, clientSecret, 'client_disabled'],
  ['a disabled client with a wrong secret', disabled, otherSecret, 'secret_wrong'],
  ['an expired secret', secrets(expired), clientSecret, 'secret_expired'],
  [
    'an expired secret beside a live one',
    secrets(expired, { text: otherSecret }),
    clientSecret,
    'secret_expired',
  ],
  ['a removed secret', secrets({ text: otherSecret }), clientSecret, 'secret_wrong'],
  [
    'neither of two secrets',
    secrets({ text: otherSecret }, { text: thirdSecret }),
    clientSecret,
    'secret_wrong',
  ],
  ['a client without a secret', secrets(), clientSecret, 'secret_wrong'],
  ['a client with a key', { ...withKey, ...secrets() }, clientSecret, 'secret_wrong'],
  ['the right secret at the wrong place', post, clientSecret, 'auth_method_not_registered'],
  ['a record that is malformed', { grants: { S: 'x' } }, clientSecret, 'client_record_invalid'],
]

let made = 0
async function newClientId(stored: Attributes | undefined): Promise<string> {
  const clientId = `client-${String(++made).padStart(8, '0')}`
  if (stored !== undefined) await functions().addClient(clientId, stored)
  return clientId
}

interface Observed {
  readonly answer: FunctionAnswer
  readonly reason: unknown
  /** The requests to the store, without what differs from one client and moment to the next. */
  readonly asked: unknown
}

async function observe(endpoint: EndpointName, clientId: string, secret: string): Promise<Observed> {
  const answer = await functions().invoke(endpoint, clientId, secret)
  // Not what the function asked while it started.
  const asked = JSON.stringify(functions().proxy.bodies.slice(-answer.operations.length))
    .replaceAll(clientId, '<client>')
    .replaceAll(/"\d{10}"/g, '"<time>"')
  return { answer, reason: answer.event.reason, asked: JSON.parse(asked) }
}

/** All that goes out: there is nothing in it that would name the request. */
const seen = ({ answer: { status, headers, body } }: Observed) => ({ status, headers, body })

beforeEach(() => functions().proxy.reset())

describe.each(endpointNames)('the %s endpoint', endpoint => {
  let firstFailure: Observed
  let secondFailure: Observed
  beforeAll(async () => {
    const clientId = await newClientId({})
    firstFailure = await observe(endpoint, clientId, otherSecret)
    secondFailure = await observe(endpoint, clientId, otherSecret)
  })

  it('D22: reads once and counts once for a wrong secret, which is what the others are compared with', () => {
    expect(firstFailure.answer.operations).toEqual(['BatchGetItem', 'UpdateItem'])
    expect(secondFailure.answer.operations).toEqual(['BatchGetItem', 'UpdateItem'])
    expect(firstFailure.answer.status).toBe(401)
    expect(JSON.parse(firstFailure.answer.body)).toEqual({
      error: 'invalid_client',
      error_description: 'client authentication failed',
    })
  })

  it.each(callers)(
    'D22: asks the store for the same, and gives the same answer, for %s (CWE-208, RFC 6749 §5.2)',
    async (_, stored, secret, reason) => {
      const clientId = await newClientId(stored)
      for (const expected of [firstFailure, secondFailure, secondFailure]) {
        const observed = await observe(endpoint, clientId, secret)
        expect(observed.reason).toBe(reason)
        expect(observed.answer.operations).toEqual(expected.answer.operations)
        expect(observed.asked).toEqual(expected.asked)
        expect(seen(observed)).toEqual(seen(expected))
      }
    },
  )

  it('D22: asks and answers the same where the counter has come to its end, whoever it is', async () => {
    const locked: Observed[] = []
    for (const [, stored, secret] of [...callers, ['the right secret', {}, clientSecret] as const]) {
      const clientId = await newClientId(stored)
      await lock(clientId)
      locked.push(await observe(endpoint, clientId, secret))
    }
    const [first] = locked
    if (first === undefined) throw new Error('nobody was observed')
    expect([first.answer.status, first.answer.operations]).toEqual([429, ['BatchGetItem']])
    for (const observed of locked) {
      expect(observed.reason).toBe('too_many_failures')
      expect(observed.asked).toEqual(first.asked)
      expect(withoutWait(seen(observed))).toEqual(withoutWait(seen(first)))
    }
  })

  it('D22: asks the store for nothing where the request is refused for its form, whoever it names', async () => {
    const known = await newClientId({})
    for (const clientId of [known, await newClientId(undefined)]) {
      const parts = { body: `${endpoints[endpoint].form}&client_secret=x` }
      const answer = await functions().invoke(endpoint, clientId, clientSecret, parts)
      expect([answer.status, answer.event.reason, answer.operations]).toEqual([
        400,
        'credentials_repeated',
        [],
      ])
    }
  })
})

/** As after twenty failures a moment ago, from the address of the tests' events. */
async function lock(clientId: string): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  await functions().store.put('SingleUse', {
    id: { S: `failures#${clientId}#192.0.2.7` },
    failures: { N: '20' },
    since: { N: String(now) },
    expires_at: { N: String(now + 120) },
  })
}

/** The seconds to wait become fewer while the test runs. */
function withoutWait({ status, headers, body }: ReturnType<typeof seen>) {
  const { 'retry-after': wait, ...others } = headers
  expect(Number(wait)).toBeGreaterThan(50)
  return { status, headers: others, body }
}
