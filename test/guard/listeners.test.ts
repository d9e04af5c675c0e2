import { beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type Guard } from '../../guard/index.ts'
import { signingKeyPair } from '../lambda/support/signing-key-pair.ts'
import { sendHttp2 } from './http2.ts'
import { serve, startIssuer } from './local-issuer.ts'

const read = { allOf: ['orders:read'] }

let guard: Guard
beforeEach(async () => {
  const issuer = await startIssuer(signingKeyPair().key)
  guard = createGuard({ issuer: issuer.url, audience: 'https://orders.example.com', revocations: 'none' })
})

describe('a request that something else has answered while the guard decided', () => {
  /** What `connect-timeout` and its like do. */
  it.each([
    ['Express 4 and Connect', () => guard.express(read)],
    ['node:http', () => guard.node(read, () => expect.unreachable())],
  ])('does not end the process, and is not passed on (%s)', async (_, listenerOf) => {
    const listener = listenerOf()
    let decided: unknown
    const url = await serve((request, response) => {
      decided = listener(request, response, () => expect.unreachable())
      response.writeHead(503).end('too slow')
    })
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([503, 'too slow'])
    // Nobody awaits it there: a rejection is an unhandled one.
    await expect(decided).resolves.toBe(undefined)
  })
})

describe('a request over HTTP/2', () => {
  it('is refused with two Authorization headers: its headers have the first alone (RFC 6750 §2)', async () => {
    const listener = guard.node(read, () => expect.unreachable()) as unknown as Parameters<
      typeof sendHttp2
    >[0]
    expect(await sendHttp2(listener, ['Bearer a'])).toBe(401)
    expect(await sendHttp2(listener, ['Bearer a', 'Bearer b'])).toBe(400)
  })
})

describe('an error of what a framework adds to a request', () => {
  it('goes to the error handler: Express 4 awaits no middleware', async () => {
    const request = Object.defineProperty({ headers: {}, rawHeaders: [], socket: {} }, 'ip', {
      get: () => {
        throw new Error('trust proxy')
      },
    })
    const errors: unknown[] = []
    await guard.express(read)(request as never, {} as never, error => errors.push(error))
    expect(errors).toEqual([new Error('trust proxy')])
  })
})
