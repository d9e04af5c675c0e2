import { afterEach, describe, expect, it } from 'vitest'
import type { Admission } from '../../../local/api-gateway/usage-plans.ts'
import { accountId, answerOf, apiId, region } from './http-api.ts'
import { startRestApi, type TestRestApiSetup } from './rest-api.ts'

const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map(each => each.close())))

const key = { id: 'key1', name: 'n', value: 'client-1', enabled: true, createdAt: 0, planIds: ['plan'] }
const headers = { authorization: 'Bearer x' }
const allowed = (more = {}) => ({
  principalId: 'me',
  policyDocument: {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'execute-api:Invoke',
        Resource: [`arn:aws:execute-api:${region}:${accountId}:${apiId}/prod/*`],
      },
    ],
  },
  ...more,
})

/** An API whose method needs a key; `asked` has what its usage plans were asked. */
async function start(setup: Partial<TestRestApiSetup>, admission: Admission = { key }) {
  const asked: unknown[][] = []
  const api = await startRestApi({
    methods: { 'GET /a': 'CUSTOM' },
    methodProperties: { ApiKeyRequired: true },
    backend: () => ({ statusCode: 200, body: '{}' }),
    authorizer: () => allowed({ usageIdentifierKey: 'client-1' }),
    apiKeySource: 'AUTHORIZER',
    usagePlans: {
      admit: (...question) => {
        asked.push(question)
        return admission
      },
    },
    ...setup,
  })
  open.push(api)
  return {
    ...api,
    asked,
    get: (more = {}) => answerOf(fetch(`${api.url}/a`, { headers: { ...headers, ...more } })),
  }
}

describe('a method of a REST API that needs an API key', () => {
  it('takes the authorizer’s, whatever the caller sends, and tells the integration', async () => {
    const api = await start({})
    expect((await api.get({ 'x-api-key': 'client-2' })).status).toBe(200)
    expect(api.asked).toEqual([[apiId, 'prod', 'client-1']])
    const { identity } = api.backendEvents[0].requestContext
    expect(identity).toMatchObject({ apiKey: 'client-1', apiKeyId: 'key1' })
  })

  it('takes the header’s where the source is HEADER, whatever the authorizer says', async () => {
    const api = await start({ apiKeySource: 'HEADER' })
    await api.get({ 'x-api-key': 'client-2' })
    await api.get()
    expect(api.asked).toEqual([
      [apiId, 'prod', 'client-2'],
      [apiId, 'prod', undefined],
    ])
  })

  it('keeps the key with the policy, and asks the plan for each request', async () => {
    const api = await start({ authorizerProperties: { AuthorizerResultTtlInSeconds: 60 } })
    await api.get()
    await api.get()
    expect([api.authorizerEvents.length, api.asked.length]).toEqual([1, 2])
  })

  it('has none where the authorizer names no client', async () => {
    const api = await start({ authorizer: () => allowed() })
    await api.get()
    expect(api.asked).toEqual([[apiId, 'prod', undefined]])
  })

  it.each([
    ['INVALID_API_KEY', 403, 'Forbidden'],
    ['THROTTLED', 429, 'Too Many Requests'],
    ['QUOTA_EXCEEDED', 429, 'Limit Exceeded'],
  ] as const)('answers %s as API Gateway does, or as the API says', async (refusal, status, message) => {
    const plain = await start({}, { refusal })
    expect(await plain.get()).toMatchObject({ status, body: JSON.stringify({ message }) })
    expect(plain.backendEvents).toEqual([])
    const response = {
      ResponseType: refusal,
      StatusCode: '503',
      ResponseTemplates: { 'application/json': '{"error":"x"}' },
    }
    const own = await start({ responses: [response] }, { refusal })
    expect(await own.get()).toMatchObject({ status: 503, body: '{"error":"x"}' })
  })

  it('asks for it after the authorizer has let the request pass', async () => {
    const api = await start({
      authorizer: () => {
        throw new Error('Unauthorized')
      },
    })
    expect((await api.get()).status).toBe(401)
    expect(api.asked).toEqual([])
  })

  it('is asked for none where it needs none', async () => {
    const api = await start({ methodProperties: {} })
    expect((await api.get()).status).toBe(200)
    expect([api.asked, api.backendEvents[0].requestContext.identity]).toEqual([
      [],
      expect.not.objectContaining({ apiKey: expect.anything() }),
    ])
  })
})
