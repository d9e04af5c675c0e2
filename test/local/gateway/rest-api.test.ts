import { afterEach, describe, expect, it } from 'vitest'
import { accountId, answerOf, apiId, region } from './http-api.ts'
import { startRestApi, type TestRestApiSetup } from './rest-api.ts'

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map(each => each.close())))

async function start(setup: TestRestApiSetup) {
  const api = await startRestApi({ backend: () => ({ statusCode: 200, body: '{}' }), ...setup })
  open.push(api)
  return api
}

const stageArn = `arn:aws:execute-api:${region}:${accountId}:${apiId}/prod/`
const policy = (...Statement: object[]) => ({
  principalId: 'me',
  policyDocument: { Version: '2012-10-17', Statement },
})
const says = (Effect: string, ...paths: string[]) => ({
  Effect,
  Action: 'execute-api:Invoke',
  Resource: paths.map(path => stageArn + path),
})
const headers = { authorization: 'Bearer x' }
const get = (url: string, more = headers) => answerOf(fetch(url, { headers: more }))
const message = (status: number, text: string | null) => ({
  status,
  type: 'application/json',
  body: JSON.stringify({ message: text }),
})

describe('requests to a REST API', () => {
  it('reach a function as an event of a proxy integration, header names and all values as sent', async () => {
    const api = await start({ methods: { 'POST /a/{x}': 'NONE' } })
    const head = 'Host: h\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 2\r\nConnection: close'
    await api.raw(`POST /prod/a/b%20c/?q=1&q=%32 HTTP/1.1\r\n${head}\r\n\r\n{}`)
    expect(api.backendEvents).toEqual([
      {
        resource: '/a/{x}',
        path: '/a/b%20c/',
        httpMethod: 'POST',
        headers: { Host: 'h', 'X-Two': '2', 'Content-Length': '2' },
        multiValueHeaders: { Host: ['h'], 'X-Two': ['1', '2'], 'Content-Length': ['2'] },
        queryStringParameters: { q: '2' },
        multiValueQueryStringParameters: { q: ['1', '2'] },
        pathParameters: { x: 'b c' },
        stageVariables: null,
        requestContext: expect.objectContaining({
          accountId,
          apiId,
          httpMethod: 'POST',
          path: '/prod/a/b%20c/',
          resourcePath: '/a/{x}',
          stage: 'prod',
        }),
        body: '{}',
        isBase64Encoded: false,
      },
    ])
    expect(api.backendEvents[0].requestContext).not.toHaveProperty('authorizer')
  })

  it('go to the literal part before a variable, and to a method before ANY', async () => {
    const api = await start({
      methods: {
        'GET /': 'NONE',
        'GET /a': 'NONE',
        'ANY /a/{x}': 'NONE',
        'GET /a/{x}': 'NONE',
        'GET /a/b': 'NONE',
        'GET /{rest+}': 'NONE',
      },
      backend: event => ({ statusCode: 200, body: `${event.httpMethod} ${event.resource}` }),
    })
    const reached = async (path: string, method = 'GET') => (await fetch(api.url + path, { method })).text()
    expect(await reached('/')).toBe('GET /')
    expect(await reached('/a')).toBe('GET /a')
    expect(await reached('/a/')).toBe('GET /a')
    expect(await reached('/a/c')).toBe('GET /a/{x}')
    expect(await reached('/a/c', 'PUT')).toBe('PUT /a/{x}')
    expect(await reached('/a/b')).toBe('GET /a/b')
    expect(await reached('/a/b/c')).toBe('GET /{rest+}')
    expect(await reached('/x/y')).toBe('GET /{rest+}')
  })

  it('to no resource, method or stage are answered 403', async () => {
    const api = await start({ methods: { 'GET /a': 'NONE', 'POST /a/b': 'NONE', 'GET /a/{x}': 'NONE' } })
    const missing = message(403, 'Missing Authentication Token')
    expect(await get(`${api.url}/b`)).toEqual(missing)
    expect(await get(`${api.url}/a/b`)).toEqual(missing)
    expect(await answerOf(fetch(`${api.url}/a`, { method: 'PUT' }))).toEqual(missing)
    expect(await get(`${new URL(api.url).origin}/test/a`)).toEqual(message(403, 'Forbidden'))
  })

  it('above the throttle of the stage are answered 429', async () => {
    const settings = {
      HttpMethod: '*',
      ResourcePath: '/*',
      ThrottlingBurstLimit: 1,
      ThrottlingRateLimit: 0.001,
    }
    const api = await start({
      methods: { 'GET /a': 'NONE' },
      stageProperties: { MethodSettings: [settings] },
    })
    expect((await get(`${api.url}/a`)).status).toBe(200)
    expect(await get(`${api.url}/a`)).toEqual(message(429, 'Too Many Requests'))
  })
})

describe('answers of a function behind a REST API', () => {
  it('have the headers of both lists, and a challenge under another name', async () => {
    const api = await start({
      methods: { 'GET /a': 'NONE' },
      backend: () => ({
        statusCode: 401,
        headers: { 'WWW-Authenticate': 'Bearer' },
        multiValueHeaders: { 'X-Two': ['1', '2'] },
      }),
    })
    const response = await fetch(`${api.url}/a`)
    expect([response.status, response.headers.get('x-two')]).toEqual([401, '1, 2'])
    expect(response.headers.get('www-authenticate')).toBe(null)
    expect(response.headers.get('x-amzn-remapped-www-authenticate')).toBe('Bearer')
  })

  it.each<[string, () => unknown]>([
    ['it failed', () => Promise.reject(new TypeError('x'))],
    ['they are no object', () => 'text'],
    ['they have no status', () => ({ body: '{}' })],
    ['their body is no text', () => ({ statusCode: 200, body: {} })],
  ])('are 502 where %s', async (_, backend) => {
    const api = await start({ methods: { 'GET /a': 'NONE' }, backend })
    expect(await get(`${api.url}/a`)).toEqual(message(502, 'Internal server error'))
    expect(api.problems).toHaveLength(1)
  })

  it('are 500 where no permission lets the API invoke it', async () => {
    const api = await start({ methods: { 'GET /a': 'NONE' }, permissions: [] })
    expect(await get(`${api.url}/a`)).toEqual(message(500, 'Internal server error'))
    expect(api.backendEvents).toEqual([])
  })
})

describe('an authorizer of a REST API', () => {
  const methods = { 'GET /a': 'CUSTOM', 'GET /a/{x}': 'CUSTOM', 'GET /a/{x}/y': 'CUSTOM' } as const
  const denied = message(403, 'User is not authorized to access this resource')

  it('gets the event of a REQUEST authorizer, and its context reaches the function as text', async () => {
    const authorizer = () => ({ ...policy(says('Allow', 'GET/a/*')), context: { n: 7, b: true, t: 'x' } })
    const api = await start({ methods, authorizer })
    expect((await get(`${api.url}/a/17?q=1`)).status).toBe(200)
    const [event] = api.authorizerEvents
    expect(event).toMatchObject({
      type: 'REQUEST',
      methodArn: `${stageArn}GET/a/17`,
      resource: '/a/{x}',
      path: '/a/17',
      httpMethod: 'GET',
      multiValueHeaders: { authorization: ['Bearer x'] },
      queryStringParameters: { q: '1' },
      pathParameters: { x: '17' },
      stageVariables: {},
      requestContext: { resourcePath: '/a/{x}', identity: { sourceIp: '127.0.0.1' } },
    })
    for (const name of ['version', 'body', 'routeKey']) expect(event).not.toHaveProperty(name)
    expect(api.backendEvents[0].requestContext.authorizer).toEqual({
      n: '7',
      b: 'true',
      t: 'x',
      principalId: 'me',
    })
  })

  it('is not asked where an identity source is missing or empty: 401', async () => {
    const api = await start({ methods, authorizer: () => policy(says('Allow', '*')) })
    expect(await get(`${api.url}/a`, {} as typeof headers)).toEqual(message(401, 'Unauthorized'))
    expect(await get(`${api.url}/a`, { authorization: '' })).toEqual(message(401, 'Unauthorized'))
    expect(api.authorizerEvents).toEqual([])
  })

  it('answers with a policy that is kept for every method under the identity sources', async () => {
    const authorizer = () => policy(says('Allow', 'GET/a', 'GET/a/*'), says('Deny', 'GET/a/*/y'))
    const api = await start({
      methods,
      authorizer,
      authorizerProperties: { AuthorizerResultTtlInSeconds: 60 },
    })
    expect((await get(`${api.url}/a/17`)).status).toBe(200)
    expect((await get(`${api.url}/a`)).status).toBe(200)
    expect(await get(`${api.url}/a/17/y`)).toEqual(denied)
    expect(api.authorizerEvents).toHaveLength(1)
    expect((await get(`${api.url}/a`, { authorization: 'Bearer y' })).status).toBe(200)
    expect(api.authorizerEvents).toHaveLength(2)
  })

  it('says 401 by the error Unauthorized, which is not kept', async () => {
    const authorizer = () => Promise.reject(new Error('Unauthorized'))
    const api = await start({
      methods,
      authorizer,
      authorizerProperties: { AuthorizerResultTtlInSeconds: 60 },
    })
    for (let times = 1; times <= 2; times++) {
      expect(await get(`${api.url}/a`)).toEqual(message(401, 'Unauthorized'))
      expect(api.authorizerEvents).toHaveLength(times)
    }
    expect(api.problems).toEqual([])
  })

  const long = says('Allow', 'x'.repeat(513 - stageArn.length))
  it.each<[string, () => unknown, string]>([
    ['fails', () => Promise.reject(new Error('store')), 'AuthorizerFailureException'],
    ['returns nothing', () => null, 'AuthorizerConfigurationException'],
    [
      'returns the error as a result',
      () => ({ errorMessage: 'Unauthorized' }),
      'AuthorizerConfigurationException',
    ],
    ['answers simply', () => ({ isAuthorized: true }), 'AuthorizerConfigurationException'],
    [
      'names no principal',
      () => ({ ...policy(says('Allow', '*')), principalId: undefined }),
      'AuthorizerConfigurationException',
    ],
    [
      'nests its context',
      () => ({ ...policy(says('Allow', '*')), context: { a: {} } }),
      'AuthorizerConfigurationException',
    ],
    ['names a longer resource than 512 characters', () => policy(long), 'AuthorizerConfigurationException'],
    [
      'answers more than 8 KB',
      () => ({ ...policy(says('Allow', '*')), context: { a: 'x'.repeat(8192) } }),
      'AuthorizerConfigurationException',
    ],
  ])('that %s is 500, and the request does not pass', async (_, authorizer, errorType) => {
    const api = await start({ methods, authorizer })
    const response = await fetch(`${api.url}/a`, { headers })
    expect(response.headers.get('x-amzn-errortype')).toBe(errorType)
    expect([response.status, await response.text()]).toEqual([500, '{"message":null}'])
    expect(api.problems).toHaveLength(1)
    expect(api.backendEvents).toEqual([])
  })

  it('that is slow, or may not be invoked, is 500', async () => {
    const slow = await start({ methods, authorizer: () => new Promise(() => {}), timeoutMilliseconds: 5 })
    expect((await get(`${slow.url}/a`)).status).toBe(500)
    expect(slow.problems).toEqual(['the authorizer function timed out'])
    const alone = await start({
      methods,
      authorizer: () => policy(says('Allow', '*')),
      permissions: ['backend'],
    })
    expect((await get(`${alone.url}/a`)).status).toBe(500)
    expect(alone.authorizerEvents).toEqual([])
  })
})
