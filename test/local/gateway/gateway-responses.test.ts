import { afterEach, describe, expect, it } from 'vitest'
import { startRestApi, type TestRestApiSetup } from './rest-api.ts'

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map(each => each.close())))

async function start(setup: TestRestApiSetup) {
  const api = await startRestApi(setup)
  open.push(api)
  return api
}

describe('gateway responses of a REST API', () => {
  const unauthorized = {
    ResponseType: 'UNAUTHORIZED',
    StatusCode: '499',
    ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': `'Bearer error="invalid_token"'` },
    ResponseTemplates: { 'application/json': '{"error":$context.error.messageString}' },
  }

  it('have the status, headers and body of the template, of the type or else of its group', async () => {
    const responses = [unauthorized, { ResponseType: 'DEFAULT_4XX', StatusCode: '404' }]
    const api = await start({ methods: { 'GET /a': 'CUSTOM' }, responses })
    const response = await fetch(`${api.url}/a`)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect([response.status, await response.text()]).toEqual([499, '{"error":"Unauthorized"}'])
    const missing = await fetch(`${api.url}/b`)
    expect([missing.status, await missing.text()]).toEqual([
      404,
      '{"message":"Missing Authentication Token"}',
    ])
  })

  const header = 'gatewayresponse.header.X'
  it.each<[string, Partial<TestRestApiSetup>, string]>([
    [
      'an integration that is no function',
      { methodProperties: { Integration: { Type: 'MOCK' } } },
      'the property Type has the value "MOCK"',
    ],
    [
      'a request model',
      { methodProperties: { RequestModels: {} } },
      'does not know the property RequestModels',
    ],
    [
      'a TOKEN authorizer',
      { authorizerProperties: { Type: 'TOKEN' } },
      'the property Type has the value "TOKEN"',
    ],
    [
      'a context variable as identity',
      { authorizerProperties: { IdentitySource: 'context.path' } },
      'does not know the identity source context.path',
    ],
    [
      'a cache without a key',
      { authorizerProperties: { AuthorizerResultTtlInSeconds: 1, IdentitySource: undefined } },
      'the property IdentitySource is missing',
    ],
    [
      'settings of one method',
      { stageProperties: { MethodSettings: [{ HttpMethod: 'GET', ResourcePath: '/a' }] } },
      'the property HttpMethod has the value "GET"',
    ],
    [
      'a response type',
      { responses: [{ ResponseType: 'WAF_FILTERED' }] },
      'the property ResponseType has the value "WAF_FILTERED"',
    ],
    [
      'a response twice',
      { responses: [unauthorized, unauthorized] },
      'is UNAUTHORIZED, which the API has already',
    ],
    [
      'a mapped header',
      { responses: [{ ...unauthorized, ResponseParameters: { [header]: 'context.requestId' } }] },
      `maps ${header} in a way that the local run does not know`,
    ],
    [
      'another variable',
      { responses: [{ ...unauthorized, ResponseTemplates: { 'application/json': '$context.requestId' } }] },
      'has a variable that the local run does not know',
    ],
  ])('and all else that the local run does not know is refused: %s', async (_, setup, problem) => {
    await expect(start({ methods: { 'GET /a': 'CUSTOM' }, ...setup })).rejects.toThrow(problem)
  })
})
