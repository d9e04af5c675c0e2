import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { type Json, orders, payments, type RegisteredClient } from '../flow/local-stack.ts'
import { type ClientRequest, grant, useAttackedEndpoints } from './support/attacked-endpoints.ts'

const attackedEndpoints = useAttackedEndpoints()
const both = 'orders:read orders:write'
const scopeOf = (text: string) => `scope=${encodeURIComponent(text)}`

/** Granted both scopes of one resource server; `reader` one of them; `clerk` one each of two resource servers. */
let client: RegisteredClient
let reader: RegisteredClient
let clerk: RegisteredClient
beforeAll(async () => {
  const { attacked } = attackedEndpoints()
  client = await attackedEndpoints().register()
  reader = await attackedEndpoints().register({ grants: [{ resource: orders, scope: 'orders:read' }] })
  clerk = await attackedEndpoints().register({
    grants: [
      { resource: orders, scope: 'orders:read' },
      { resource: payments, scope: 'payments:read' },
    ],
  })
  // What is asked for is of the caller's choice, and comes back nowhere.
  attacked.keepSecret('a-scope-that-nobody-has', 'http://127.0.0.1:9/of-nobody')
})

/** No token, no narrower one either, and nothing in the audit event that was asked for but not given. */
async function refused(by: RegisteredClient, and: string, reason: RefusalReason): Promise<void> {
  const { event } = await attackedEndpoints().refused('token', { client: by, and }, reason)
  for (const member of ['scope', 'audience', 'jti']) expect(event).not.toHaveProperty(member)
}

/** The answer, the token and the audit event say the same: this scope, for this audience (RFC 6749 §5.1, RFC 9068 §2.2). */
async function granted(request: ClientRequest, scope: string, audience = orders): Promise<void> {
  const { body, event } = await attackedEndpoints().allowed('token', request)
  const { access_token: token, ...members } = JSON.parse(body) as Json
  expect(members).toEqual({ token_type: 'Bearer', expires_in: 600, scope })
  const claims = decodeJwt(String(token))
  expect([claims.scope, claims.aud]).toEqual([scope, audience])
  expect(event).toMatchObject({ scope, audience, jti: claims.jti, reason: 'ok' })
}

describe('a scope that the client is not granted', () => {
  it.each([
    'orders:write',
    'orders:delete',
    'payments:read',
    'a-scope-that-nobody-has',
    'openid',
    'offline_access',
    'admin',
    '*',
    '*:*',
    'orders:*',
    'http://127.0.0.1:9/of-nobody',
  ])('E1: is refused alone, and not dropped for a token without scope: %s (RFC 6749 §3.3)', async scope => {
    await refused(reader, scopeOf(scope), 'scope_not_granted')
  })

  it.each([
    'orders:read orders:write',
    'orders:write orders:read',
    'orders:read a-scope-that-nobody-has',
    'a-scope-that-nobody-has orders:read',
    'orders:read orders:read orders:write',
    'orders:read payments:read',
  ])(
    'E2: is refused with others that are granted, and the rest not given: %s (RFC 6749 §3.3)',
    async scope => {
      await refused(reader, scopeOf(scope), 'scope_not_granted')
    },
  )

  it('E2: is refused behind a thousand that are granted, and before them', async () => {
    const many = Array.from({ length: 1000 }, () => 'orders:read').join('+')
    await refused(reader, `scope=${many}+x`, 'scope_not_granted')
    await refused(reader, `scope=x+${many}`, 'scope_not_granted')
    await granted({ client: reader, and: `scope=${many}` }, 'orders:read')
  })

  it('E2: is refused of a thousand, of which none is granted, within the size of a request', async () => {
    const many = Array.from({ length: 1500 }, (_, index) => `scope:${index}`).join('+')
    await refused(client, `scope=${many}`, 'scope_not_granted')
    await refused(client, `scope=orders:read+${'x'.repeat(16_000)}`, 'scope_not_granted')
    await refused(client, `scope=${'x'.repeat(16_384)}`, 'body_too_large')
  })

  it('E3: is refused at one resource though it is granted at another (RFC 8707 §2)', async () => {
    for (const [resource, scope, other] of [
      [orders, 'orders:read', 'payments:read'],
      [payments, 'payments:read', 'orders:read'],
    ] as const) {
      const at = `resource=${encodeURIComponent(resource)}`
      await refused(clerk, `${at}&${scopeOf(other)}`, 'scope_not_granted')
      await refused(clerk, `${at}&${scopeOf(`${scope} ${other}`)}`, 'scope_not_granted')
      await granted({ client: clerk, and: `${at}&${scopeOf(scope)}` }, scope, resource)
    }
  })

  it('E3: is refused though the resource server has it, and another client', async () => {
    await refused(reader, scopeOf('orders:write'), 'scope_not_granted')
    await granted({ client, and: scopeOf('orders:write') }, 'orders:write')
  })

  it('E3: is given by no other parameter, nor by the one of another grant', async () => {
    const others = [
      'scope[]=orders:write',
      'scopes=orders:write',
      'Scope=orders:write',
      'SCOPE=orders:write',
      'scope%20=orders:write',
      'authorization_details=%5B%7B%22type%22%3A%22orders%3Awrite%22%7D%5D',
      'claims=%7B%22scope%22%3A%22orders%3Awrite%22%7D',
      'request=eyJhbGciOiJub25lIn0',
      '__proto__=orders:write',
      '__proto__[scope]=orders:write',
      'client_name=x',
    ]
    for (const other of others) await granted({ client: reader, and: other }, 'orders:read')
  })

  it('E3: is not found out without credentials: they are refused first', async () => {
    const wrong = { ...reader, client_secret: 'wrong' }
    for (const scope of ['orders:read', 'orders:write', 'nonsense'])
      await attackedEndpoints().refused('token', { client: wrong, and: scopeOf(scope) }, 'secret_wrong')
  })
})

describe('a scope that is left out', () => {
  it.each(['scope=', 'scope', '', 'scope=&x=1'])(
    'E5: is the registered set of the audience, never more: with %j (RFC 6749 §3.2, §3.3)',
    async and => {
      await granted({ client, and }, both)
      await granted({ client: reader, and }, 'orders:read')
    },
  )

  it('E5: is the set of the one audience that is asked for', async () => {
    for (const [resource, scope] of [
      [orders, 'orders:read'],
      [payments, 'payments:read'],
    ] as const)
      await granted(
        { client: clerk, and: `scope=&resource=${encodeURIComponent(resource)}` },
        scope,
        resource,
      )
  })

  it('E6: is what is registered now: a grant that was taken away is gone with the next token', async () => {
    const { stack } = attackedEndpoints().attacked
    const changing = await attackedEndpoints().register()
    await granted({ client: changing }, both)
    const update = {
      client_name: 'a test',
      token_endpoint_auth_method: 'client_secret_basic',
      version: changing.version,
      grants: [{ resource: orders, scope: 'orders:write' }],
    }
    expect((await stack.admin('PUT', `/clients/${changing.client_id}`, update)).status).toBe(200)
    await granted({ client: changing }, 'orders:write')
    await refused(changing, scopeOf('orders:read'), 'scope_not_granted')
    await refused(changing, scopeOf(both), 'scope_not_granted')
  })
})

describe('a scope that is like one that is granted', () => {
  it.each([
    'orders:rea',
    'rders:read',
    'orders',
    'orders:',
    ':read',
    'read',
    'orders:readx',
    'xorders:read',
    'orders:read:all',
    'orders:read/',
    'orders:read.',
    'orders:read,orders:write',
    'orders:read;orders:write',
    'orders:read|orders:write',
    'Orders:read',
    'orders:Read',
    'ORDERS:READ',
    'orders.read',
    'orders%3Aread',
    'orders&#58;read',
    'orders:read#',
    'orders:r?ad',
    'orders:re.d',
    'orders:.*',
    '.*',
    '[a-z:]+',
    'orders:[read]',
    '%{scope}',
    "orders:read'--",
  ])('E7: is another one: %s (RFC 6749 §3.3, case-sensitive)', async scope => {
    await refused(client, scopeOf(scope), 'scope_not_granted')
    await refused(client, scopeOf(`orders:read ${scope}`), 'scope_not_granted')
  })

  it('E7: is the same one however the form spells it (RFC 6749 Appendix B)', async () => {
    const escaped = Buffer.from('orders:read').toString('hex').replaceAll(/../g, '%$&')
    for (const and of [`scope=${escaped}`, `%73%63%6f%70%65=${escaped.toUpperCase()}`])
      await granted({ client, and }, 'orders:read')
    for (const space of ['+', '%20'])
      await granted({ client, and: `scope=orders:read${space}orders:write` }, both)
  })

  it.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    '__defineGetter__',
    '__lookupSetter__',
    'length',
    'includes',
    '0',
    '1',
    '-1',
    'true',
    'null',
    'undefined',
    'NaN',
    '[object',
    'function',
  ])('E8: is no name of what a scope is kept in: %s', async name => {
    await refused(client, scopeOf(name), 'scope_not_granted')
    await refused(client, scopeOf(`orders:read ${name}`), 'scope_not_granted')
  })

  it('E8: is a text like any other where such a name is registered and granted', async () => {
    const { stack } = attackedEndpoints().attacked
    const audience = 'https://prototypes.example.com'
    const names = ['constructor', '__proto__', 'toString', '0']
    const scopes = names.map(scope => ({ scope }))
    expect((await stack.admin('POST', '/resource-servers', { audience, scopes })).status).toBe(201)
    const named = await attackedEndpoints().register({
      grants: [{ resource: audience, scope: 'constructor __proto__' }],
    })
    await granted({ client: named }, 'constructor __proto__', audience)
    await granted({ client: named, and: scopeOf('__proto__') }, '__proto__', audience)
    for (const name of ['toString', '0', 'valueOf']) await refused(named, scopeOf(name), 'scope_not_granted')
  })

  it('E9: is given once when it is asked for twice, in the order in which it is asked for', async () => {
    await granted({ client, and: scopeOf('orders:read orders:read') }, 'orders:read')
    await granted(
      { client, and: scopeOf('orders:write orders:read orders:write') },
      'orders:write orders:read',
    )
  })

  it('E9: is that of this request alone, whatever is asked for at the same time', async () => {
    const requests = Array.from({ length: 20 }, (_, index) => index)
    await Promise.all(
      requests.map(async index => {
        const [by, and, scope] = [
          [reader, '', 'orders:read'],
          [client, '', both],
          [client, 'scope=orders:write', 'orders:write'],
        ][index % 3] as [RegisteredClient, string, string]
        const response = await attackedEndpoints().send('token', { client: by, body: `${grant}&${and}` })
        const { access_token: token, scope: told } = (await response.json()) as Json
        expect([told, decodeJwt(String(token)).scope, decodeJwt(String(token)).client_id]).toEqual([
          scope,
          scope,
          by.client_id,
        ])
      }),
    )
  })
})
