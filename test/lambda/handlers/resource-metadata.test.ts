import { afterAll, describe, expect, it } from 'vitest'
import { startFunction } from '../support/bundled-function.ts'
import { issuer, ordersAudience } from '../support/client-item.ts'
import { httpEvent, restAuthorizerEvent } from '../support/http-event.ts'

const metadata = await startFunction('resource-metadata', { ISSUER: issuer, AUDIENCE: ordersAudience })
afterAll(() => metadata.stop())

const path = '/.well-known/oauth-protected-resource'
const ofHttpApi = (headers: object) => ({ ...httpEvent({ routeKey: `GET ${path}` }), headers })
const ofRestApi = (headers: object | null) => ({ ...restAuthorizerEvent('GET', path), headers })

async function get(event: unknown) {
  const { result } = await metadata.invoke(event)
  return result as { statusCode: number; headers: Record<string, string>; body: string }
}

describe('the function that publishes the metadata of an API', () => {
  it('answers an HTTP API and a REST API alike, to any origin (RFC 9728 §3.2)', async () => {
    const answer = await get(ofHttpApi({}))
    expect(answer).toEqual({
      statusCode: 200,
      headers: {
        'content-type': 'application/json',
        'access-control-allow-origin': '*',
        'cache-control': 'public, max-age=3600',
        etag: expect.stringMatching(/^"[\w-]{43}"$/),
      },
      body: JSON.stringify({
        resource: ordersAudience,
        authorization_servers: [issuer],
        bearer_methods_supported: ['header'],
      }),
    })
    // API Gateway sends null where there are no headers.
    for (const headers of [{}, null]) expect(await get(ofRestApi(headers))).toEqual(answer)
  })

  it.each([
    ['an HTTP API', ofHttpApi, 'if-none-match'],
    ['a REST API, in the case of the caller', ofRestApi, 'If-None-Match'],
  ])('says that nothing has changed when %s passes its tag on (RFC 9110 §13.1.2)', async (_, event, name) => {
    const { etag } = (await get(event({}))).headers
    const { statusCode, body } = await get(event({ [name]: etag }))
    expect([statusCode, body]).toEqual([304, ''])
  })
})
