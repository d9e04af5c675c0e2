import { verify } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parseClientAssertion, verifyAssertion } from '../../../lambda/oauth/client-assertion.ts'
import { clientKey, makeAssertion } from './support/assertion-maker.ts'

vi.mock('node:crypto', async importOriginal => {
  const original = await importOriginal<typeof import('node:crypto')>()
  return { ...original, verify: vi.fn(original.verify) }
})

beforeEach(() => {
  vi.mocked(verify).mockClear()
})

const assertion = parseClientAssertion(makeAssertion())
const key = clientKey('ES256')

describe('the signature of an assertion', () => {
  it.each([
    ['with its key', [key], 'ok'],
    ['of no client, or one without keys', [], 'assertion_key_unknown'],
    ['that names another key', [{ ...key, kid: 'k2' }], 'assertion_key_unknown'],
    ['that two keys have the name of', [key, key], 'assertion_key_unknown'],
    ['of another algorithm than its key', [clientKey('EdDSA')], 'assertion_key_unknown'],
  ])('%s is verified once, so that time tells nothing (CWE-208)', (_, keys, result) => {
    if (assertion === undefined) throw new Error('not parsed')
    expect(verifyAssertion(assertion, keys)).toBe(result)
    expect(verify).toHaveBeenCalledTimes(1)
    expect(vi.mocked(verify).mock.results).toMatchObject([{ type: 'return', value: result === 'ok' }])
  })
})
