import { afterAll, describe, expect, it } from 'vitest'
import { startFunction } from '../support/bundled-function.ts'
import { httpEvent } from '../support/http-event.ts'

const example = await startFunction('example-api', {})
afterAll(() => example.stop())

describe('the example API', () => {
  it('answers with what the authorizer told it', async () => {
    const lambda = { clientId: 'nightly-export', scope: 'orders:read', jti: 'j', audience: 'a', expiresAt: 1 }
    const event = httpEvent({ routeKey: 'GET /orders/{id}', parameters: { id: '7' } })
    const requestContext = { ...event.requestContext, authorizer: { lambda } }
    const { result } = await example.invoke({ ...event, requestContext })
    expect(result).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ route: 'GET /orders/{id}', pathParameters: { id: '7' }, ...lambda }),
    })
  })

  it('answers on a route without an authorizer as well', async () => {
    const { result } = await example.invoke(httpEvent({ routeKey: 'GET /health' }))
    expect(result).toMatchObject({ statusCode: 200, body: '{"route":"GET /health"}' })
  })
})
