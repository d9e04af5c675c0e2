import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { type Json, orders, payments, type RegisteredClient } from '../flow/local-stack.ts'
import { useAttackedEndpoints } from './support/attacked-endpoints.ts'

const attackedEndpoints = useAttackedEndpoints()
const resourceOf = (text: string) => `resource=${encodeURIComponent(text)}`

/** Granted one resource; `clerk` two of them; `resourceServer` none. */
let client: RegisteredClient
let clerk: RegisteredClient
let resourceServer: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
  clerk = await attackedEndpoints().register({
    grants: [
      { resource: orders, scope: 'orders:read' },
      { resource: payments, scope: 'payments:read' },
    ],
  })
  resourceServer = await attackedEndpoints().register({ resource_server: orders, grants: [] })
  attackedEndpoints().attacked.keepSecret('a-resource-that-nobody-has')
})

/** No token, whatever the scope, and nothing in the audit event that was asked for but not given. */
async function refused(by: RegisteredClient, and: string, reason: RefusalReason): Promise<void> {
  const { event } = await attackedEndpoints().refused('token', { client: by, and }, reason)
  for (const member of ['scope', 'audience', 'jti']) expect(event).not.toHaveProperty(member)
}

async function granted(by: RegisteredClient, and: string, audience: string, scope: string): Promise<void> {
  const { body, event } = await attackedEndpoints().allowed('token', { client: by, and })
  const { access_token: token, ...members } = JSON.parse(body) as Json
  expect(members).toEqual({ token_type: 'Bearer', expires_in: 600, scope })
  const claims = decodeJwt(String(token))
  expect([claims.aud, claims.scope]).toEqual([audience, scope])
  expect(event).toMatchObject({ audience, scope })
}

const both = 'orders:read orders:write'

describe('a resource that is left out', () => {
  it.each(['', 'resource=', 'resource', 'resource&scope='])(
    'E10: is the only one of the client, and none where it has several or none: %j (RFC 8707 §2)',
    async and => {
      await granted(client, and, orders, both)
      await refused(clerk, and, 'resource_missing')
      await refused(resourceServer, and, 'resource_not_granted')
    },
  )

  it('E10: is not found out from the scope: one audience is never guessed', async () => {
    for (const scope of ['orders:read', 'payments:read', 'orders:read payments:read'])
      await refused(clerk, `scope=${encodeURIComponent(scope)}`, 'resource_missing')
  })

  it('E10: is given by no other parameter (RFC 6749 §3.2: what is not known is ignored)', async () => {
    for (const name of [
      'audience',
      'aud',
      'Resource',
      'RESOURCE',
      'resource[]',
      'resources',
      'resource%00x',
    ]) {
      const reason: RefusalReason = name.endsWith('x') ? 'parameter_malformed' : 'resource_missing'
      await refused(clerk, `${name}=${encodeURIComponent(payments)}`, reason)
    }
    for (const name of ['audience', 'aud', 'resource[]'])
      await granted(client, `${name}=${encodeURIComponent(payments)}`, orders, both)
  })
})

describe('a resource', () => {
  it.each([
    ['a path', '/orders'],
    ['a name', 'orders'],
    ['a host', 'orders.example.com'],
    ['without its scheme', '//orders.example.com'],
    ['dots', '../orders'],
    ['a query', '?orders'],
    ['a slash', '/'],
    ['a space', ' '],
    ['a star', '*'],
    ['the scheme alone', 'https:'],
    ['without slashes', 'https:orders.example.com'],
    ['with one slash', 'https:/orders.example.com'],
    ['with three slashes', 'https:///orders.example.com'],
    ['with backslashes', 'https:\\\\orders.example.com'],
    ['without a host', 'https://'],
    ['the scope', 'orders read'],
    ['a prototype', '__proto__'],
    ['a constructor', 'constructor'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['a JSON list', JSON.stringify([orders])],
    ['two, separated by a space', `${orders} ${payments}`],
    ['two, separated by a line end', `${orders}\r\n${payments}`],
    ['two, separated by a tab', `${orders}\t${payments}`],
  ])('E10: that is no absolute URI is refused: %s (RFC 8707 §2)', async (_, text) => {
    await refused(client, resourceOf(text), 'resource_malformed')
    await refused(clerk, resourceOf(text), 'resource_malformed')
  })

  it.each([
    ['a fragment', `${orders}#fragment`],
    ['an empty fragment', `${orders}#`],
    ['a fragment after a path', `${orders}/#/orders`],
    ['a fragment alone', '#fragment'],
    ['a fragment that is another one', `${orders}#${payments}`],
  ])('E10: with %s is refused (RFC 8707 §2)', async (_, text) => {
    await refused(client, resourceOf(text), 'resource_malformed')
  })

  it.each([
    ['a user', 'https://user@orders.example.com'],
    ['a user and a password', 'https://user:password@orders.example.com'],
    ['an empty user', 'https://@orders.example.com'],
    ['an empty user and password', 'https://:@orders.example.com'],
    ['itself as the user of another host', 'https://orders.example.com@evil.example'],
    ['another host as its user', 'https://evil.example@orders.example.com'],
    ['itself as the user, escaped', 'https://orders.example.com%40evil.example'],
    ['a capital scheme', 'HTTPS://orders.example.com'],
    ['a capital host', 'https://ORDERS.example.com'],
    ['the default port', `${orders}:443`],
    ['an empty port', `${orders}:`],
    ['a port that is none', `${orders}:x`],
    ['a port too high', `${orders}:65536`],
    ['a dot segment', `${orders}/.`],
    ['a dot segment, escaped', `${orders}/%2e%2e/`],
    ['an empty query', `${orders}?`],
    ['an escaped letter in the host', 'https://%6frders.example.com'],
    ['an escape that is none', `${orders}/%zz`],
    ['half of an escape', `${orders}/%`],
    ['escapes of its own', encodeURIComponent(orders)],
    ['a space before it', ` ${orders}`],
    ['a space behind it', `${orders} `],
    ['a line end behind it', `${orders}\n`],
    ['a tab in it', 'https://orders\t.example.com'],
    ['a backslash behind it', `${orders}\\`],
    ['a backslash and another host', `${orders}\\@evil.example`],
    ['angle brackets', `<${orders}>`],
    ['a quotation mark', `"${orders}"`],
    ['an ideographic full stop', 'https://orders。example.com'],
    ['a Cyrillic letter', 'https://оrders.example.com'],
    ['fullwidth letters', 'https://ｏrders.example.com'],
    ['a soft hyphen', 'https://or\u00adders.example.com'],
    ['a zero-width space', `${orders}\u200b`],
    ['a delete character', `${orders}\u007f`],
    ['more than 512 characters', `${orders}/${'x'.repeat(512)}`],
    ['15 KiB', `${orders}/${'x'.repeat(15_000)}`],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/plain,orders'],
    ['a file', 'file:///orders'],
    ['a blob', `blob:${orders}/x`],
  ])(
    'E10: in another spelling, or with %s, is malformed: audiences are compared as they are',
    async (_, text) => {
      await refused(client, resourceOf(text), 'resource_malformed')
    },
  )

  it.each([
    ['another one that is registered', payments],
    ['one that nobody knows', 'https://a-resource-that-nobody-has.example'],
    ['with a slash behind it', `${orders}/`],
    ['with two slashes behind it', `${orders}//`],
    ['with a path', `${orders}/orders`],
    ['with a query', `${orders}/?x=1`],
    ['in plain HTTP', 'http://orders.example.com'],
    ['under another scheme', 'ftp://orders.example.com'],
    ['at another port', `${orders}:8443`],
    ['as a prefix of a host', 'https://orders.example.com.evil.example'],
    ['as a prefix without a dot', 'https://orders.example.comx'],
    ['all but its last character', orders.slice(0, -1)],
    ['the domain above it', 'https://example.com'],
    ['a domain below it', 'https://x.orders.example.com'],
    ['with a dot behind it', `${orders}.`],
    ['in the path of another', `https://evil.example/${orders}`],
    ['in the query of another', `https://evil.example/?${orders}`],
    ['a wildcard', 'https://*.example.com'],
    ['as a name', 'urn:orders.example.com'],
    ['as a scheme with a port', 'orders.example.com:443'],
    ['the issuer', 'http://127.0.0.1'],
    ['the cloud', 'http://169.254.169.254/latest/meta-data'],
    ['512 characters', `${orders}/${'x'.repeat(512 - orders.length - 1)}`],
    ['a name of a prototype', 'urn:__proto__'],
  ])(
    'E10: that is not granted is refused, though it is like one that is: %s (RFC 8707 §2)',
    async (_, text) => {
      await refused(client, resourceOf(text), 'resource_not_granted')
      await refused(client, `${resourceOf(text)}&scope=orders:read`, 'resource_not_granted')
    },
  )

  it.each([
    ['the same twice', `${resourceOf(orders)}&${resourceOf(orders)}`],
    ['two that are granted', `${resourceOf(orders)}&${resourceOf(payments)}`],
    ['one that is not', `${resourceOf(orders)}&${resourceOf('https://evil.example')}`],
    ['one that is malformed', `${resourceOf(orders)}&resource=x`],
    ['one and an empty one', `${resourceOf(orders)}&resource=`],
    ['an empty one and one', `resource=&${resourceOf(orders)}`],
    ['two empty ones', 'resource&resource='],
    ['one of an escaped name', `${resourceOf(orders)}&%72esource=${encodeURIComponent(orders)}`],
    ['thirty', Array.from({ length: 30 }, () => resourceOf(orders)).join('&')],
  ])('E10: is one at a time: not %s (RFC 8707 §2)', async (_, and) => {
    await refused(clerk, and, 'resource_repeated')
    await refused(client, and, 'resource_repeated')
  })

  it('E10: is the same one however the form spells it (RFC 6749 Appendix B)', async () => {
    const escaped = Buffer.from(orders).toString('hex').replaceAll(/../g, '%$&')
    for (const and of [
      `resource=${orders}`,
      resourceOf(orders),
      `resource=${escaped}`,
      `%72%65source=${escaped.toUpperCase()}`,
    ]) {
      await granted(clerk, and, orders, 'orders:read')
      await granted(client, and, orders, both)
    }
  })

  it('E10: is the audience of the token, a single one, and opens nothing else (RFC 9068 §3)', async () => {
    const { stack } = attackedEndpoints().attacked
    for (const [resource, own, other] of [
      [orders, 'orders', 'payments'],
      [payments, 'payments', 'orders'],
    ] as const) {
      const token = await stack.token(clerk, { resource })
      attackedEndpoints().attacked.keepSecret(token)
      expect(decodeJwt(token).aud).toBe(resource)
      expect(await stack.call('GET', stack.url(own, `/${own}`), token)).toBe(200)
      expect(await stack.call('GET', stack.url(other, `/${other}`), token)).toBe(401)
    }
  })

  it('E10: is nothing that a resource server has by being one: its own audience needs a grant', async () => {
    await refused(resourceServer, resourceOf(orders), 'resource_not_granted')
    await refused(resourceServer, `${resourceOf(orders)}&scope=orders:read`, 'resource_not_granted')
  })

  it('E10: is not found out without credentials: they are refused first', async () => {
    const wrong = { ...client, client_secret: 'wrong' }
    for (const resource of [orders, payments, 'https://evil.example'])
      await attackedEndpoints().refused('token', { client: wrong, and: resourceOf(resource) }, 'secret_wrong')
  })

  it('E10: goes with the grant: what was taken away is refused from the next request on', async () => {
    const { stack } = attackedEndpoints().attacked
    const changing = await attackedEndpoints().register()
    const update = {
      client_name: 'a test',
      token_endpoint_auth_method: 'client_secret_basic',
      version: changing.version,
      grants: [{ resource: payments, scope: 'payments:read' }],
    }
    await granted(changing, resourceOf(orders), orders, both)
    expect((await stack.admin('PUT', `/clients/${changing.client_id}`, update)).status).toBe(200)
    await refused(changing, resourceOf(orders), 'resource_not_granted')
    await granted(changing, '', payments, 'payments:read')
  })
})
