import { sign, verify } from 'node:crypto'
import type { KMSClient } from '@aws-sdk/client-kms'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kmsSigner } from '../../lambda/adapters/kms-signer.ts'
import { signatureVerifier } from '../../lambda/adapters/signature-verifier.ts'
import { verifyAccessToken } from '../../lambda/oauth/verify-access-token.ts'
import { issuer, ordersAudience } from '../lambda/support/client-item.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../lambda/support/signing-key-pair.ts'
import { useAttackedApi } from './support/attacked-api.ts'
import { edit, singleEdits } from './support/single-edit.ts'

const api = useAttackedApi()

const now = Math.floor(Date.now() / 1000)
const pair = signingKeyPair()
const verification = {
  issuer,
  audience: ordersAudience,
  findKey: async (kid: string) => (kid === pair.key.kid ? pair.key : undefined),
  verifySignature: signatureVerifier(issuer, ordersAudience),
}

describe('a single edit of a valid token', () => {
  it('A40: is refused, wherever it is and whatever it makes (fast-check tells the seed)', async () => {
    const genuine = accessToken(pair, tokenClaims(now))
    expect(await verifyAccessToken(genuine, verification, now)).toMatchObject({ kid: pair.key.kid })
    const edits = singleEdits('.=+/~ %,"{}\t\r\n\u0000\u007f\u00adéſ🔑')
    await fc.assert(
      fc.asyncProperty(edits, async change => {
        const edited = edit(genuine, change)
        fc.pre(edited !== genuine)
        expect(await verifyAccessToken(edited, verification, now)).toEqual(expect.any(String))
      }),
      { numRuns: 20_000 },
    )
  })

  it('A40: is refused over HTTP as well, right after the genuine token was remembered', async () => {
    const { tokens, attacked, allowed, send } = api()
    await allowed(tokens.genuine)
    await fc.assert(
      fc.asyncProperty(singleEdits('.=+/~ %,"{}\té'), async change => {
        const edited = edit(tokens.genuine, change)
        // White space at the ends of a field's value is not part of it (RFC 9110 §5.5).
        fc.pre(edited.trim() !== tokens.genuine)
        const { status, event } = await attacked.refused('api.authorize', () => send(edited))
        expect([status, event.outcome]).toEqual([401, 'refused'])
      }),
      { numRuns: 80, endOnFailure: true },
    )
    await allowed(tokens.genuine)
  })
})

const signatures = 20_000

describe('what KMS signs', () => {
  it(`A43: verifies ${signatures} times in a row, with r and s of any length (RFC 7518 §3.4)`, async () => {
    let input = ''
    const kms = { send: async () => ({ Signature: sign('sha256', Buffer.from(input), pair.privateKey) }) }
    const signer = kmsSigner(kms as unknown as KMSClient, recordedLines().records)
    const witness = { key: pair.publicKey, dsaEncoding: 'ieee-p1363' } as const
    const seen = { shortR: 0, shortS: 0, wrong: 0 }
    for (let index = 0; index < signatures; index++) {
      input = `header.${index}`
      const signature = await signer(input, pair.key)
      const [shortR, shortS] = [signature[0] === 0, signature[32] === 0]
      // The signer has verified each; a second witness, which takes R || S, sees the short ones and a tenth.
      const isWitnessed = shortR || shortS || index % 10 === 0
      if (signature.length !== 64) seen.wrong++
      else if (isWitnessed && !verify('sha256', Buffer.from(input), witness, signature)) seen.wrong++
      if (shortR) seen.shortR++
      if (shortS) seen.shortS++
    }
    expect(seen.wrong).toBe(0)
    // One in 256 of each, twice as many of s, which is always the lower half.
    expect(seen.shortR).toBeGreaterThan(20)
    expect(seen.shortS).toBeGreaterThan(20)
  }, 60_000)
})
