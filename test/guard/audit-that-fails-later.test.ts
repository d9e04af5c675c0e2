import { beforeEach, describe, expect, it } from 'vitest'
import { createGuard } from '../../guard/index.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../lambda/support/signing-key-pair.ts'
import { startIssuer } from './local-issuer.ts'

const pair = signingKeyPair()
const audience = 'https://orders.example.com'
const read = { allOf: ['orders:read'] }

let options: { issuer: string; audience: string; revocations: 'none' }
let authorization: string
let state: Awaited<ReturnType<typeof startIssuer>>['state']
beforeEach(async () => {
  const issuer = await startIssuer(pair.key)
  state = issuer.state
  options = { issuer: issuer.url, audience, revocations: 'none' }
  authorization = `Bearer ${accessToken(pair, tokenClaims(Math.floor(Date.now() / 1000), { iss: issuer.url }))}`
})

describe('onDecision that is asynchronous', () => {
  it('must have heard, too: where its promise is rejected, nothing passes', async () => {
    const guard = createGuard({ ...options, onDecision: async () => Promise.reject(new Error('disk full')) })
    const decision = await guard.authorize({ authorization, require: read })
    expect(decision).toMatchObject({ allowed: false, status: 500, reason: 'internal_error' })
  })
})

describe('log that is asynchronous', () => {
  it('decides nothing, and ends no process when its promise is rejected', async () => {
    state.jwks = (_, response) => response.destroy()
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const guard = createGuard({ ...options, log: async () => Promise.reject(new Error('disk full')) })
    expect(await guard.authorize({ authorization, require: read })).toMatchObject({ status: 503 })
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
})
