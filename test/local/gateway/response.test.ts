import { afterEach, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from './http-api.ts'

const open: TestApi[] = []

async function respond(result: unknown, init?: RequestInit) {
  const api = await startApi({ routes: { $default: 'NONE' }, backend: () => result })
  open.push(api)
  return fetch(api.url, init)
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

describe('the response of a Lambda integration, payload format 2.0', () => {
  it('has the status code, headers and body of the result', async () => {
    const headers = { 'content-type': 'application/json', 'X-Count': 3, 'x-flag': true }
    const response = await respond({ statusCode: 201, headers, body: '{"a":1}' })
    expect(response.status).toBe(201)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('x-count')).toBe('3')
    expect(response.headers.get('x-flag')).toBe('true')
    expect(await response.text()).toBe('{"a":1}')
  })

  it('is text/plain unless the result says otherwise', async () => {
    const response = await respond({ statusCode: 200, body: 'x' })
    expect(response.headers.get('content-type')).toBe('text/plain;charset=UTF-8')
  })

  it('makes each of cookies a Set-Cookie', async () => {
    const response = await respond({ statusCode: 200, cookies: ['a=1; Secure', 'b=2'] })
    expect(response.headers.getSetCookie()).toEqual(['a=1; Secure', 'b=2'])
  })

  it('ignores multiValueHeaders', async () => {
    const response = await respond({ statusCode: 200, multiValueHeaders: { 'x-a': ['1'] } })
    expect(response.headers.has('x-a')).toBe(false)
  })

  it('decodes a body that is base64', async () => {
    const response = await respond({
      statusCode: 200,
      body: Buffer.from([1, 2, 255]).toString('base64'),
      isBase64Encoded: true,
    })
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([1, 2, 255])
  })

  it('passes WWW-Authenticate on', async () => {
    const response = await respond({ statusCode: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } })
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="x"')
  })

  it('has no body for 204 and for HEAD', async () => {
    expect(await (await respond({ statusCode: 204, body: 'x' })).text()).toBe('')
    const head = await respond({ statusCode: 200, body: 'abc' }, { method: 'HEAD' })
    expect([await head.text(), head.headers.get('content-length')]).toEqual(['', '3'])
  })

  it.each([
    ['an object', { a: 1 }, '{"a":1}'],
    ['a string', 'hello', 'hello'],
    ['a list', [1], '[1]'],
    ['a number', 7, '7'],
    ['nothing', undefined, 'null'],
  ])('is 200 and JSON for a result without statusCode: %s', async (_, result, body) => {
    const response = await respond(result)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'application/json',
      body,
    ])
  })

  it('takes the framing of the message from nobody', async () => {
    const headers = { 'Content-Length': '99', 'Transfer-Encoding': 'chunked', Connection: 'close' }
    const response = await respond({ statusCode: 200, headers, body: 'abc' })
    expect(response.headers.get('content-length')).toBe('3')
    expect(await response.text()).toBe('abc')
  })

  it.each([
    ['a status code that is none', { statusCode: 'ok' }],
    ['a status code out of range', { statusCode: 99 }],
    ['an informational status code', { statusCode: 101 }],
    ['a null status code', { statusCode: null }],
    ['a body that is an object', { statusCode: 200, body: { a: 1 } }],
    ['headers that are a list', { statusCode: 200, headers: ['a'] }],
    ['a header that is an object', { statusCode: 200, headers: { a: {} } }],
    ['a header with a line break', { statusCode: 200, headers: { a: 'x\r\nset-cookie: y=1' } }],
    ['a header name with a space', { statusCode: 200, headers: { 'a b': 'x' } }],
    ['a cookie with a line break', { statusCode: 200, cookies: ['a=1\nb: 2'] }],
    ['cookies that are no list', { statusCode: 200, cookies: 'a=1' }],
  ])('is 500 for %s', async (_, result) => {
    const response = await respond(result)
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}'])
  })
})
