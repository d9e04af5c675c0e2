import { describe, expect, it } from 'vitest'
import { isResourceIndicator, maxResourceLength } from '../../../lambda/oauth/resource-indicator.ts'

describe('a resource indicator', () => {
  it.each([
    'https://orders.example.com',
    'https://orders.example.com/',
    'https://orders.example.com/v1',
    'https://orders.example.com:8443/v1',
    'https://orders.example.com/v1?tenant=a',
    'http://127.0.0.1:4010',
    'https://[::1]/',
    'urn:example:orders',
    'api://orders',
    'https://orders.example.com/a%20b%C3%A9',
    'urn:data:orders',
    'https://orders.example.com/file:/blob:',
  ])('%s is an absolute URI (RFC 8707 §2)', text => {
    expect(isResourceIndicator(text)).toBe(true)
  })

  it.each([
    ['', 'is empty'],
    ['orders', 'is relative'],
    ['/orders', 'is relative'],
    ['//orders.example.com', 'has no scheme'],
    ['https://', 'has no host'],
    ['https://orders.example.com#', 'has an empty fragment'],
    ['https://orders.example.com/#x', 'has a fragment'],
    [' https://orders.example.com', 'has a leading space'],
    ['https://orders.example.com/a b', 'has a space'],
    ['https://orders.example.com\n', 'has a line break'],
    ['urn:example:a b', 'has a space in what no parser encodes'],
    ['https://orders.example.com/%', 'has a percent sign alone'],
    ['https://orders.example.com/%zz', 'has an escape that is none'],
    ['https://orders.example.com/%2', 'has half an escape'],
    ['https://orders.example.com/%2z', 'has an escape of one digit'],
    ['https://orders.example.com/%z2', 'has an escape of one digit'],
    ['https://orders.example.com/\0', 'has a NUL'],
    ['https://orders.example.com/é', 'is not ASCII'],
    ['https://orders.example.com/"', 'has a quotation mark'],
    ['https://orders.example.com/<x>', 'has angle brackets'],
    ['https:\\\\orders.example.com', 'has backslashes'],
    ['https://orders.example.com/{x}', 'has braces'],
    ['https://orders.example.com/a|b', 'has a bar'],
    ['https://orders.example.com/^`', 'has a caret'],
  ])('%j is none: it %s (RFC 8707 §2, RFC 3986 §4.3)', text => {
    expect(isResourceIndicator(text)).toBe(false)
  })

  it.each([
    'HTTPS://orders.example.com',
    'https://Orders.example.com',
    'https://orders.example.com:443',
    'https://orders.example.com/a/../b',
    'https://orders.example.com/./',
    'https:orders.example.com',
    'https://2130706433/',
    'https://orders.example.com?x',
  ])('%s has another spelling, which a comparison of strings would miss (RFC 7519 §4.1.3)', text => {
    expect(isResourceIndicator(text)).toBe(false)
  })

  it.each([
    'https://user@orders.example.com/',
    'https://:password@orders.example.com/',
    'https://user:password@orders.example.com/',
  ])('%s has a user, who is no part of an audience (RFC 3986 §3.2.1)', text => {
    expect(isResourceIndicator(text)).toBe(false)
  })

  it.each([
    'javascript:alert(1)',
    'data:text/plain,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://a/b',
  ])('%s names no resource server (RFC 8707 §2)', text => {
    expect(isResourceIndicator(text)).toBe(false)
  })

  it('has at most 512 characters', () => {
    const start = 'https://orders.example.com/'
    const longest = start + 'x'.repeat(maxResourceLength - start.length)
    expect(maxResourceLength).toBe(512)
    expect(isResourceIndicator(longest)).toBe(true)
    expect(isResourceIndicator(`${longest}x`)).toBe(false)
  })
})
