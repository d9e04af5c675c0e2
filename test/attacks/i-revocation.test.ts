import { randomUUID } from 'node:crypto'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { basic, type Json, orders, type RegisteredClient } from '../flow/local-stack.ts'
import { untilRefused } from '../flow/until-refused.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { accessToken, signingKeyPair } from '../lambda/support/signing-key-pair.ts'
import { AssertionClient } from './support/assertion-client.ts'
import { type DecidedAnswer, useAttackedStack } from './support/attacked-stack.ts'
import { hostileClaims, signedByServer, spellings } from './support/hostile-access-tokens.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
let client: RegisteredClient
let other: RegisteredClient

beforeAll(async () => {
  ;[client, other] = [await newClient(), await newClient()]
})

async function newClient(): Promise<RegisteredClient> {
  const registered = await attacked().stack.register()
  attacked().keepSecret(registered.client_secret)
  return registered
}

async function newToken(of = client): Promise<string> {
  const token = await attacked().stack.token(of)
  attacked().keepSecret(token)
  return token
}

const url = () => attacked().stack.endpoints.revocationEndpoint

function revoke(token: string, by = client, more: Record<string, string> = {}): Promise<DecidedAnswer> {
  return attacked().allowed('token.revoke', () => attacked().stack.post(url(), { token, ...more }, by))
}

/** What a success and nothing to revoke look like alike (RFC 7009 §2.2). */
function expectDone(answer: DecidedAnswer, reason: string): void {
  expect([answer.status, answer.body, answer.event.reason]).toEqual([200, '', reason])
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('pragma')).toBe('no-cache')
  expect(answer.headers.get('access-control-allow-origin')).toBe(null)
}

/** The subjects of everything that is recorded as revoked. */
async function recorded(): Promise<string[]> {
  const { aws, tables } = attacked().stack.endpoints
  const scan = new ScanCommand({ TableName: tables.Revocations, ConsistentRead: true })
  const { Items = [] } = await storeClient(aws.dynamodb).send(scan)
  return Items.map(item => item.subject?.S ?? '').toSorted()
}

const jtiOf = (token: string) => `jti#${decodeJwt(token).jti}`

describe('revocation', () => {
  it('I10: takes no request without a client, or with a wrong one (RFC 7009 §2.1)', async () => {
    const { stack } = attacked()
    const token = await newToken()
    for (const [by, reason] of [
      [undefined, 'credentials_missing'],
      [{ ...client, client_secret: 'wrong' }, 'secret_wrong'],
      [{ ...client, client_id: 'nobody' }, 'client_unknown'],
    ] as const) {
      const answer = await attacked().refused('token.revoke', () => stack.post(url(), { token }, by))
      expectOAuthError(answer, 401, 'invalid_client')
      expect(answer.event.reason).toBe(reason)
    }
    expect(await recorded()).not.toContain(jtiOf(token))
    expect(await stack.call('GET', stack.url('orders', '/orders'), token)).toBe(200)
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])(
    'I10: takes POST only, not %s (RFC 7009 §2.1)',
    async method => {
      const headers = { authorization: basic(client) }
      const answer = await attacked().refused('token.revoke', () =>
        fetch(`${url()}?token=x`, { method, headers }),
      )
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    },
  )

  it.each<[string, string, string]>([
    ['no token', 'a=b', 'token_missing'],
    ['an empty token', 'token=', 'token_missing'],
    ['two tokens', 'token=a&token=b', 'parameter_repeated'],
    ['two hints', 'token=a&token_type_hint=b&token_type_hint=c', 'parameter_repeated'],
    ['a malformed escape', 'token=%zz', 'parameter_malformed'],
  ])('I10: takes a form with one token, not %s (RFC 7009 §2.1)', async (_, body, reason) => {
    const headers = { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await attacked().refused('token.revoke', () =>
      fetch(url(), { method: 'POST', headers, body }),
    )
    expectOAuthError(answer, 400, 'invalid_request')
    expect(answer.event.reason).toBe(reason)
  })

  it('I11: of what is no live token is 200 without content, and nothing is recorded (RFC 7009 §2.2)', async () => {
    const before = await recorded()
    for (const [, text] of spellings(await newToken())) {
      expectDone(await revoke(text), 'not_a_live_token')
    }
    for (const [, claims] of hostileClaims) {
      expectDone(await revoke(await signedByServer(attacked().stack, client, claims())), 'not_a_live_token')
    }
    expect(await recorded()).toEqual(before)
  })

  it('I12: twice is as good as once (RFC 7009 §2.2)', async () => {
    const token = await newToken()
    for (let time = 0; time < 3; time++) expectDone(await revoke(token), 'ok')
    expect((await recorded()).filter(subject => subject === jtiOf(token))).toHaveLength(1)
    const { stack } = attacked()
    expect(await untilRefused(stack, stack.url('orders', '/orders'), token)).toBe(401)
  })

  it.each(['refresh_token', 'access_token', 'unsupported', '__proto__', 'x'.repeat(1000)])(
    'I13: works whatever the hint: %s (RFC 7009 §2.1; I14: an unsupported one is ignored)',
    async token_type_hint => {
      const token = await newToken()
      expectDone(await revoke(token, client, { token_type_hint }), 'ok')
      expect(await recorded()).toContain(jtiOf(token))
    },
  )

  it('I15: of another client’s token is refused, and the token lives on (RFC 7009 §2.1)', async () => {
    const { stack } = attacked()
    const token = await newToken()
    const additions: Record<string, string>[] = [{}, { client_id: other.client_id }, { token_type_hint: 'x' }]
    for (const more of additions) {
      const send = () => stack.post(url(), { token, ...more }, other)
      const answer = await attacked().refused('token.revoke', send)
      expectOAuthError(answer, 400, 'unauthorized_client')
      expect(answer.event).toMatchObject({ reason: 'token_of_other_client', clientId: other.client_id })
    }
    expect(await recorded()).not.toContain(jtiOf(token))
    expect(await stack.call('GET', stack.url('orders', '/orders'), token)).toBe(200)
  })

  it('I17: with a forged token that names a victim is 200 and records nothing (RFC 7009 §2.2)', async () => {
    const { stack } = attacked()
    const victim = await newToken()
    const claims = decodeJwt(victim) as Json
    const pair = signingKeyPair()
    const { kid } = JSON.parse(Buffer.from(victim.split('.')[0] ?? '', 'base64url').toString())
    const before = await recorded()
    const forgeries = [
      // By a key of the attacker, under its own name and under the server's.
      accessToken(pair, claims),
      accessToken({ ...pair, key: { ...pair.key, kid } }, claims),
      // As a token of the attacker's own, with the victim's jti.
      accessToken(
        { ...pair, key: { ...pair.key, kid } },
        { ...claims, client_id: other.client_id, sub: other.client_id },
      ),
      accessToken({ ...pair, key: { ...pair.key, kid } }, { ...claims, exp: Number(claims.exp) + 1 }),
    ]
    for (const forged of forgeries) {
      for (const by of [client, other]) expectDone(await revoke(forged, by), 'not_a_live_token')
    }
    expect(await recorded()).toEqual(before)
    expect(await stack.call('GET', stack.url('orders', '/orders'), victim)).toBe(200)
  })

  it('I17: has the identifier of the verified token, however that looks like another kind of record', async () => {
    const before = await recorded()
    for (const jti of ['all', 'client#x', `#${client.client_id}`, '../all', '']) {
      const token = await signedByServer(attacked().stack, client, { jti })
      const answer = await revoke(token)
      expect([answer.status, answer.body]).toEqual([200, ''])
    }
    // The one that is an identifier is recorded as that, and revokes nothing else.
    expect((await recorded()).filter(subject => !before.includes(subject))).toEqual(['jti#all'])
    const { stack } = attacked()
    expect(await stack.call('GET', stack.url('orders', '/orders'), await newToken())).toBe(200)
  })

  it('I18: is seen by introspection from the next request on (RFC 7009 §2)', async () => {
    const { stack } = attacked()
    const token = await newToken()
    const introspect = async () => {
      const response = await stack.post(`${stack.endpoints.issuer}/introspect`, { token }, client)
      return ((await response.json()) as { active: boolean }).active
    }
    expect(await introspect()).toBe(true)
    expectDone(await revoke(token), 'ok')
    expect(await introspect()).toBe(false)
  })
})

describe('revocation by an assertion', () => {
  it('I10: works, with the issuer as its audience and not the endpoint (rfc7523bis §4)', async () => {
    const assertionClient = await AssertionClient.register(attacked())
    const issued = await assertionClient.requestToken(await assertionClient.honest())
    const { access_token: token } = (await issued.json()) as { access_token: string }
    attacked().keepSecret(token)
    const send = (aud: string) => () => {
      return assertionClient.post(url(), assertionClient.crafted({ aud, jti: randomUUID() }), { token })
    }
    for (const aud of [url(), attacked().stack.endpoints.tokenEndpoint, orders]) {
      const answer = await attacked().refused('token.revoke', send(aud))
      expectOAuthError(answer, 401, 'invalid_client')
      expect(answer.event.reason).toBe('assertion_audience_mismatch')
    }
    expect(await recorded()).not.toContain(jtiOf(token))
    expectDone(await attacked().allowed('token.revoke', send(assertionClient.issuer)), 'ok')
    expect(await recorded()).toContain(jtiOf(token))
  })
})
