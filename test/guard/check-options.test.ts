import { describe, expect, it } from 'vitest'
import { createGuard } from '../../guard/index.ts'

const good = {
  issuer: 'https://auth.example.com',
  audience: 'https://orders.example.com',
  revocations: 'none',
}
const make = (changes: object) => () => createGuard({ ...good, ...changes } as never)
const table = { table: 'Revocations' }
const client = { clientId: 'c', clientSecret: 's3cr3t' }
const urlRule =
  'must be an https URL as a URL parser writes it, without a user or fragment, of at most 512 characters (http on a loopback address alone)'

describe('createGuard', () => {
  it.each<[string, object]>([
    ['no revocations', {}],
    ['the tables of the deployment', { revocations: table, keys: { table: 'SigningKeys', ring: 'r' } }],
    ['a table’s settings', { revocations: { ...table, shards: 1, maxRevocationDelaySeconds: 0 } }],
    ['introspection', { revocations: client }],
    ['a secret that is asked for', { revocations: { ...client, clientSecret: () => 's3cr3t' } }],
    ['an issuer with a path', { issuer: 'https://example.com/auth' }],
    ['an issuer on loopback', { issuer: 'http://127.0.0.1:4000' }],
    ['another place of the keys', { keys: { jwksUri: 'https://keys.example.com:8443/jwks.json' } }],
  ])('takes %s', (_, changes) => {
    expect(make(changes)).not.toThrow()
  })

  it.each<[object, string]>([
    [{ issuer: undefined }, `issuer ${urlRule}`],
    [{ issuer: 'auth.example.com' }, `issuer ${urlRule}, got "auth.example.com"`],
    [{ issuer: 'http://auth.example.com' }, `issuer ${urlRule}, got "http://auth.example.com"`],
    [{ issuer: 'http://127.0.0.1.example.com' }, `issuer ${urlRule}, got "http://127.0.0.1.example.com"`],
    [{ issuer: 'https://AUTH.example.com' }, `issuer ${urlRule}, got "https://AUTH.example.com"`],
    [
      { issuer: 'https://auth.example.com/' },
      'issuer must have no query, fragment or slash at its end (RFC 8414 §2), got "https://auth.example.com/"',
    ],
    [
      { issuer: 'https://auth.example.com/?a=b' },
      'issuer must have no query, fragment or slash at its end (RFC 8414 §2), got "https://auth.example.com/?a=b"',
    ],
    [
      { audience: 'orders' },
      'audience must be an absolute URI without a fragment (RFC 8707 §2), such as "https://orders.example.com", got "orders"',
    ],
    [
      { revocations: undefined },
      "revocations must be a table's name, a client that introspects, or 'none': say how the guard hears of a revocation, or that it need not",
    ],
    [
      { revocations: { ...table, ...client } },
      "revocations must be a table's name, a client that introspects, or 'none': say how the guard hears of a revocation, or that it need not",
    ],
    [
      { revocations: { ...table, maxRevocationDelay: 0 } },
      'revocations.maxRevocationDelay is no option: remove or rename it',
    ],
    [{ revocations: { ...client, shards: 4 } }, 'revocations.shards is no option: remove or rename it'],
    [
      { revocations: { ...table, maxRevocationDelaySeconds: 301 } },
      'revocations.maxRevocationDelaySeconds must be a whole number from 0 to 300, got 301',
    ],
    [
      { revocations: { ...client, maxRevocationDelaySeconds: 0.5 } },
      'revocations.maxRevocationDelaySeconds must be a whole number from 0 to 300, got 0.5',
    ],
    [
      { revocations: { ...table, shards: '4' } },
      'revocations.shards must be a whole number from 1 to 16, got "4"',
    ],
    [
      { revocations: { ...table, maxRevocationDelaySeconds: 0, revocationOutageGraceSeconds: 60 } },
      'revocations.revocationOutageGraceSeconds must not be set with a delay of 0: there is no snapshot to decide by',
    ],
    [
      { revocations: { ...client, clientSecret: '' } },
      'revocations.clientSecret must be the secret of the client, or a function that gives it',
    ],
    [
      { revocations: { ...client, introspectionEndpoint: 'http://auth.example.com/introspect' } },
      `revocations.introspectionEndpoint ${urlRule}, got "http://auth.example.com/introspect"`,
    ],
    [{ keys: {} }, 'keys must have exactly one of jwksUri and table: where are the public keys?'],
    [{ keys: { table: 'SigningKeys' } }, 'keys.ring must be a text'],
    [{ keys: { jwksUri: 'https://a.example/jwks', ring: 'r' } }, 'keys.ring is for a table: remove it'],
    [{ keys: { jwksUri: 'file:///jwks.json' } }, `keys.jwksUri ${urlRule}, got "file:///jwks.json"`],
    [{ keys: { jwksUri: 'https://u:p@a.example/' } }, `keys.jwksUri ${urlRule}`],
    [{ realm: 'a "b"' }, 'realm must be printable ASCII without quotes and backslashes, got "a \\"b\\""'],
    [{ resourceMetadata: '/metadata' }, `resourceMetadata ${urlRule}, got "/metadata"`],
    [{ onDecision: 'console.log' }, 'onDecision must be a function, got "console.log"'],
    [{ cache: true }, 'cache is no option: remove or rename it'],
  ])('refuses %j and says what to do', (changes, message) => {
    expect(make(changes)).toThrow(new TypeError(`createGuard: ${message}`))
  })

  it.each([
    {},
    { allOf: [] },
    { allOf: ['a'], anyOf: ['b'] },
    { anyOf: ['a b'] },
    { allOf: 'a' },
    { scope: ['a'] },
  ])(
    'refuses a requirement that would let everybody in, or that is not understood: %j (RFC 6749 §3.3)',
    async requirement => {
      const guard = make({})()
      const message = 'require needs a list of scopes, one an item, in exactly one of allOf and anyOf'
      const refused = requirement as never
      expect(() => guard.express(refused)).toThrow(new Error(message))
      expect(() => guard.hono(refused)).toThrow(new Error(message))
      expect(() => guard.node(refused, () => {})).toThrow(new Error(message))
      expect(() => guard.fetch(refused, () => new Response())).toThrow(new Error(message))
      await expect(guard.authorize({ authorization: undefined, require: refused })).rejects.toThrow(message)
    },
  )
})
