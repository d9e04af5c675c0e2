import { afterEach, describe, expect, it } from 'vitest'
import { bySpecificity, parseRouteKey, selectRoute } from '../../../local/gateway/route-selection.ts'
import { startApi, type TestApi } from './http-api.ts'

const open: TestApi[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

/** What is chosen, whichever order the template has the routes in. */
function choose(routeKeys: string[], method: string, path: string) {
  const chosen = [routeKeys, routeKeys.toReversed()].map(keys =>
    selectRoute(bySpecificity(keys.map(parseRouteKey)), method, path),
  )
  expect(chosen[0]?.route.routeKey).toBe(chosen[1]?.route.routeKey)
  return chosen[0]
}

describe('route choice', () => {
  const keys = [
    'GET /pets/dog/1',
    'GET /pets/dog/{id}',
    'GET /pets/{kind}/{id}',
    'GET /pets/{proxy+}',
    'ANY /pets/dog/{id}',
    'ANY /{proxy+}',
    '$default',
  ]

  it.each([
    ['prefers a literal segment to a variable', 'GET', '/pets/dog/1', 'GET /pets/dog/1'],
    ['prefers the exact method to ANY', 'GET', '/pets/dog/2', 'GET /pets/dog/{id}'],
    ['falls back to ANY', 'POST', '/pets/dog/2', 'ANY /pets/dog/{id}'],
    ['prefers a match of the whole path to a greedy one', 'GET', '/pets/cat/2', 'GET /pets/{kind}/{id}'],
    ['prefers the longer greedy path', 'GET', '/pets/cat/2/toys', 'GET /pets/{proxy+}'],
    ['prefers a greedy match to $default', 'POST', '/pets/cat/2/toys', 'ANY /{proxy+}'],
    ['takes $default where nothing else matches', 'GET', '/', '$default'],
  ])('%s', (_, method, path, routeKey) => {
    expect(choose(keys, method, path)?.route.routeKey).toBe(routeKey)
  })

  it('matches nothing for a path that exists under another method', () => {
    expect(choose(['GET /orders', 'POST /orders/{id}'], 'POST', '/orders')).toBeUndefined()
  })

  it.each([
    '/orders/',
    '//orders',
    '/ORDERS',
    '/orders;x',
    '/orders/1',
    '/a/../orders',
    '/%6frders',
    '*',
    '',
  ])('does not take %s for /orders', path => {
    expect(choose(['GET /orders', 'GET /orders/{id}/lines'], 'GET', path)).toBeUndefined()
  })

  it('gives path variables percent-decoded, a segment at a time', () => {
    const chosen = choose(['GET /orders/{id}/{line}'], 'GET', '/orders/a%2Fb/%C3%BC')
    expect(chosen?.pathParameters).toEqual({ id: 'a/b', line: 'ü' })
  })

  it('leaves a malformed escape in a path variable as it is', () => {
    expect(choose(['GET /orders/{id}'], 'GET', '/orders/%zz')?.pathParameters).toEqual({ id: '%zz' })
  })

  it('gives a greedy variable the rest of the path', () => {
    expect(choose(['GET /files/{proxy+}'], 'GET', '/files/a/b%20c')?.pathParameters).toEqual({
      proxy: 'a/b c',
    })
  })

  it('does not let a variable stand for nothing', () => {
    expect(choose(['GET /orders/{id}'], 'GET', '/orders/')).toBeUndefined()
    expect(choose(['GET /files/{proxy+}'], 'GET', '/files/')).toBeUndefined()
  })

  it.each(['orders', 'GET orders', 'TRACE /orders', 'get /orders', 'GET /{a+}/b'])(
    'refuses the route key "%s"',
    routeKey => {
      expect(() => parseRouteKey(routeKey)).toThrow(`route key "${routeKey}"`)
    },
  )
})

describe('a request that no route takes', () => {
  it('is 404 Not Found, under another method as well', async () => {
    const api = await startApi({ routes: { 'GET /orders': 'NONE' } })
    open.push(api)
    for (const [method, path] of [
      ['GET', '/other'],
      ['POST', '/orders'],
      ['OPTIONS', '/orders'],
    ] as const) {
      const response = await fetch(`${api.url}${path}`, { method })
      expect([response.status, await response.text()]).toEqual([404, '{"message":"Not Found"}'])
    }
    expect((await fetch(`${api.url}/orders`, { method: 'HEAD' })).status).toBe(404)
  })

  it('leaves the decision to the route key of the path as sent, not to what it could mean', async () => {
    const api = await startApi({ routes: { 'GET /orders': 'NONE' }, backend: () => 'ok' })
    open.push(api)
    const headers = 'X-HTTP-Method-Override: GET\r\nX-Original-URL: /orders\r\nX-Forwarded-Path: /orders\r\n'
    const answer = await api.raw(
      `GET /x/../orders HTTP/1.1\r\nHost: h\r\n${headers}Connection: close\r\n\r\n`,
    )
    expect(answer.status).toBe(404)
    expect(api.backendEvents).toEqual([])
  })

  it('takes the absolute form of a target (RFC 9112 §3.2.2)', async () => {
    const api = await startApi({ routes: { 'GET /orders': 'NONE' }, backend: () => 'ok' })
    open.push(api)
    const answer = await api.raw(
      'GET http://evil.example/orders?a=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    )
    expect(answer.status).toBe(200)
    expect(api.backendEvents[0]).toMatchObject({ rawPath: '/orders', rawQueryString: 'a=1' })
  })
})
