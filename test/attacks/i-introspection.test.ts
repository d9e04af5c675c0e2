import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { basic, type Json, orders, payments, type RegisteredClient } from '../flow/local-stack.ts'
import { type DecidedAnswer, useAttackedStack } from './support/attacked-stack.ts'
import { hostileClaims, signedByServer, spellings } from './support/hostile-access-tokens.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()
let client: RegisteredClient
let resourceServer: RegisteredClient

beforeAll(async () => {
  client = await newClient()
  resourceServer = await newClient({ resource_server: orders, grants: [] })
})

async function newClient(metadata: Json = {}): Promise<RegisteredClient> {
  const registered = await attacked().stack.register(metadata)
  attacked().keepSecret(registered.client_secret)
  return registered
}

async function newToken(of = client): Promise<string> {
  const token = await attacked().stack.token(of, { scope: 'orders:read' })
  attacked().keepSecret(token)
  return token
}

const url = () => `${attacked().stack.endpoints.issuer}/introspect`

function introspect(
  token: string,
  by = resourceServer,
  more: Record<string, string> = {},
): Promise<DecidedAnswer> {
  return attacked().allowed('token.introspect', () => attacked().stack.post(url(), { token, ...more }, by))
}

function expectCacheless({ headers }: DecidedAnswer): void {
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('pragma')).toBe('no-cache')
  expect(headers.get('content-type')).toBe('application/json')
  expect(headers.get('access-control-allow-origin')).toBe(null)
}

/** What nobody can tell from any other such answer (RFC 7662 §2.2). */
function expectInactive(answer: DecidedAnswer, reason: string): void {
  expect([answer.status, answer.body, answer.event.reason]).toEqual([200, '{"active":false}', reason])
  expectCacheless(answer)
}

const names = (headers: Headers) =>
  [...headers.keys()].filter(name => !['date', 'apigw-requestid', 'content-length'].includes(name)).toSorted()

describe('introspection', () => {
  it('I1: takes no request without a client, or with a wrong one (RFC 7662 §2.1)', async () => {
    const token = await newToken()
    const wrong = { ...resourceServer, client_secret: 'wrong' }
    const refused = (by?: RegisteredClient) =>
      attacked().refused('token.introspect', () => attacked().stack.post(url(), { token }, by))
    for (const [by, reason] of [
      [undefined, 'credentials_missing'],
      [wrong, 'secret_wrong'],
      [{ ...wrong, client_id: 'nobody' }, 'client_unknown'],
    ] as const) {
      const answer = await refused(by)
      expectOAuthError(answer, 401, 'invalid_client')
      expect(answer.event.reason).toBe(reason)
    }
    const headers = { authorization: `Bearer ${token}` }
    const byToken = () => fetch(url(), { method: 'POST', headers, body: new URLSearchParams({ token }) })
    expectOAuthError(await attacked().refused('token.introspect', byToken), 401, 'invalid_client')
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])(
    'I2: takes POST only, not %s (RFC 7662 §2.1)',
    async method => {
      const send = () =>
        fetch(`${url()}?token=x`, { method, headers: { authorization: basic(resourceServer) } })
      const answer = await attacked().refused('token.introspect', send)
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
      expect(answer.headers.get('cache-control')).toBe('no-store')
    },
  )

  it.each<[string, string, string | undefined, string, string]>([
    ['JSON', '', 'application/json', '{"token":"x"}', 'content_type_unsupported'],
    ['no content type', '', undefined, 'token=x', 'content_type_unsupported'],
    ['a token in the URL', '?token=x', 'application/x-www-form-urlencoded', 'token=x', 'query_not_allowed'],
    ['no token', '', 'application/x-www-form-urlencoded', 'a=b', 'token_missing'],
    ['an empty token', '', 'application/x-www-form-urlencoded', 'token=', 'token_missing'],
    ['two tokens', '', 'application/x-www-form-urlencoded', 'token=a&token=b', 'parameter_repeated'],
    ['a token list', '', 'application/x-www-form-urlencoded', 'token[]=a', 'token_missing'],
    ['17 KiB', '', 'application/x-www-form-urlencoded', `token=${'x'.repeat(17_000)}`, 'body_too_large'],
  ])('I2: takes a form with one token, not %s (RFC 7662 §2.1)', async (_, query, type, text, reason) => {
    const headers = {
      authorization: basic(resourceServer),
      ...(type !== undefined && { 'content-type': type }),
    }
    const body = type === undefined ? Buffer.from(text) : text
    const answer = await attacked().refused('token.introspect', () =>
      fetch(url() + query, { method: 'POST', headers, body }),
    )
    expectOAuthError(answer, 400, 'invalid_request')
    expect(answer.event.reason).toBe(reason)
  })

  it('I4: of what is no live token is two words and nothing else (RFC 7662 §2.2)', async () => {
    const token = await newToken()
    const shapes = new Set<string>()
    for (const [, text] of spellings(token)) {
      const answer = await introspect(text)
      expectInactive(answer, 'not_a_live_token')
      shapes.add(names(answer.headers).join())
    }
    expect(shapes.size).toBe(1)
    const control = await signedByServer(attacked().stack, client, {})
    for (const live of [token, control]) expect(JSON.parse((await introspect(live)).body).active).toBe(true)
  })

  it.each(hostileClaims)('I4: of a token %s is two words (RFC 7662 §2.2)', async (_, claims) => {
    const token = await signedByServer(attacked().stack, client, claims())
    expectInactive(await introspect(token), 'not_a_live_token')
    expectInactive(await introspect(token, client), 'not_a_live_token')
  })

  it('I4: of a token that was revoked, by whomever, is two words, from the next request on', async () => {
    const { stack } = attacked()
    const revocations: [string, (owner: RegisteredClient, token: string) => Promise<{ status: number }>][] = [
      ['its client', (owner, token) => stack.revoke(owner, token)],
      ['an administrator', (_, token) => stack.admin('POST', '/tokens/revoke', { token })],
      ['with all of its client', owner => stack.admin('POST', `/clients/${owner.client_id}/revoke-tokens`)],
      ['with its client, disabled', owner => stack.admin('POST', `/clients/${owner.client_id}/disable`)],
      ['with its client, deleted', owner => stack.admin('DELETE', `/clients/${owner.client_id}`)],
    ]
    for (const [, revoke] of revocations) {
      const owner = await newClient()
      const token = await newToken(owner)
      expect(JSON.parse((await introspect(token)).body).active).toBe(true)
      expect((await revoke(owner, token)).status).toBeLessThan(300)
      expectInactive(await introspect(token), 'token_revoked')
    }
  })

  it('I5: of another client’s token, by who is not its resource server, is two words (RFC 7662 §4)', async () => {
    const token = await newToken()
    const strangers = [
      await newClient(),
      await newClient({ resource_server: payments, grants: [] }),
      await newClient({ resource_server: payments }),
      await newClient({ grants: [{ resource: payments, scope: 'payments:read' }] }),
    ]
    for (const stranger of strangers) {
      expectInactive(await introspect(token, stranger), 'token_of_other_audience')
      expectInactive(await introspect(token, stranger, { resource: orders }), 'token_of_other_audience')
      expectInactive(
        await introspect(token, stranger, { client_id: stranger.client_id }),
        'token_of_other_audience',
      )
    }
  })

  it('I5: of a token tells its resource server and its client what is in it, and no more (RFC 7662 §2.2)', async () => {
    const token = await newToken()
    const claims = decodeJwt(token)
    for (const by of [resourceServer, client]) {
      const answer = await introspect(token, by)
      expect(JSON.parse(answer.body)).toEqual({ active: true, token_type: 'Bearer', ...claims })
      expect(answer.event).toMatchObject({
        reason: 'ok',
        clientId: by.client_id,
        jti: claims.jti,
        audience: orders,
      })
      expectCacheless(answer)
    }
  })

  it('I5: follows the client’s registration: a resource server that is none any more knows nothing', async () => {
    const token = await newToken()
    const former = await newClient({ resource_server: orders, grants: [] })
    expect(JSON.parse((await introspect(token, former)).body).active).toBe(true)
    const { stack } = attacked()
    const update = {
      client_name: 'former',
      token_endpoint_auth_method: 'client_secret_basic',
      version: former.version,
    }
    const moved = { ...update, grants: [], resource_server: payments }
    expect((await stack.admin('PUT', `/clients/${former.client_id}`, moved)).status).toBe(200)
    expectInactive(await introspect(token, former), 'token_of_other_audience')
    await stack.admin('POST', `/clients/${former.client_id}/disable`)
    const send = () => stack.post(url(), { token }, former)
    const answer = await attacked().refused('token.introspect', send)
    expectOAuthError(answer, 401, 'invalid_client')
    expect(answer.event.reason).toBe('client_disabled')
  })

  it.each(['access_token', 'refresh_token', 'nonsense', '__proto__'])(
    'I6: looks the token up whatever the hint: %s (RFC 7662 §2.1)',
    async token_type_hint => {
      const answer = await introspect(await newToken(), resourceServer, { token_type_hint })
      expect(JSON.parse(answer.body).active).toBe(true)
    },
  )

  it('I7: of a hundred guesses tells nothing, and has a limit (RFC 7662 §4)', async () => {
    const [header, payload] = (await newToken()).split('.')
    const guess = (index: number) =>
      `${header}.${payload}.${Buffer.from(`${index}`.padStart(64, '0')).toString('base64url')}`
    const shapes = new Set<string>()
    for (let index = 0; index < 100; index += 10) {
      const guesses = Array.from({ length: 10 }, (_, more) => guess(index + more))
      const answers = await Promise.all(
        guesses.map(token => attacked().stack.post(url(), { token }, resourceServer)),
      )
      for (const answer of answers) {
        shapes.add(JSON.stringify([answer.status, await answer.text(), names(answer.headers)]))
      }
    }
    expect([...shapes]).toHaveLength(1)
    const [stack] = readCloudAssembly(inject('assemblyDir'))
    const stage = stack?.resources.find(({ path }) => path.startsWith('AuthorizationServer/Api/DefaultStage'))
    expect(stage?.properties.DefaultRouteSettings).toEqual({
      ThrottlingRateLimit: 500,
      ThrottlingBurstLimit: 1000,
    })
  })
})
