import { describe, expect, it } from 'vitest'
import { createFirstSigningKey } from '../../../lambda/oauth/first-signing-key.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { nowSeconds, publicJwk, signingKey } from './support/token-maker.ts'

function newRing(isEmpty: boolean) {
  const calls: string[] = []
  const stored: SigningKey[] = []
  const ports = {
    isRingEmpty: async () => {
      calls.push('isRingEmpty')
      return isEmpty && stored.length === 0
    },
    createKey: async () => {
      calls.push('createKey')
      return { kmsKeyArn: signingKey.kmsKeyArn, publicJwk }
    },
    putKey: async (key: SigningKey) => {
      calls.push('putKey')
      stored.push(key)
    },
  }
  return { calls, stored, ports }
}

describe('the first signing key', () => {
  it('is made for an empty ring and signs at once (RFC 7517 §4)', async () => {
    const { ports, calls, stored } = newRing(true)
    const expected = { ...signingKey, state: 'active', createdAt: nowSeconds, signFrom: nowSeconds }
    expect(await createFirstSigningKey(ports, nowSeconds)).toEqual(expected)
    expect(stored).toEqual([expected])
    expect(calls).toEqual(['isRingEmpty', 'createKey', 'putKey'])
  })

  it('is not made again by a deployment repeated', async () => {
    const { ports, calls, stored } = newRing(true)
    await createFirstSigningKey(ports, nowSeconds)
    calls.length = 0
    expect(await createFirstSigningKey(ports, nowSeconds + 60)).toBeUndefined()
    expect([calls, stored.length]).toEqual([['isRingEmpty'], 1])
  })

  it.each(['isRingEmpty', 'createKey', 'putKey'] as const)('is not told of when %s fails', async port => {
    const { ports, stored } = newRing(true)
    const outage = new Unavailable('kms')
    const broken = { ...ports, [port]: async () => Promise.reject(outage) }
    await expect(createFirstSigningKey(broken, nowSeconds)).rejects.toBe(outage)
    expect(stored).toEqual([])
  })
})
