import { describe, expect, it } from 'vitest'
import { useAuthorizerFunction } from './support/authorizer-function.ts'

// What no gateway of ours sends: the bundled authorizer, invoked with crafted events. Its token has `orders:read` only.
const authorizer = useAuthorizerFunction({
  'GET /orders': { allOf: ['orders:read'] },
  'POST /orders': { allOf: ['orders:write'] },
})

const event = (routeKey: string, changes: object = {}) =>
  authorizer().event(routeKey, `Bearer ${authorizer().token()}`, changes)

const arn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5'

/** Members that an event of this shape has in other places than ours, each saying what ours would. */
const headers = () => ({ authorization: `Bearer ${authorizer().token()}` })
const rest = () => ({
  methodArn: `${arn}/prod/GET/orders`,
  resource: '/orders',
  path: '/orders',
  httpMethod: 'GET',
  headers: { ...headers(), Authorization: headers().authorization },
  multiValueHeaders: { authorization: [headers().authorization] },
  queryStringParameters: {},
  pathParameters: {},
  stageVariables: {},
  requestContext: {
    requestId: 'rest',
    resourcePath: '/orders',
    httpMethod: 'GET',
    path: '/prod/orders',
    stage: 'prod',
    identity: { sourceIp: '192.0.2.7' },
  },
})
const socket = (eventType: string) => ({
  type: 'REQUEST',
  methodArn: `${arn}/prod/$connect`,
  headers: headers(),
  requestContext: {
    requestId: 'socket',
    routeKey: 'GET /orders',
    eventType,
    connectionId: 'c1',
    messageDirection: 'IN',
  },
})

describe('an event of another shape', () => {
  it.each<[string, () => unknown]>([
    ['a REST API’s REQUEST authorizer', () => ({ type: 'REQUEST', ...rest() })],
    ['the same with a route key', () => ({ type: 'REQUEST', routeKey: 'GET /orders', ...rest() })],
    [
      'a REST API’s TOKEN authorizer',
      () => ({
        type: 'TOKEN',
        methodArn: `${arn}/prod/GET/orders`,
        authorizationToken: headers().authorization,
      }),
    ],
    [
      'an HTTP API of format 1.0',
      () => ({
        version: '1.0',
        type: 'REQUEST',
        identitySource: headers().authorization,
        authorizationToken: headers().authorization,
        ...rest(),
      }),
    ],
    ['format 1.0 with a route key', () => ({ ...event('GET /orders'), ...rest(), version: '1.0' })],
    ['a WebSocket API that connects', () => socket('CONNECT')],
    ['a WebSocket API with a message', () => ({ ...socket('MESSAGE'), routeKey: 'GET /orders' })],
    ['a WebSocket API that disconnects', () => socket('DISCONNECT')],
    ['a REST API’s integration', () => rest()],
    [
      'an HTTP API’s integration',
      () => ({ ...event('GET /orders'), type: undefined, body: '', isBase64Encoded: false }),
    ],
    ['a function URL', () => ({ ...event('$default'), type: undefined })],
    ['a load balancer', () => ({ ...rest(), requestContext: { elb: { targetGroupArn: arn } } })],
    [
      'CloudFront',
      () => ({
        Records: [
          {
            cf: {
              request: {
                method: 'GET',
                uri: '/orders',
                headers: { authorization: [{ key: 'Authorization', value: headers().authorization }] },
              },
            },
          },
        ],
      }),
    ],
    [
      'AppSync',
      () => ({
        authorizationToken: headers().authorization,
        requestContext: { apiId: 'a', requestId: 'appsync' },
      }),
    ],
    ['IoT', () => ({ token: headers().authorization, signatureVerified: true, protocols: ['tls', 'http'] })],
    [
      'Cognito',
      () => ({ version: '2', triggerSource: 'TokenGeneration_ClientCredentials', request: {}, response: {} }),
    ],
    [
      'a queue',
      () => ({ Records: [{ eventSource: 'aws:sqs', body: JSON.stringify(event('GET /orders')) }] }),
    ],
    [
      'a custom resource',
      () => ({ RequestType: 'Create', ResponseURL: 'https://evil.example/', ResourceProperties: {} }),
    ],
    ['a test of the console', () => ({ key1: 'value1' })],
    [
      'an event in an event',
      () => ({ event: event('GET /orders'), body: JSON.stringify(event('GET /orders')) }),
    ],
    ['a list of one', () => [event('GET /orders')]],
    ['the event as text', () => JSON.stringify(event('GET /orders'))],
    ['no version', () => ({ ...event('GET /orders'), version: undefined })],
    ['version 2', () => ({ ...event('GET /orders'), version: '2' })],
    ['version 2.0 as a number', () => ({ ...event('GET /orders'), version: 2.0 })],
    ['version 2.0 in a list', () => ({ ...event('GET /orders'), version: ['2.0'] })],
    ['version 2.1', () => ({ ...event('GET /orders'), version: '2.1' })],
    ['version 3.0', () => ({ ...event('GET /orders'), version: '3.0' })],
    ['a version with a space', () => ({ ...event('GET /orders'), version: '2.0 ' })],
    ['type TOKEN', () => ({ ...event('GET /orders'), type: 'TOKEN' })],
    ['type in lower case', () => ({ ...event('GET /orders'), type: 'request' })],
    ['no type', () => ({ ...event('GET /orders'), type: null })],
    ['no route key', () => ({ ...event('GET /orders'), routeKey: undefined })],
    ['a route key of null', () => ({ ...event('GET /orders'), routeKey: null })],
    ['a list of route keys', () => ({ ...event('GET /orders'), routeKey: ['GET /orders'] })],
    ['a route key in an object', () => ({ ...event('GET /orders'), routeKey: { toString: 'GET /orders' } })],
    [
      'a route key in the context only',
      () => ({ ...event('GET /orders'), routeKey: undefined, requestContext: { routeKey: 'GET /orders' } }),
    ],
    ['true', () => true],
    ['a number', () => 200],
    ['null', () => null],
    ['nothing', () => undefined],
    ['an empty text', () => ''],
    ['an empty list', () => []],
    ['an empty object', () => ({})],
    [
      'a prototype',
      () => JSON.parse('{"__proto__":{"version":"2.0","type":"REQUEST","routeKey":"GET /orders"}}'),
    ],
  ])('J19: is denied, whatever token it carries: %s', async (_, other) => {
    await authorizer().refused(other(), 403, 'event_unsupported')
  })

  it.each<[string, object]>([
    ['no headers', { headers: undefined }],
    ['headers of null', { headers: null }],
    ['headers in a list', { headers: ['authorization', 'Bearer x'] }],
    ['headers as text', { headers: 'authorization: Bearer x' }],
    ['headers that are a number', { headers: 7 }],
    ['a header of null', { headers: { authorization: undefined } }],
    ['an empty header', { headers: { authorization: '' } }],
  ])('J19: without credentials where ours has them is refused: %s', async (_, changes) => {
    await authorizer().refused(event('GET /orders', changes), 401, 'credentials_missing')
  })

  it.each<[string, unknown]>([
    ['no context', undefined],
    ['null', null],
    ['text', 'x'],
    ['a number', 7],
    ['a list', []],
    ['a context without http', { requestId: 'x' }],
    ['http of null', { http: null }],
    ['http as text', { http: 'x' }],
    ['an identifier of null', { requestId: null }],
    ['identifiers of other types', { requestId: { a: 1 }, http: { sourceIp: ['192.0.2.7'] } }],
    ['quotes and line breaks', { requestId: '"}\n{"audit":"x"}', http: { sourceIp: '\u2028\r\n' } }],
  ])('J19: is decided on by what it has to say alone: a context of %s', async (_, requestContext) => {
    await authorizer().allowed(event('GET /orders', { requestContext }))
    await authorizer().refused(event('POST /orders', { requestContext }), 403, 'scope_insufficient')
  })

  it.each<[string, () => unknown]>([
    ['a list', () => [headers().authorization]],
    ['an object', () => ({ 0: headers().authorization, length: 1 })],
    ['a number', () => 7],
    ['true', () => true],
    ['null', () => null],
  ])('J19: with a header that is no text is refused: %s', async (_, authorization) => {
    const { result } = await authorizer().decide(
      event('GET /orders', { headers: { authorization: authorization() } }),
    )
    expect(result).toEqual({ errorMessage: 'Unauthorized' })
  })
})

describe('a verdict', () => {
  it('J10: is a simple response, never a policy, whatever it was asked', async () => {
    const token = authorizer().token()
    const results: unknown[] = []
    for (const asked of [
      event('GET /orders'),
      event('POST /orders'),
      event('$default'),
      authorizer().event('GET /orders'),
      authorizer().event('GET /orders', 'Basic x'),
      authorizer().event('GET /orders', `Bearer ${token}x`),
      { type: 'TOKEN', methodArn: '*', authorizationToken: `Bearer ${token}` },
      { type: 'REQUEST', methodArn: `${arn}/*/*`, headers: headers(), requestContext: {} },
    ])
      results.push((await authorizer().decide(asked)).result)
    const context = {
      clientId: 'nightly-export',
      scope: 'orders:read',
      jti: 'token-0001',
      audience: 'https://orders.example.com',
      expiresAt: expect.any(Number),
    }
    const [forbidden, unauthorized] = [{ isAuthorized: false }, { errorMessage: 'Unauthorized' }]
    const refusals = [forbidden, forbidden, unauthorized, unauthorized, unauthorized, forbidden, forbidden]
    expect(results).toEqual([{ isAuthorized: true, context }, ...refusals])
    expect(JSON.stringify(results)).not.toMatch(/policy|principal|Effect|Resource|\*/i)
  })
})
