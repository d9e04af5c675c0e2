import { describe, it } from 'vitest'
import { useAuthorizerFunction } from './support/authorizer-function.ts'

// What no gateway of ours sends: the bundled authorizer, invoked with crafted events. Its token has `orders:read` only.
const authorizer = useAuthorizerFunction({
  'GET /orders': { allOf: ['orders:read'] },
  'POST /orders': { allOf: ['orders:write'] },
  'DELETE /orders/{id}': { allOf: ['orders:read', 'orders:write'] },
  'ANY /files/{proxy+}': { anyOf: ['files:read', 'files:write'] },
})

const event = (routeKey: string, changes: object = {}) =>
  authorizer().event(routeKey, `Bearer ${authorizer().token()}`, changes)

const arn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5'

/** Everything in an event that may say another route than the route key does. */
const lies: [what: string, method: string, path: string][] = [
  ['of the same path', 'GET', '/orders'],
  ['with dots', 'GET', '/health/../orders'],
  ['with escaped dots', 'GET', '/%2e%2e/orders'],
  ['with two slashes', 'GET', '//orders'],
  ['with a slash at its end', 'GET', '/orders/'],
  ['in upper case', 'GET', '/ORDERS'],
  ['with a stage before it', 'GET', '/$default/orders'],
  ['of another stage', 'GET', '/prod/orders'],
  ['with a path parameter', 'GET', '/orders;x'],
  ['with an escaped slash', 'GET', '%2forders'],
  ['with a backslash', 'GET', '\\orders'],
  ['with a NUL', 'GET', '/orders\u0000'],
  ['with a line break', 'GET', '/orders\r\nX: y'],
  ['of an open route', 'GET', '/health'],
  ['of nothing', '', ''],
]

function lying(method: string, path: string): object {
  const routeKey = `${method} ${path}`
  const http = { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.7', userAgent: routeKey }
  return {
    rawPath: path,
    path,
    httpMethod: method,
    method,
    resource: path,
    resourcePath: path,
    methodArn: `${arn}/$default/${method}${path}`,
    routeArn: `${arn}/$default/${method}${path}`,
    rawQueryString: `routeKey=${routeKey}`,
    queryStringParameters: { routeKey, rawPath: path, _method: method },
    pathParameters: { proxy: path, id: path },
    stageVariables: { routeKey },
    headers: {
      authorization: `Bearer ${authorizer().token()}`,
      'x-http-method-override': method,
      'x-original-url': path,
      'x-rewrite-url': path,
      'x-forwarded-host': 'localhost',
      host: 'localhost',
    },
    requestContext: { requestId: 'lie', routeKey, resourcePath: path, httpMethod: method, http },
  }
}

describe('a route key', () => {
  it.each(lies)('J11: decides, whatever path the event says: %s', async (_, method, path) => {
    for (const routeKey of ['POST /orders', 'DELETE /orders/{id}', 'ANY /files/{proxy+}'])
      await authorizer().refused(event(routeKey, lying(method, path)), 403, 'scope_insufficient')
    for (const routeKey of ['$default', 'GET /health', 'GET /admin'])
      await authorizer().refused(event(routeKey, lying(method, path)), 403, 'route_unknown')
  })

  it.each<[string, string, string]>([
    ['another route', 'DELETE', '/orders/1'],
    ['a path of nobody', 'GET', '/a/../admin'],
    ['nothing', '', ''],
  ])('J11: decides in favour too, whatever path the event says: %s', async (_, method, path) => {
    await authorizer().allowed(event('GET /orders', lying(method, path)))
  })

  it.each([
    '$default',
    '$connect',
    '$disconnect',
    '$request.method $request.path',
    'GET /health',
    'HEAD /orders',
    'PUT /orders',
    'ANY /orders',
    'OPTIONS /orders',
    'GET /orders/1',
    'GET /orders/{id}',
    'GET /orders/',
    'GET //orders',
    'GET /ORDERS',
    'get /orders',
    'Get /orders',
    'GET  /orders',
    'GET\t/orders',
    'GET\u00a0/orders',
    ' GET /orders',
    'GET /orders ',
    'GET /orders\n',
    'GET /orders\u0000',
    'GET /orders?x',
    'GET /orders#x',
    'GET /orders;x',
    'GET /%6frders',
    'GET /orders,POST /orders',
    'GET%20/orders',
    'GET /o*',
    'GET /.*',
    'GET /files/{proxy+}',
    'ANY /files/x',
    'ANY /files/{proxy}',
    'DELETE /orders/{other}',
    'DELETE /orders/1',
    'GET /orderѕ',
    'GET',
    '/orders',
    '*',
    ' ',
    '',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'size',
    'undefined',
    'null',
  ])('J11: that the table does not have is denied: %j', async routeKey => {
    await authorizer().refused(event(routeKey), 403, 'route_unknown')
  })

  it('J11: of a hundred thousand characters is denied as well', async () => {
    await authorizer().refused(event(`GET /${'orders/'.repeat(14_000)}`), 403, 'route_unknown')
  })

  it('J11: tells nothing to who has no token: the token comes first (RFC 6750 §3.1)', async () => {
    for (const routeKey of ['GET /orders', '$default', 'GET /health']) {
      await authorizer().refused(authorizer().event(routeKey), 401, 'credentials_missing')
      await authorizer().refused(authorizer().event(routeKey, 'Bearer x'), 401, 'token_malformed')
    }
  })
})
