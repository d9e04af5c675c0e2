import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { authenticationProbe } from '../../../lambda/adapters/authentication-probe.ts'

let status = 200
let received: unknown[] = []
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method, url, headers } = request
  const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
  received.push({ method, url, authorization: headers.authorization, form })
  response.writeHead(status, { location: '/elsewhere' }).end('{"active":false}')
}).listen(0, '127.0.0.1')
await once(server, 'listening')
afterAll(() => server.close().closeAllConnections())
beforeEach(() => {
  received = []
  status = 200
})

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`
const isAuthenticated = authenticationProbe(url)
const credentials = { client_id: 'abc', client_secret: 'ctsn_+:x', secret_id: 'one' }

describe('asking whether credentials are taken', () => {
  it('is a look at no token, by the method of the client (RFC 6749 §2.3.1)', async () => {
    expect(await isAuthenticated(credentials, 'client_secret_basic')).toBe(true)
    expect(await isAuthenticated(credentials, 'client_secret_post')).toBe(true)
    const form = { token: 'none' }
    const authorization = `Basic ${Buffer.from('abc:ctsn_%2B%3Ax').toString('base64')}`
    expect(received).toEqual([
      { method: 'POST', url: '/introspect', authorization, form },
      {
        method: 'POST',
        url: '/introspect',
        authorization: undefined,
        form: { ...form, client_id: 'abc', client_secret: 'ctsn_+:x' },
      },
    ])
  })

  it('is no at 401, and neither at anything else', async () => {
    status = 401
    expect(await isAuthenticated(credentials, 'client_secret_basic')).toBe(false)
    for (status of [302, 404, 429, 500, 503])
      await expect(isAuthenticated(credentials, 'client_secret_basic')).rejects.toThrow(
        /answered|fetch failed/,
      )
    expect(received).toHaveLength(6)
  })
})
