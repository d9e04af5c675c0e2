import { describe, expect, it } from 'vitest'
import { basic, type RegisteredClient } from '../flow/local-stack.ts'
import { AssertionClient } from './support/assertion-client.ts'
import {
  type ClientRequest,
  type EndpointName,
  endpointNames,
  formType,
  grant,
  useAttackedEndpoints,
} from './support/attacked-endpoints.ts'
import type { DecidedAnswer } from './support/attacked-stack.ts'
import { jwtBearer, withSignature } from './support/client-assertion.ts'
import { expectOAuthError } from './support/oauth-error.ts'
import { postFrom } from './support/request-from.ts'

const attackedEndpoints = useAttackedEndpoints()
const here = '127.0.0.1'
const elsewhere = '127.0.0.7'
/** So many failures are answered, in a minute. */
const limit = 20

type Credentials = Pick<RegisteredClient, 'client_id' | 'client_secret'>

let made = 0
const unknownClient = (): Credentials => ({
  client_id: String(++made).padStart(32, '0'),
  client_secret: 'wrong',
})
const guess = ({ client_id }: Credentials, text = 'wrong'): Credentials => ({
  client_id,
  client_secret: text,
})

/** Fails so often, one after the other and none of them again, so that the number is exact. */
async function fail(client: Credentials, times: number, request: ClientRequest = {}): Promise<void> {
  for (let time = 0; time < times; time++) {
    const endpoint = endpointNames[time % endpointNames.length] ?? 'token'
    const guessed = guess(client, `wrong-${time}`)
    const response = await attackedEndpoints().send(endpoint, { client: guessed, ...request })
    expect([response.status, await response.json()]).toMatchObject([401, { error: 'invalid_client' }])
  }
}

async function locked(
  client: Credentials,
  endpoint: EndpointName = 'token',
  request: ClientRequest = {},
): Promise<DecidedAnswer> {
  const answer = await attackedEndpoints().refused(endpoint, { client, ...request }, 'too_many_failures')
  const wait = answer.headers.get('retry-after') ?? ''
  expect(wait).toMatch(/^[1-9][0-9]?$/)
  expect(Number(wait)).toBeLessThanOrEqual(60)
  return answer
}

const sendFrom = (address: string, client: Credentials, headers: Record<string, string> = {}) =>
  postFrom(
    address,
    attackedEndpoints().url('token'),
    { authorization: basic(client), 'content-type': formType, ...headers },
    grant,
  )

async function allowedFrom(address: string, client: Credentials): Promise<void> {
  const answer = await attackedEndpoints().attacked.allowed('token.issue', () => sendFrom(address, client))
  expect([answer.status, answer.event.sourceIp]).toEqual([200, address])
  attackedEndpoints().attacked.keepSecret(String(JSON.parse(answer.body).access_token))
}

/** What a caller sees, but for what is another one with each answer. */
function seen({ status, headers, body }: DecidedAnswer) {
  const fields = Object.fromEntries(headers)
  for (const name of ['date', 'apigw-requestid', 'retry-after']) delete fields[name]
  return { status, fields, body }
}

describe('a client that fails to authenticate', () => {
  it('D2: is heard again after nineteen failures, and after twenty not, with the right secret neither (RFC 6749 §10.10, RFC 6585 §4)', async () => {
    const client = await attackedEndpoints().register()
    await fail(client, limit - 1)
    for (const endpoint of endpointNames) await attackedEndpoints().allowed(endpoint, { client })
    await fail(client, 1)
    for (const endpoint of endpointNames) {
      const answer = await locked(client, endpoint)
      expect(answer.headers.has('www-authenticate')).toBe(false)
      expect(answer.event).toMatchObject({ clientId: client.client_id, sourceIp: here })
      expect(seen(await locked(guess(client), endpoint))).toEqual(seen(answer))
    }
  })

  it.each(endpointNames)('D2: at the %s endpoint alone is not heard at the others', async endpoint => {
    const client = await attackedEndpoints().register()
    for (let time = 0; time < limit; time++)
      expect((await attackedEndpoints().send(endpoint, { client: guess(client) })).status).toBe(401)
    for (const other of endpointNames) await locked(client, other)
  })

  it('D2: is told so whether it exists or not: the answers are alike, failure by failure', async () => {
    const client = await attackedEndpoints().register()
    const disabled = await attackedEndpoints().register()
    const { stack } = attackedEndpoints().attacked
    await stack.admin('POST', `/clients/${disabled.client_id}/disable`)
    const unknown = unknownClient()
    for (const one of [client, disabled, unknown]) await fail(one, limit)
    const answer = await locked(client)
    for (const other of [guess(client), disabled, guess(disabled), unknown, guess(unknown, 'x')])
      expect(seen(await locked(other))).toEqual(seen(answer))
    // What may be a secret in the wrong place is not in the audit event.
    expect((await locked(unknown)).event).not.toHaveProperty('clientId')
  })

  it('D2: still gets its token at another address (no lockout by strangers)', async () => {
    const client = await attackedEndpoints().register()
    await fail(client, limit)
    await locked(client)
    await allowedFrom(elsewhere, client)
    for (let time = 0; time < limit; time++)
      expect((await sendFrom(elsewhere, guess(client))).status).toBe(401)
    const answer = await attackedEndpoints().attacked.refused('token.issue', () =>
      sendFrom(elsewhere, client),
    )
    expectOAuthError(answer, 429, 'too_many_requests')
    await allowedFrom('127.0.0.8', client)
  })

  it('D2: takes no other client of its address with it', async () => {
    const [client, neighbour] = [await attackedEndpoints().register(), await attackedEndpoints().register()]
    await fail(client, limit)
    await fail(unknownClient(), limit)
    await locked(client)
    await attackedEndpoints().allowed('token', { client: neighbour })
    await attackedEndpoints().refused('token', { client: guess(neighbour) }, 'secret_wrong')
    await attackedEndpoints().refused('token', { client: unknownClient() }, 'client_unknown')
  })

  it('D2: is not forgiven for a success in between', async () => {
    const client = await attackedEndpoints().register()
    await fail(client, limit - 1)
    await attackedEndpoints().allowed('token', { client })
    await attackedEndpoints().allowed('revoke', { client })
    await fail(client, 1)
    await locked(client)
  })

  it('D2: is not heard after a burst of guesses either, however many come at once', async () => {
    const client = await attackedEndpoints().register()
    const guesses = Array.from({ length: 3 * limit }, (_, time) =>
      attackedEndpoints().send('token', { client: guess(client, `burst-${time}`) }),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter(status => status !== 401 && status !== 429)).toEqual([])
    await locked(client)
  })
})

describe('what a caller says of itself', () => {
  const headersOf = (address: string) => ({
    'x-forwarded-for': address,
    'x-real-ip': address,
    'x-client-ip': address,
    'true-client-ip': address,
    forwarded: `for=${address}`,
  })

  it('D2: makes it no other address: no header brings a new counter', async () => {
    const client = await attackedEndpoints().register()
    for (let time = 0; time < limit; time++)
      await fail(client, 1, {
        headers: { ...headersOf(`203.0.113.${time}`), 'user-agent': `guesser ${time}` },
      })
    await locked(client)
    await locked(client, 'token', { headers: headersOf('198.51.100.1') })
  })

  it('D2: locks nobody out at an address that it only names', async () => {
    const client = await attackedEndpoints().register()
    for (let time = 0; time < limit; time++)
      expect((await sendFrom(elsewhere, guess(client), headersOf(here))).status).toBe(401)
    await attackedEndpoints().allowed('token', { client })
  })

  it('D2: counts for the client that it names, however it spells it and in whatever method', async () => {
    const client = await attackedEndpoints().register()
    const escaped = Buffer.from(client.client_id).toString('hex').replaceAll(/../g, '%$&')
    const inBody = `client_id=${escaped}&client_secret=wrong`
    await fail(client, 5)
    await fail({ ...client, client_id: escaped }, 5)
    for (let time = 0; time < 5; time++) {
      const response = await attackedEndpoints().send('token', { and: inBody })
      expect(response.status).toBe(401)
    }
    const assertion = `client_assertion_type=${encodeURIComponent(jwtBearer)}&client_assertion=${forged(client)}`
    for (let time = 0; time < 5; time++) {
      const response = await attackedEndpoints().send('token', { and: assertion })
      expect(response.status).toBe(401)
    }
    await locked(client)
    await attackedEndpoints().refused('revoke', { and: inBody }, 'too_many_failures')
  })
})

/** An assertion in a client's name, which no key has signed. */
function forged({ client_id }: Credentials): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: client_id, sub: client_id, aud: 'x', exp: now + 60, jti: 'forged' }
  const segments = [{ alg: 'ES256' }, claims].map(part => Buffer.from(JSON.stringify(part)))
  return `${segments.map(part => part.toString('base64url')).join('.')}.${'A'.repeat(86)}`
}

describe('what is no failure to authenticate', () => {
  it('D2: is not counted: a request that is refused after the client has been authenticated', async () => {
    const client = await attackedEndpoints().register()
    for (let time = 0; time <= limit; time++)
      await attackedEndpoints().refused('token', { client, and: 'scope=nonsense' }, 'scope_not_granted')
    await attackedEndpoints().allowed('token', { client })
  })

  it('D2: is not counted: a request whose credentials are none, or are two', async () => {
    const client = await attackedEndpoints().register()
    for (let time = 0; time < 7; time++) {
      await attackedEndpoints().refused(
        'token',
        { and: `client_id=${client.client_id}` },
        'credentials_missing',
      )
      await attackedEndpoints().refused('token', { client, and: 'client_secret=x' }, 'credentials_repeated')
      await attackedEndpoints().refused('token', { client: guess(client, '') }, 'credentials_malformed')
    }
    await attackedEndpoints().allowed('token', { client })
  })

  it('D2: is not counted: what can be no identifier has no counter', async () => {
    for (let time = 0; time <= limit; time++)
      await attackedEndpoints().refused(
        'token',
        { client: guess({ client_id: 'a#b', client_secret: '' }) },
        'client_unknown',
      )
  })
})

describe('a client with a key', () => {
  it('D2: is not heard after twenty forged assertions, and its honest one is not used up', async () => {
    const { attacked, url } = attackedEndpoints()
    const client = await AssertionClient.register(attacked)
    for (let time = 0; time < limit; time++) {
      const response = await client.requestToken(withSignature(await client.honest(), Buffer.alloc(64, 1)))
      expect(response.status).toBe(401)
    }
    const honest = await client.honest()
    const answer = await attacked.refused('token.issue', () => client.requestToken(honest))
    expectOAuthError(answer, 429, 'too_many_requests')
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: jwtBearer,
      client_assertion: honest,
    }
    const body = new URLSearchParams(form).toString()
    const { status } = await postFrom(
      elsewhere,
      url.call(attackedEndpoints(), 'token'),
      { 'content-type': formType },
      body,
    )
    expect(status).toBe(200)
  })
})
