import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { accessTokenHeader, maxAccessTokenLength } from '../../lambda/oauth/access-token.ts'
import { buildAccessTokenClaims } from '../../lambda/oauth/access-token-claims.ts'
import { resourceServerId } from '../../lambda/oauth/administration/resource-server-record.ts'
import { type Json, orders, type RegisteredClient } from '../flow/local-stack.ts'
import { sendSigned } from '../flow/signed-request.ts'
import { type Answer, type DecidedAnswer, useAttackedStack } from './support/attacked-stack.ts'

const attacked = useAttackedStack()

/** What an audience and all scopes for it, separated by spaces, have together at most, in characters. */
const longest = 5019

let audiences = 0
const newAudience = (length = 40) => `https://${String(++audiences).padStart(length - 12, 'r')}.com`

/** Distinct scope tokens that have this length together, their spaces included. */
function scopesOf(length: number): string[] {
  const count = Math.ceil(length / 101)
  const characters = length - (count - 1)
  return Array.from({ length: count }, (_, index) =>
    String(index).padStart(Math.floor((characters + index) / count), 's'),
  )
}

const scopes = (names: readonly string[]) => names.map(scope => ({ scope }))

async function admin(method: string, path: string, body: Json): Promise<Answer> {
  const answer = await sendSigned(attacked().stack, method, path, { body: JSON.stringify(body) })
  const requestId = answer.headers.get('apigw-requestid') ?? ''
  return { ...answer, body: JSON.stringify(answer.body), requestId }
}

const clientRule = {
  error: 'invalid_client_metadata',
  error_description: 'grants: a token with all scopes of one resource would be too long for an HTTP header',
}
const resourceServerRule = {
  error: 'invalid_resource_server',
  error_description: 'scopes: a token with all of them would be too long for an HTTP header',
}

async function refused(
  audit: string,
  rule: { error: string },
  ...request: [string, string, Json]
): Promise<void> {
  const { status, body, event } = await attacked().refused(audit, () => admin(...request))
  expect([status, JSON.parse(body), event.reason]).toEqual([400, rule, rule.error])
}

const clientOf = (...grants: Json[]): Json => ({ client_name: 'of many scopes', grants })

/** An audience and its scopes, so that the token of a client that is granted them all is as long as any can be. */
async function registerLongest(audience = newAudience()): Promise<{ resource: string; scope: string }> {
  const names = scopesOf(longest - audience.length)
  const scope = names.join(' ')
  expect(audience.length + scope.length).toBe(longest)
  const body = { audience, scopes: scopes(names) }
  expect((await admin('POST', '/resource-servers', body)).status).toBe(201)
  return { resource: audience, scope }
}

async function tokenOf(client: RegisteredClient, parameters: Record<string, string> = {}): Promise<string> {
  const token = await attacked().stack.token(client, parameters)
  attacked().keepSecret(token)
  return token
}

function authorized(token: string, headers: Record<string, string> = {}): Promise<DecidedAnswer> {
  const send = () =>
    fetch(attacked().stack.url('orders', '/orders'), {
      headers: { ...headers, authorization: `Bearer ${token}` },
    })
  return attacked().refused('api.authorize', send)
}

describe('a client', () => {
  it('E11: whose token would be as long as any gets it, whole, and it goes through gateway and authorizer', async () => {
    const grant = await registerLongest()
    const client = await attacked().stack.register({ grants: [grant] })
    const send = () => attacked().stack.requestToken(client)
    const { status, body } = await attacked().allowed('token.issue', send)
    const { access_token: token, scope } = JSON.parse(body) as Json & { access_token: string }
    attacked().keepSecret(token)
    expect([status, scope, decodeJwt(token).scope]).toEqual([200, grant.scope, grant.scope])
    expect(token.length).toBeGreaterThan(7000)
    expect(token.length).toBeLessThanOrEqual(maxAccessTokenLength)
    // The signature has been verified when the audience is looked at.
    const others = { cookie: 'x'.repeat(1500) }
    expect((await authorized(token, others)).event.reason).toBe('audience_mismatch')
    const { introspectionEndpoint } = attacked().stack.endpoints
    const introspected = await attacked().allowed('token.introspect', () =>
      attacked().stack.post(introspectionEndpoint, { token }, client),
    )
    expect(JSON.parse(introspected.body)).toMatchObject({ active: true, scope: grant.scope })
    expect((await attacked().stack.revoke(client, token)).status).toBe(200)
  })

  it('E11: with many grants has one of them in a token, so that each may be that long', async () => {
    const grants = [await registerLongest(), await registerLongest(), await registerLongest()]
    const client = await attacked().stack.register({ grants })
    for (const { resource, scope } of grants) {
      const token = await tokenOf(client, { resource })
      expect([decodeJwt(token).aud, decodeJwt(token).scope]).toEqual([resource, scope])
      expect(token.length).toBeLessThanOrEqual(maxAccessTokenLength)
    }
  })

  it.each([
    ['one character more than fits', longest + 1 - orders.length],
    ['twice as much', 2 * longest],
    ['100 kB', 100_000],
  ])('E11: is not registered with scopes of %s, before anything is looked up', async (_, length) => {
    const scope = 'x'.repeat(length)
    await refused('client.create', clientRule, 'POST', '/clients', clientOf({ resource: orders, scope }))
  })

  it('E11: is not registered with a long audience in place of long scopes, nor with many short ones', async () => {
    const resource = newAudience(512)
    const fits = 'x'.repeat(longest - 512)
    await refused('client.create', clientRule, 'POST', '/clients', clientOf({ resource, scope: `${fits}x` }))
    const short = Array.from({ length: 2000 }, (_, index) => `s:${index}`).join(' ')
    await refused(
      'client.create',
      clientRule,
      'POST',
      '/clients',
      clientOf({ resource: orders, scope: short }),
    )
    // What fits gets to the next rule: its resource server has to be registered.
    const answer = await attacked().refused('client.create', () =>
      admin('POST', '/clients', clientOf({ resource, scope: fits })),
    )
    expect(JSON.parse(answer.body).error_description).toMatch(/is not registered/)
  })

  it('E11: is not registered with one such grant among others, at whatever place', async () => {
    const small = { resource: orders, scope: 'orders:read' }
    const large = { resource: newAudience(), scope: 'x'.repeat(longest) }
    for (const grants of [
      [large, small],
      [small, large],
    ])
      await refused('client.create', clientRule, 'POST', '/clients', clientOf(...grants))
  })

  it('E11: does not get them by an update, and keeps what it had (RFC 7592 §2.2)', async () => {
    const client = await attacked().stack.register()
    const update = {
      ...clientOf({ resource: orders, scope: `orders:read ${'x'.repeat(longest)}` }),
      token_endpoint_auth_method: 'client_secret_basic',
      version: client.version,
    }
    await refused('client.update', clientRule, 'PUT', `/clients/${client.client_id}`, update)
    expect(decodeJwt(await tokenOf(client)).scope).toBe('orders:read orders:write')
  })

  it('E11: may name a scope as often as it likes: it counts once', async () => {
    const scope = Array.from({ length: 2000 }, () => 'orders:read').join(' ')
    const client = await attacked().stack.register({ grants: [{ resource: orders, scope }] })
    expect(decodeJwt(await tokenOf(client)).scope).toBe('orders:read')
  })
})

describe('a resource server', () => {
  it('E11: is not registered with scopes of which no client could have all', async () => {
    const audience = newAudience()
    const body = { audience, scopes: scopes(scopesOf(longest + 1 - audience.length)) }
    await refused('resource-server.create', resourceServerRule, 'POST', '/resource-servers', body)
  })

  it('E11: does not get them by an update', async () => {
    const { resource, scope } = await registerLongest()
    const [first = '', ...others] = scope.split(' ')
    const body = { version: 1, scopes: scopes([`${first}x`, ...others]) }
    const path = `/resource-servers/${resourceServerId(resource)}`
    await refused('resource-server.update', resourceServerRule, 'PUT', path, body)
    const client = await attacked().stack.register({ grants: [{ resource, scope }] })
    expect(decodeJwt(await tokenOf(client)).scope).toBe(scope)
  })
})

describe('the longest token', () => {
  it('E11: fits with the longest issuer, client and key that there can be', () => {
    const audience = newAudience(512)
    const grant = { audience, scope: ['x'.repeat(longest - audience.length)] }
    const client = { clientId: 'c'.repeat(64), tokensRevokedUpTo: 0 }
    const issuer = `https://${'i'.repeat(253)}`
    const claims = buildAccessTokenClaims(issuer, client, grant, 3600, 1_767_323_045, 'j'.repeat(22))
    const header = accessTokenHeader({ algorithm: 'ES256', kid: 'k'.repeat(64) })
    const signature = Buffer.alloc(64)
    const parts = [header, JSON.stringify(claims), signature].map(part =>
      Buffer.from(part as string).toString('base64url'),
    )
    expect(parts.join('.').length).toBeLessThanOrEqual(maxAccessTokenLength)
  })
})
