import { expect } from 'vitest'
import type { Answer } from './attacked-stack.ts'

/**
 * Holds an answer of the token, revocation or introspection endpoint against RFC 6749 §5.2: a status and a code, the
 * cache headers, a description of its character set and nothing else, and the challenge with a 401.
 */
export function expectOAuthError(answer: Answer, status: number, error: string): void {
  expect([answer.status, errorOf(answer)]).toEqual([status, error])
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('pragma')).toBe('no-cache')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('access-control-allow-origin')).toBe(null)
  const { error_description: description, ...others } = JSON.parse(answer.body)
  expect(description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  expect(Object.keys(others)).toEqual(['error'])
  if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
}

function errorOf({ body }: Answer): unknown {
  try {
    return JSON.parse(body).error
  } catch {
    return body
  }
}
