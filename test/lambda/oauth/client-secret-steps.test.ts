import { timingSafeEqual } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { digestSecret, matchSecret } from '../../../lambda/oauth/client-secret.ts'
import { nowSeconds } from './support/token-maker.ts'

vi.mock('node:crypto', async importOriginal => {
  const original = await importOriginal<typeof import('node:crypto')>()
  return { ...original, timingSafeEqual: vi.fn(original.timingSafeEqual) }
})

beforeEach(() => {
  vi.mocked(timingSafeEqual).mockClear()
})

const stored = (secretId: string, expiresAt?: number) => ({
  secretId,
  digest: digestSecret(secretId),
  createdAt: 0,
  expiresAt,
})

describe('a presented secret', () => {
  it.each([
    ['of no client, or one without secrets', 'a', [], 'none'],
    ['of a client with one', 'a', [stored('a')], 'live'],
    ['of a client with two', 'a', [stored('a'), stored('b')], 'live'],
    ['that is the second', 'b', [stored('a'), stored('b')], 'live'],
    ['that has expired', 'a', [stored('a', 1), stored('b')], 'expired'],
    ['that is wrong', 'c', [stored('a'), stored('b')], 'none'],
    ['that is too long', 'c'.repeat(257), [stored('a')], 'none'],
  ])('%s is compared twice, so that time tells nothing (CWE-208)', (_, text, secrets, match) => {
    expect(matchSecret(text, secrets, nowSeconds).match).toBe(match)
    expect(timingSafeEqual).toHaveBeenCalledTimes(2)
  })
})
