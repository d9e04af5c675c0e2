import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from './http-api.ts'

const largestHead = 10_240
const largestBody = 10 * 1024 * 1024
let api: TestApi

beforeAll(async () => {
  api = await startApi({
    routes: { 'ANY /x': 'NONE' },
    backend: event => ({ octets: event.body?.length ?? 0 }),
  })
})

afterAll(() => api.close())

describe('limits of an HTTP API', () => {
  const head = (octets: number) => {
    const start = 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Filler: '
    return `${start}${'a'.repeat(octets - start.length - 2)}\r\n\r\n`
  }

  it('takes a request line and headers of 10,240 octets', async () => {
    expect((await api.raw(head(largestHead))).status).toBe(200)
  })

  it.each([largestHead + 1, 2 * largestHead + 1000])(
    'refuses a request line and headers of %i octets with 431',
    async octets => {
      const answer = await api.raw(head(octets))
      expect(answer.status).toBe(431)
      expect(answer.body).toBe('{"message":"Request Header Fields Too Large"}')
    },
  )

  it('refuses a long request line with 431', async () => {
    expect((await api.raw(`GET /x?${'a'.repeat(largestHead)} HTTP/1.1\r\nHost: h\r\n\r\n`)).status).toBe(431)
  })

  it('takes a hundred headers', async () => {
    const headers = Array.from({ length: 100 }, (_, index) => `X-${index}: v\r\n`).join('')
    expect((await api.raw(`GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${headers}\r\n`)).status).toBe(
      200,
    )
  })

  it('refuses a payload above 10 MB with 413', async () => {
    const response = await fetch(`${api.url}/x`, { method: 'POST', body: Buffer.alloc(largestBody + 1) })
    expect([response.status, await response.text()]).toEqual([413, '{"message":"Request Entity Too Large"}'])
  })

  it('refuses with 413 before the payload is sent where the client asks first', async () => {
    const request = `POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ${largestBody + 1}\r\n\r\n`
    expect((await api.raw(request)).status).toBe(413)
  })

  it('refuses with 413 an event larger than Lambda takes', async () => {
    const response = await fetch(`${api.url}/x`, { method: 'POST', body: Buffer.alloc(6 * 1024 * 1024) })
    expect(response.status).toBe(413)
  })

  it('lets a client that asks first go on', async () => {
    const socket = createConnection(api.port, '127.0.0.1')
    const received: string[] = []
    socket.setEncoding('utf8').on('data', chunk => received.push(String(chunk)))
    socket.write(
      'POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\n',
    )
    await once(socket, 'data')
    expect(received.join('')).toContain('100 Continue')
    socket.write('abc')
    await once(socket, 'close')
    expect(received.join('')).toContain('{"octets":3}')
  })
})

describe('requests that are none', () => {
  it.each(['TRACE', 'PROPFIND', 'PURGE'])('refuses the method %s with 405', async method => {
    const answer = await api.raw(`${method} /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
    expect(answer.status).toBe(405)
    expect(answer.head.toLowerCase()).toContain('\r\nallow: delete, get, head, options, patch, post, put\r\n')
    expect(answer.body).toBe('{"message":"Method Not Allowed"}')
  })

  it.each([
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', 405],
    ['an unknown method', 'FOO /x HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['two lengths', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['no Host', 'GET /x HTTP/1.1\r\n\r\n', 400],
    ['a NUL in a header', 'GET /x HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n', 400],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 404],
    ['HTTP/1.0', 'GET /x HTTP/1.0\r\n\r\n', 200],
    [
      'an upgrade',
      'GET /x HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n',
      200,
    ],
  ])('answers %s and goes on serving', async (_, request, status) => {
    expect((await api.raw(request)).status).toBe(status)
    expect((await fetch(`${api.url}/x`)).status).toBe(200)
  })

  it('survives a client that goes away in the middle of its request', async () => {
    const socket = createConnection(api.port, '127.0.0.1')
    socket.write('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc')
    await once(socket, 'connect')
    socket.resetAndDestroy()
    await once(socket, 'close')
    expect((await fetch(`${api.url}/x`)).status).toBe(200)
  })
})
