import { afterEach, describe, expect, it } from 'vitest'
import { answerOf, startApi, type TestApi, type TestApiSetup } from './http-api.ts'

const token = { headers: { Authorization: 'Bearer token' } }
const allow = () => ({ isAuthorized: true, context: { client: 'c1' } })
const open: TestApi[] = []

async function start(setup: Partial<TestApiSetup> & { authorizer: TestApiSetup['authorizer'] }) {
  const api = await startApi({ routes: { 'GET /orders': 'CUSTOM' }, backend: () => ({ ok: true }), ...setup })
  open.push(api)
  return api
}

const unauthorized = { status: 401, type: 'application/json', body: '{"message":"Unauthorized"}' }
const forbidden = { status: 403, type: 'application/json', body: '{"message":"Forbidden"}' }
const internalServerError = {
  status: 500,
  type: 'application/json',
  body: '{"message":"Internal Server Error"}',
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

describe('the event of a Lambda authorizer, payload format 2.0', () => {
  it('has version, type, routeArn, identitySource, routeKey, path, query, headers and request context', async () => {
    const api = await start({ authorizer: allow, routes: { 'GET /orders/{id}': 'CUSTOM' } })
    await fetch(`${api.url}/orders/a%20b?x=1&x=2&y=%2F`, {
      headers: { Authorization: 'Bearer token', Cookie: 'a=1; b=2', 'User-Agent': 'test' },
    })
    const [event] = api.authorizerEvents
    expect(event).toMatchObject({
      version: '2.0',
      type: 'REQUEST',
      routeArn: 'arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/$default/GET/orders/a%20b',
      identitySource: ['Bearer token'],
      routeKey: 'GET /orders/{id}',
      rawPath: '/orders/a%20b',
      rawQueryString: 'x=1&x=2&y=%2F',
      cookies: ['a=1', 'b=2'],
      queryStringParameters: { x: '1,2', y: '/' },
      pathParameters: { id: 'a b' },
      requestContext: {
        accountId: '123456789012',
        apiId: 'abcdefghij',
        domainName: `127.0.0.1:${api.port}`,
        http: {
          method: 'GET',
          path: '/orders/a%20b',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'test',
        },
        routeKey: 'GET /orders/{id}',
        stage: '$default',
      },
    })
    expect(event.headers.authorization).toBe('Bearer token')
    expect(event.requestContext.requestId).toMatch(/^[A-Za-z0-9+/]{15}=$/)
    expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
    expect(Math.abs(event.requestContext.timeEpoch - Date.now())).toBeLessThan(10_000)
  })

  it('has no body', async () => {
    const api = await start({ authorizer: allow, routes: { 'POST /orders': 'CUSTOM' } })
    await fetch(`${api.url}/orders`, { method: 'POST', body: 'x', ...token })
    expect(api.authorizerEvents[0]).not.toHaveProperty('body')
    expect(api.authorizerEvents[0]).not.toHaveProperty('isBase64Encoded')
  })

  it('leaves out cookies, query parameters, path parameters and stage variables where there are none', async () => {
    const api = await start({ authorizer: allow })
    await fetch(`${api.url}/orders`, token)
    const members = Object.keys(api.authorizerEvents[0])
    expect(members).toEqual(
      ['version', 'type', 'routeArn', 'identitySource', 'routeKey', 'rawPath', 'rawQueryString'].concat(
        'headers',
        'requestContext',
      ),
    )
    expect(api.authorizerEvents[0].rawQueryString).toBe('')
  })

  it('carries stage variables', async () => {
    const stages = [{ StageName: '$default', StageVariables: { color: 'blue' } }]
    const api = await start({ authorizer: allow, stages })
    await fetch(`${api.url}/orders`, token)
    expect(api.authorizerEvents[0].stageVariables).toEqual({ color: 'blue' })
  })
})

describe('identity sources', () => {
  it('answers 401 without invoking the function when one is missing', async () => {
    const api = await start({ authorizer: allow })
    expect(await answerOf(fetch(`${api.url}/orders`))).toEqual(unauthorized)
    expect(api.authorizerEvents).toEqual([])
    expect(api.backendEvents).toEqual([])
  })

  it('answers 401 without invoking the function when one is empty', async () => {
    const api = await start({ authorizer: allow })
    expect(await answerOf(fetch(`${api.url}/orders`, { headers: { Authorization: '' } }))).toEqual(
      unauthorized,
    )
    expect(api.authorizerEvents).toEqual([])
  })

  it.each([
    ['$request.header.X-Tenant', 'acme'],
    ['$request.querystring.tenant', 'query'],
    ['$context.routeKey', 'GET /orders'],
    ['$context.httpMethod', 'GET'],
    ['$context.identity.sourceIp', '127.0.0.1'],
    ['$stageVariables.color', 'blue'],
  ])('reads %s', async (source, value) => {
    const api = await start({
      authorizer: allow,
      authorizerProperties: { IdentitySource: [source] },
      stages: [{ StageName: '$default', StageVariables: { color: 'blue' } }],
    })
    const response = await fetch(`${api.url}/orders?tenant=query`, { headers: { 'X-Tenant': 'acme' } })
    expect(response.status).toBe(200)
    expect(api.authorizerEvents[0].identitySource).toEqual([value])
  })

  it('needs all of several', async () => {
    const IdentitySource = ['$request.header.Authorization', '$request.querystring.tenant']
    const api = await start({ authorizer: allow, authorizerProperties: { IdentitySource } })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(401)
    expect((await fetch(`${api.url}/orders?tenant=`, token)).status).toBe(401)
    expect((await fetch(`${api.url}/orders?tenant=a`, token)).status).toBe(200)
    expect(api.authorizerEvents).toHaveLength(1)
  })

  it('refuses at deployment an expression that it does not know', async () => {
    await expect(
      start({
        authorizer: allow,
        authorizerProperties: { IdentitySource: ['$context.awsEndpointRequestId'] },
      }),
    ).rejects.toThrow('the local run does not know the identity source $context.awsEndpointRequestId')
  })
})

describe('what an authorizer answers', () => {
  it('lets a request pass for isAuthorized: true, its context reaching the integration as returned', async () => {
    const context = { client: 'c1', scopes: ['a', 'b'], level: 3, admin: false, nested: { deep: null } }
    const api = await start({ authorizer: () => ({ isAuthorized: true, context }) })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect(api.backendEvents[0].requestContext.authorizer).toEqual({ lambda: context })
  })

  it('answers 403 for isAuthorized: false', async () => {
    const api = await start({ authorizer: () => ({ isAuthorized: false }) })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(forbidden)
    expect(api.backendEvents).toEqual([])
  })

  it('sets no WWW-Authenticate on a refusal', async () => {
    const api = await start({
      authorizer: () => ({ isAuthorized: false, headers: { 'www-authenticate': 'x' } }),
    })
    const response = await fetch(`${api.url}/orders`, token)
    expect(response.headers.has('www-authenticate')).toBe(false)
  })

  it('answers 401 when the result has errorMessage "Unauthorized"', async () => {
    const api = await start({ authorizer: () => ({ errorMessage: 'Unauthorized' }) })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(unauthorized)
  })

  it('answers 401 when the function throws Error("Unauthorized")', async () => {
    const api = await start({
      authorizer: () => {
        throw new Error('Unauthorized')
      },
    })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(unauthorized)
  })

  it('answers 500 when the function throws anything else', async () => {
    const api = await start({
      authorizer: () => {
        throw new Error('unauthorized')
      },
    })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(internalServerError)
    expect(api.problems).toEqual(['the authorizer function failed: Error'])
  })

  it.each([
    ['null', null],
    ['a string', 'allow'],
    ['a list', [{ isAuthorized: true }]],
    ['a boolean', true],
    ['no isAuthorized', { context: {} }],
    ['isAuthorized as text', { isAuthorized: 'true' }],
    ['isAuthorized as a number', { isAuthorized: 1 }],
    ['a context that is no object', { isAuthorized: true, context: 'x' }],
    [
      'an IAM policy where simple responses are on',
      { principalId: 'x', policyDocument: policy('Allow', '*') },
    ],
  ])('answers 500 for a wrong shape: %s', async (_, result) => {
    const api = await start({ authorizer: () => result })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(internalServerError)
    expect(api.backendEvents).toEqual([])
  })

  it('answers 500 when the function takes too long', async () => {
    const api = await start({ authorizer: () => new Promise(() => {}), authorizerTimeoutMilliseconds: 20 })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(internalServerError)
    expect(api.problems).toEqual(['the authorizer function timed out'])
  })

  it('answers 500 without the permission to invoke the authorizer', async () => {
    const api = await start({ authorizer: allow, permissions: ['backend'] })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(internalServerError)
    expect(api.authorizerEvents).toEqual([])
    expect(api.backendEvents).toEqual([])
  })

  it('is not asked on a route without authorization', async () => {
    const api = await start({ authorizer: allow, routes: { 'GET /health': 'NONE' } })
    expect((await fetch(`${api.url}/health`)).status).toBe(200)
    expect(api.authorizerEvents).toEqual([])
    expect(api.backendEvents[0].requestContext).not.toHaveProperty('authorizer')
  })
})

describe('IAM responses', () => {
  const iam = { authorizerProperties: { EnableSimpleResponses: false } }
  const arn = 'arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/$default/GET/orders'

  it('let a request pass whose ARN the policy allows, with the context', async () => {
    const result = { principalId: 'p', policyDocument: policy('Allow', arn), context: { a: 1 } }
    const api = await start({ authorizer: () => result, ...iam })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect(api.backendEvents[0].requestContext.authorizer).toEqual({ lambda: { a: 1 } })
  })

  it.each([
    ['denies', policy('Deny', '*')],
    ['allows another route', policy('Allow', arn.replace('GET', 'POST'))],
    ['allows another action', { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }],
    [
      'allows and denies',
      { Statement: [...policy('Allow', '*').Statement, ...policy('Deny', `${arn}*`).Statement] },
    ],
  ])('answer 403 when the policy %s', async (_, policyDocument) => {
    const api = await start({ authorizer: () => ({ principalId: 'p', policyDocument }), ...iam })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(forbidden)
  })

  it.each([
    ['no principalId', { policyDocument: policy('Allow', '*') }],
    ['no policy', { principalId: 'p' }],
    ['a simple response', { isAuthorized: true }],
    [
      'a condition',
      {
        principalId: 'p',
        policyDocument: { Statement: [{ ...policy('Allow', '*').Statement[0], Condition: {} }] },
      },
    ],
  ])('answer 500 for a wrong shape: %s', async (_, result) => {
    const api = await start({ authorizer: () => result, ...iam })
    expect(await answerOf(fetch(`${api.url}/orders`, token))).toEqual(internalServerError)
  })

  it('are cached as the policy, which is applied to each route', async () => {
    const api = await start({
      authorizer: () => ({ principalId: 'p', policyDocument: policy('Allow', arn) }),
      authorizerProperties: { EnableSimpleResponses: false, AuthorizerResultTtlInSeconds: 300 },
      routes: { 'GET /orders': 'CUSTOM', 'DELETE /orders': 'CUSTOM' },
    })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect((await fetch(`${api.url}/orders`, { method: 'DELETE', ...token })).status).toBe(403)
    expect(api.authorizerEvents).toHaveLength(1)
  })
})

describe('the decision cache', () => {
  const routes = { 'GET /orders': 'CUSTOM', 'DELETE /orders': 'CUSTOM' } as const
  const onlyGet = (event: { routeKey: string }) => ({ isAuthorized: event.routeKey === 'GET /orders' })
  const cached = { AuthorizerResultTtlInSeconds: 300 }

  it('asks for every request at TTL 0', async () => {
    const api = await start({ authorizer: allow })
    await fetch(`${api.url}/orders`, token)
    await fetch(`${api.url}/orders`, token)
    expect(api.authorizerEvents).toHaveLength(2)
  })

  it('answers every route that shares the authorizer with one simple response', async () => {
    const api = await start({ authorizer: onlyGet, routes, authorizerProperties: cached })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect((await fetch(`${api.url}/orders`, { method: 'DELETE', ...token })).status).toBe(200)
    expect(api.authorizerEvents).toHaveLength(1)
  })

  it('keeps routes apart when $context.routeKey is an identity source', async () => {
    const IdentitySource = ['$request.header.Authorization', '$context.routeKey']
    const api = await start({
      authorizer: onlyGet,
      routes,
      authorizerProperties: { ...cached, IdentitySource },
    })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect((await fetch(`${api.url}/orders`, { method: 'DELETE', ...token })).status).toBe(403)
    expect(api.authorizerEvents).toHaveLength(2)
  })

  it('is keyed by the values of the identity sources', async () => {
    const api = await start({ authorizer: allow, authorizerProperties: cached })
    await fetch(`${api.url}/orders`, token)
    await fetch(`${api.url}/orders`, { headers: { Authorization: 'Bearer other' } })
    expect(api.authorizerEvents).toHaveLength(2)
  })

  it('is kept for each stage', async () => {
    const stages = [{ StageName: '$default' }, { StageName: 'test' }]
    const api = await start({ authorizer: allow, authorizerProperties: cached, stages })
    await fetch(`${api.url}/orders`, token)
    await fetch(`${api.url}/test/orders`, token)
    expect(api.authorizerEvents.map(event => event.requestContext.stage)).toEqual(['$default', 'test'])
  })

  it('keeps refusals', async () => {
    const api = await start({ authorizer: () => ({ isAuthorized: false }), authorizerProperties: cached })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(403)
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(403)
    expect(api.authorizerEvents).toHaveLength(1)
  })

  it('keeps no failure', async () => {
    let calls = 0
    const api = await start({
      authorizer: () => {
        calls += 1
        if (calls === 1) throw new Error('down')
        return { isAuthorized: calls > 2, context: calls === 2 ? 'wrong' : {} }
      },
      authorizerProperties: cached,
    })
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(500)
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(500)
    expect((await fetch(`${api.url}/orders`, token)).status).toBe(200)
    expect(calls).toBe(3)
  })

  it('gives the cached context to the integration', async () => {
    const api = await start({ authorizer: allow, authorizerProperties: cached })
    await fetch(`${api.url}/orders`, token)
    await fetch(`${api.url}/orders`, token)
    expect(api.backendEvents[1].requestContext.authorizer).toEqual({ lambda: { client: 'c1' } })
  })

  it.each([
    [{ AuthorizerResultTtlInSeconds: 3601 }, 'AuthorizerResultTtlInSeconds must be between 0 and 3600'],
    [{ AuthorizerResultTtlInSeconds: undefined }, 'AuthorizerResultTtlInSeconds is missing'],
    [{ AuthorizerResultTtlInSeconds: 1, IdentitySource: [] }, 'IdentitySource is missing'],
    [{ AuthorizerPayloadFormatVersion: '1.0' }, 'AuthorizerPayloadFormatVersion has the value "1.0"'],
    [{ AuthorizerType: 'TOKEN' }, 'AuthorizerType has the value "TOKEN"'],
    [
      { JwtConfiguration: {} },
      'AWS::ApiGatewayV2::Authorizer Authorizer: the local run does not know the property JwtConfiguration',
    ],
  ])('refuses at deployment %o', async (authorizerProperties, message) => {
    await expect(start({ authorizer: allow, authorizerProperties })).rejects.toThrow(message)
  })
})

function policy(Effect: string, Resource: string) {
  return { Version: '2012-10-17', Statement: [{ Effect, Action: 'execute-api:Invoke', Resource }] }
}
