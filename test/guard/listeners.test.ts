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

describe('a request over HTTP/2', () => {
  it('is refused with two Authorization headers: its headers have the first alone (RFC 6750 §2)', async () => {
    const listener = guard.node(read, () => expect.unreachable()) as unknown as Parameters<
      typeof sendHttp2
    >[0]
    expect(await sendHttp2(listener, ['Bearer a'])).toBe(401)
    expect(await sendHttp2(listener, ['Bearer a', 'Bearer b'])).toBe(400)
  })
})
