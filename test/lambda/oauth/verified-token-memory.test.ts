import { describe, expect, it } from 'vitest'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import type { VerifiedToken } from '../../../lambda/oauth/verify-access-token.ts'
import { claims, clientId, makeToken, nowSeconds } from './support/token-maker.ts'

const verified = (jti: string): VerifiedToken => ({
  claims: { ...claims, jti },
  scope: ['orders:read'],
  jti,
  clientId,
  kid: 'key-1',
  iat: nowSeconds,
})

describe('the memory of verified tokens', () => {
  it('recognises the exact text and no other spelling', () => {
    const memory = new VerifiedTokenMemory()
    const token = makeToken()
    const known = verified('a')
    memory.set(token, known)
    expect(memory.get(token)).toBe(known)
    for (const other of [`${token}=`, ` ${token}`, token.slice(0, -1), token.toUpperCase(), ''])
      expect(memory.get(other)).toBeUndefined()
  })

  it('forgets what it is told to forget', () => {
    const memory = new VerifiedTokenMemory()
    memory.set('x', verified('a'))
    memory.set('y', verified('b'))
    memory.delete('x')
    expect(memory.get('x')).toBeUndefined()
    expect(memory.get('y')).toMatchObject({ jti: 'b' })
  })

  it('holds 2,000 tokens and forgets the oldest first', () => {
    const memory = new VerifiedTokenMemory()
    for (let index = 0; index < 2000; index++) memory.set(`token-${index}`, verified(`${index}`))
    expect(memory.get('token-0')).toMatchObject({ jti: '0' })
    memory.set('token-2000', verified('2000'))
    expect(memory.get('token-0')).toBeUndefined()
    expect(memory.get('token-1')).toMatchObject({ jti: '1' })
    expect(memory.get('token-2000')).toMatchObject({ jti: '2000' })
  })

  it('knows nothing by the name of a member of every object', () => {
    expect(new VerifiedTokenMemory().get('__proto__')).toBeUndefined()
  })
})
