import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { readApi } from '../../../local/gateway/api.ts'
import type { RequestScope } from '../../../local/gateway/event.ts'
import { JwtAuthorizer } from '../../../local/gateway/jwt-authorizer.ts'
import type { GatewayRequest } from '../../../local/gateway/request.ts'
import { Intrinsics } from '../../../local/intrinsics.ts'

const issuer = 'https://issuer.example'
const audience = 'https://orders.example.com'
const nowSeconds = 1_800_000_000
const scope = {} as RequestScope

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
const keys: Record<string, Pair> = {}
let jwks: object[]

beforeAll(async () => {
  for (const alg of ['RS256', 'ES256']) keys[alg] = await generateKeyPair(alg, { extractable: true })
  jwks = await Promise.all(
    Object.entries(keys).map(async ([kid, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      kid,
      use: 'sig',
    })),
  )
})

/** An authorizer at a time of the test, and what it fetched. */
function authorizerAt({ documents = jwks, status = 200 } = {}) {
  const clock = { seconds: nowSeconds }
  const fetched: string[] = []
  const served: Record<string, object> = {
    [`${issuer}/.well-known/openid-configuration`]: { issuer, jwks_uri: `${issuer}/keys` },
    [`${issuer}/keys`]: { keys: documents },
  }
  const authorizer = new JwtAuthorizer({
    id: 'a',
    issuer,
    audience: ['https://other.example', audience],
    identitySource: '$request.header.Authorization',
    now: () => clock.seconds * 1000,
    fetch: async url => {
      fetched.push(url)
      return Response.json(served[url], { status })
    },
  })
  return { authorizer, clock, fetched }
}

function token(claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
  const { alg = 'RS256', kid = alg } = header
  const body = {
    iss: issuer,
    aud: audience,
    iat: nowSeconds - 1,
    exp: nowSeconds + 60,
    scope: 'a b',
    ...claims,
  }
  const key = keys[alg]?.privateKey
  if (key === undefined) throw new Error(`no key for ${alg}`)
  return new SignJWT(body).setProtectedHeader({ alg, kid }).sign(key)
}

const requestWith = (authorization: string | undefined) =>
  ({ headers: authorization === undefined ? {} : { authorization } }) as unknown as GatewayRequest

async function decide(
  authorization: string | undefined,
  routeScopes: string[] = [],
  { authorizer } = authorizerAt(),
) {
  const result = await authorizer.authorize(requestWith(authorization), scope, routeScopes)
  if (!('refusal' in result)) return result.context
  const challenge = result.refusal.headers.find(([name]) => name === 'www-authenticate')?.[1]
  return [result.refusal.statusCode, challenge]
}

const invalid = [401, 'Bearer scope="" error="invalid_token"']

describe('an authorizer of type JWT', () => {
  it('hands on the claims as text, and which scopes of the route the token has', async () => {
    const claims = {
      iss: issuer,
      aud: audience,
      iat: `${nowSeconds - 1}`,
      exp: `${nowSeconds + 60}`,
      scope: 'a b',
    }
    expect(await decide(await token({ roles: ['x', 'y'] }), ['b', 'c'])).toEqual({
      claims: { ...claims, roles: '[x y]' },
      scopes: ['b'],
    })
    expect(await decide(`Bearer ${await token({})}`)).toEqual({ claims, scopes: null })
  })

  it.each<[string, JWTPayload]>([
    ['a client_id where there is no aud', { aud: undefined, client_id: audience }],
    ['one of several audiences', { aud: ['https://third.example', audience] }],
    ['scopes in scp', { scope: undefined, scp: ['a'] }],
    ['an nbf that has passed', { nbf: nowSeconds }],
  ])('accepts %s', async (_what, claims) => {
    expect(await decide(await token(claims), ['a'])).toMatchObject({ scopes: ['a'] })
  })

  it.each<[string, JWTPayload]>([
    ['another issuer', { iss: `${issuer}/` }],
    ['an exp of now', { exp: nowSeconds }],
    ['no exp', { exp: undefined }],
    ['an nbf to come', { nbf: nowSeconds + 1 }],
    ['an iat to come', { iat: nowSeconds + 1 }],
  ])('refuses %s with 401', async (_what, claims) => {
    expect(await decide(await token(claims))).toEqual(invalid)
  })

  it('refuses another audience with 401 and says so, and does not look at client_id beside it', async () => {
    const foreign = await token({ aud: 'https://third.example', client_id: audience })
    expect(await decide(foreign)).toEqual([
      401,
      'Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"',
    ])
  })

  it('refuses a token with none of the scopes of the route with 403', async () => {
    expect(await decide(await token({}), ['c', 'd'])).toEqual([
      403,
      'Bearer scope="c d" error="insufficient_scope"',
    ])
  })

  it('refuses a signature that is not RSA, of an unknown key, altered, or what is no token, with 401', async () => {
    const [header = '', claims = '', signature = ''] = (await token({})).split('.')
    const altered = Buffer.from(JSON.stringify({ ...JSON.parse(atob(claims)), scope: 'c' })).toString(
      'base64url',
    )
    for (const text of [
      await token({}, { alg: 'ES256' }),
      await token({}, { alg: 'RS256', kid: 'unknown' }),
      `${header}.${altered}.${signature}`,
      `${header}.${claims}.${signature}.`,
      `${header}.${claims}`,
      'garbage',
    ])
      expect(await decide(text)).toEqual(invalid)
    expect(await decide(undefined)).toEqual([401, 'Bearer'])
  })

  it('reads the keys once, and again after two hours', async () => {
    const one = authorizerAt()
    for (let call = 0; call < 2; call++) await decide(await token({}), [], one)
    await decide(await token({}, { kid: 'unknown' }), [], one)
    const reading = [`${issuer}/.well-known/openid-configuration`, `${issuer}/keys`]
    expect(one.fetched).toEqual(reading)
    one.clock.seconds += 7201
    await decide(await token({}), [], one)
    expect(one.fetched).toEqual([...reading, ...reading])
  })

  it('answers 500 while the keys cannot be read', async () => {
    const down = authorizerAt({ status: 503 })
    const result = await down.authorizer.authorize(requestWith(await token({})), scope, [])
    expect(result).toMatchObject({
      refusal: { statusCode: 500 },
      problem: expect.stringContaining(`${issuer}/.well-known/openid-configuration answered 503`),
    })
  })
})

describe('an authorizer of type JWT in a template', () => {
  const read = (authorizer: object, route: object = {}) => {
    const intrinsics = new Intrinsics({ accountId: '000000000000', region: 'us-east-1', stackName: 'Test' })
    const parts: [string, string, object][] = [
      ['Authorizer', 'Auth', { AuthorizerType: 'JWT', IdentitySource: ['$request.header.X'], ...authorizer }],
      [
        'Integration',
        'Int',
        {
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: 'arn:aws:lambda:us-east-1:000000000000:function:f',
          PayloadFormatVersion: '2.0',
        },
      ],
      [
        'Route',
        'Route',
        {
          RouteKey: 'GET /a',
          Target: 'integrations/Int',
          AuthorizerId: 'Auth',
          AuthorizationType: 'JWT',
          ...route,
        },
      ],
    ]
    const resources = parts.map(([type, logicalId, properties]) => {
      intrinsics.define(logicalId, { ref: logicalId })
      return {
        type: `AWS::ApiGatewayV2::${type}`,
        logicalId,
        path: logicalId,
        dependsOn: [],
        properties: { ApiId: 'api', ...properties },
      }
    })
    return readApi('api', resources, intrinsics).routes[0]?.authorization
  }
  const JwtConfiguration = { Issuer: issuer, Audience: [audience] }

  it('belongs to routes of its type, with their scopes', () => {
    expect(read({ JwtConfiguration }, { AuthorizationScopes: ['a'] })).toMatchObject({
      type: 'JWT',
      scopes: ['a'],
      authorizer: { id: 'Auth' },
    })
  })

  it.each<[string, object, object, string]>([
    [
      'without JwtConfiguration',
      {},
      {},
      'AWS::ApiGatewayV2::Authorizer Auth: the property JwtConfiguration is missing',
    ],
    [
      'with two identity sources',
      { JwtConfiguration, IdentitySource: ['$request.header.X', '$request.header.Y'] },
      {},
      'AWS::ApiGatewayV2::Authorizer Auth: the property IdentitySource must be one expression',
    ],
    [
      'at a route of another type',
      { JwtConfiguration },
      { AuthorizationType: 'CUSTOM' },
      'AWS::ApiGatewayV2::Route Route: the property AuthorizerId names no authorizer of the API for CUSTOM',
    ],
    [
      'with scopes at a route of another type',
      { JwtConfiguration },
      { AuthorizationType: 'NONE', AuthorizationScopes: ['a'] },
      'AWS::ApiGatewayV2::Route Route: the property AuthorizationScopes is read by authorizers of type JWT alone',
    ],
  ])('%s is an error that names it', (_what, authorizer, route, message) => {
    expect(() => read(authorizer, route)).toThrow(new Error(message))
  })
})
