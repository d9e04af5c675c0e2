import { describe, expect, it } from 'vitest'
import { formatScope, isScopeToken, parseScope } from '../../../lambda/oauth/scope.ts'

describe('a scope token', () => {
  it('has one or more of %x21 / %x23-5B / %x5D-7E, and nothing else (RFC 6749 §3.3)', () => {
    const refused: number[] = []
    for (let code = 0; code < 0x180; code++) if (!isScopeToken(String.fromCharCode(code))) refused.push(code)
    const nonPrintable = Array.from({ length: 0x21 }, (_, code) => code)
    const beyond = Array.from({ length: 0x180 - 0x7f }, (_, index) => 0x7f + index)
    expect(refused).toEqual([...nonPrintable, 0x22, 0x5c, ...beyond])
    expect(isScopeToken('')).toBe(false)
  })

  it('does not end before a line break (RFC 6749 §3.3)', () => {
    expect(isScopeToken('a\n')).toBe(false)
    expect(isScopeToken('a\nb')).toBe(false)
  })
})

describe('a scope', () => {
  it.each([
    ['a', ['a']],
    ['a b', ['a', 'b']],
    ['b a', ['b', 'a']],
    ['a a', ['a']],
    ['a b a', ['a', 'b']],
    ['a A', ['a', 'A']],
    ['orders:read https://x.example/y', ['orders:read', 'https://x.example/y']],
    ['constructor __proto__', ['constructor', '__proto__']],
    ['a,b', ['a,b']],
  ])('%j is %j: distinct, in the order given, in its own case (RFC 6749 §3.3)', (text, tokens) => {
    expect(parseScope(text)).toEqual(tokens)
  })

  it.each(['', ' ', ' a', 'a ', 'a  b', 'a\tb', 'a\nb', 'a\n', 'a"b', 'a\\b', 'a é', 'a\u00a0b', 'a\0'])(
    '%j does not follow the grammar (RFC 6749 §3.3)',
    text => {
      expect(parseScope(text)).toBeUndefined()
    },
  )

  it('is written as it was parsed, with single spaces (RFC 6749 §3.3)', () => {
    expect(formatScope(['b', 'a'])).toBe('b a')
    expect(formatScope([])).toBe('')
  })
})
