import { describe, expect, it } from 'vitest'
import { isJwksUri } from '../../../lambda/oauth/jwks-uri.ts'

const long = (length: number) => `https://keys.example.com/${'a'.repeat(length - 25)}`

describe('a jwks_uri', () => {
  it.each([
    'https://keys.example.com/jwks.json',
    'https://keys.example.com/',
    'https://keys.example.com/a%20b/c?tenant=1&x=%2F',
    'https://xn--bcher-kva.example/jwks',
    'https://a_b.example.com/',
    'https://93.184.216.34/jwks',
    'https://[2606:4700:4700::1111]/jwks',
    `https://${'a.'.repeat(125)}abc/jwks`,
    'https://keys.localhost.example.com/jwks',
    long(512),
  ])('is an https URL of a public host (RFC 7591 §2): %s', text => {
    expect(isJwksUri(text, undefined)).toBe(true)
    expect(isJwksUri(text, 'http://127.0.0.1:5000')).toBe(true)
  })

  it.each([
    ['http', 'http://keys.example.com/jwks'],
    ['another scheme', 'ftp://keys.example.com/jwks'],
    ['data', 'data:application/json,{}'],
    ['file', 'file:///etc/passwd'],
    ['no scheme', '//keys.example.com/jwks'],
    ['a port', 'https://keys.example.com:8443/jwks'],
    ['the port of https, which a parser drops', 'https://keys.example.com:443/jwks'],
    ['a user', 'https://user@keys.example.com/jwks'],
    ['a password', 'https://user:password@keys.example.com/jwks'],
    ['a password without a user', 'https://:password@keys.example.com/jwks'],
    ['an empty user', 'https://@keys.example.com/jwks'],
    ['a fragment', 'https://keys.example.com/jwks#a'],
    ['an empty fragment', 'https://keys.example.com/jwks#'],
    ['no path', 'https://keys.example.com'],
    ['capitals in the host', 'https://Keys.example.com/jwks'],
    ['capitals in the scheme', 'HTTPS://keys.example.com/jwks'],
    ['dots in the path', 'https://keys.example.com/a/../jwks'],
    ['encoded dots in the path', 'https://keys.example.com/%2e%2e/jwks'],
    ['a backslash', 'https://keys.example.com\\@127.0.0.1/jwks'],
    ['white space', ' https://keys.example.com/jwks'],
    ['a line break', 'https://keys.example.com/jwks\r\nx: y'],
    ['a percent sign alone', 'https://keys.example.com/%zz'],
    ['an escape of one digit', 'https://keys.example.com/%2z'],
    ['half an escape', 'https://keys.example.com/%2'],
    ['Unicode', 'https://keys.example.com/ä'],
    ['a Unicode host', 'https://bücher.example/jwks'],
    ['513 characters', long(513)],
    ['nothing', ''],
    ['localhost', 'https://localhost/jwks'],
    ['localhost with a dot', 'https://localhost./jwks'],
    ['a name under localhost', 'https://keys.localhost/jwks'],
    ['one label', 'https://intranet/jwks'],
    ['a dot at the end', 'https://keys.example.com./jwks'],
    ['an empty label', 'https://keys..example.com/jwks'],
    ['a label of 64 characters', `https://${'a'.repeat(64)}.example.com/jwks`],
    ['a name of 254 characters', `https://${'a.'.repeat(125)}abcd/jwks`],
    ['loopback', 'https://127.0.0.1/jwks'],
    ['loopback, short', 'https://127.1/jwks'],
    ['loopback, as a number', 'https://2130706433/jwks'],
    ['loopback, octal', 'https://0177.0.0.1/jwks'],
    ['loopback, hexadecimal', 'https://0x7f.0.0.1/jwks'],
    ['loopback of IPv6', 'https://[::1]/jwks'],
    ['a private address', 'https://10.0.0.1/jwks'],
    ['the metadata of EC2', 'https://169.254.169.254/latest/meta-data/'],
    ['the metadata of EC2 in IPv6', 'https://[fd00:ec2::254]/latest/meta-data/'],
    ['mapped IPv4', 'https://[::ffff:7f00:1]/jwks'],
    ['a zone', 'https://[fe80::1%25eth0]/jwks'],
  ])('is nothing else: %s', (_, text) => {
    expect(isJwksUri(text, undefined)).toBe(false)
    expect(isJwksUri(text, 'https://allowed.example.com')).toBe(false)
  })

  it('of the one origin that is allowed may have any scheme, host and port', () => {
    for (const origin of [
      'http://127.0.0.1:5000',
      'http://localhost',
      'https://10.0.0.1:8443',
      'http://[::1]:5000',
    ]) {
      expect(isJwksUri(`${origin}/jwks`, origin)).toBe(true)
      expect(isJwksUri(`${origin}/jwks`, undefined)).toBe(false)
    }
  })

  it.each([
    ['another port', 'http://127.0.0.1:5001/jwks'],
    ['another host', 'http://127.0.0.2:5000/jwks'],
    ['another scheme', 'https://127.0.0.1:5000/jwks'],
    ['a longer port', 'http://127.0.0.1:50001/jwks'],
    ['the origin as a user', 'http://127.0.0.1:5000@10.0.0.1/jwks'],
    ['a user', 'http://user@127.0.0.1:5000/jwks'],
    ['a fragment', 'http://127.0.0.1:5000/jwks#'],
    ['another spelling', 'http://127.0.0.1:05000/jwks'],
  ])('has nothing of the origin that is allowed: %s', (_, text) => {
    expect(isJwksUri(text, 'http://127.0.0.1:5000')).toBe(false)
  })

  it('is of no origin "null"', () => {
    expect(isJwksUri('file:///etc/passwd', 'null')).toBe(false)
    expect(isJwksUri('data:application/json,1', 'null')).toBe(false)
    expect(isJwksUri('xhttp://127.0.0.1/jwks', 'null')).toBe(false)
  })
})
