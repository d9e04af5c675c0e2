import { beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type Guard } from '../../guard/index.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../lambda/support/signing-key-pair.ts'
import { serve, startIssuer } from './local-issuer.ts'

const pair = signingKeyPair()

let guard: Guard
let authorization: string
beforeEach(async () => {
  const { url: issuer } = await startIssuer(pair.key)
  guard = createGuard({ issuer, audience: 'https://orders.example.com', revocations: 'none' })
  const claims = tokenClaims(Math.floor(Date.now() / 1000), { iss: issuer, scope: 'orders:list' })
  authorization = `Bearer ${accessToken(pair, claims)}`
})

describe('what a route needs', () => {
  it('is not a list with holes, which every token would have (RFC 6749 §3.3)', async () => {
    const holes = { allOf: new Array<string>(1) }
    expect(() => guard.node(holes, () => {})).toThrow(
      'require needs a list of scopes, one an item, in exactly one of allOf and anyOf',
    )
  })

  it('is what it was when the listener was made: a list that is used again changes no other route', async () => {
    const scopes = ['orders:read']
    const url = await serve(guard.node({ allOf: scopes }, (_, response) => response.end()))
    scopes.length = 0
    expect((await fetch(url, { headers: { authorization } })).status).toBe(403)
  })
})
