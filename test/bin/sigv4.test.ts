import { describe, expect, it } from 'vitest'
import { signRequest } from '../../bin/sigv4.ts'

// From AWS's published Signature Version 4 test suite; its keys are public examples.
const scope = {
  credentials: {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  },
  region: 'us-east-1',
  service: 'service',
  now: new Date('2015-08-30T12:36:00Z'),
}

describe('signRequest', () => {
  it.each([
    ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      'POST',
      '/',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('signs %s as AWS publishes it', (_name, method, path, headers, body, signature) => {
    const url = new URL(path, 'https://example.amazonaws.com')
    const { authorization } = signRequest({ method, url, headers, body }, scope)
    expect(authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${
        body ? 'content-type;' : ''
      }host;x-amz-date, Signature=${signature}`,
    )
  })

  it('signs the token of temporary credentials and sends it', () => {
    const signed = signRequest(
      { method: 'GET', url: new URL('https://example.amazonaws.com/'), headers: {}, body: '' },
      { ...scope, credentials: { ...scope.credentials, sessionToken: 'session' } },
    )
    expect(signed['x-amz-security-token']).toBe('session')
    expect(signed.authorization).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token,')
  })
})
