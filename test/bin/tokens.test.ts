import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countersign, emptyFolder, issuer, json, now, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})

describe('tokens get', () => {
  const response = { access_token: 'a.b.c', token_type: 'Bearer', expires_in: 600, scope: 'orders:read' }
  const args = ['tokens', 'get', 'c:1', '--secret-file', '-']

  it('authenticates with form-urlencoded Basic credentials (RFC 6749 §2.3.1) and prints only the token', async () => {
    const { code, out, err, requests } = await countersign(
      [...args, '--scope', 'orders:read', '--resource', 'https://orders.example.com'],
      { ...answering(() => json(200, response)), stdin: 's+1 \n'.replace(' ', '%') },
    )
    expect([code, out, err]).toEqual([0, 'a.b.c\n', ''])
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST ${issuer}/token`])
    expect(requests[0]?.headers.get('authorization')).toBe(`Basic ${btoa('c%3A1:s%2B1%25')}`)
    expect(requests[0]?.body).toBe(
      'grant_type=client_credentials&scope=orders%3Aread&resource=https%3A%2F%2Forders.example.com',
    )
  })

  it('sends the credentials in the body for client_secret_post only', async () => {
    const { requests } = await countersign([...args, '--auth-method', 'client_secret_post'], {
      ...answering(() => json(200, response)),
      stdin: 'secret',
    })
    expect(requests[0]?.headers.has('authorization')).toBe(false)
    expect(requests[0]?.body).toBe('grant_type=client_credentials&client_id=c%3A1&client_secret=secret')
  })

  it('prints the whole token response with --json (RFC 6749 §5.1)', async () => {
    const { out } = await countersign([...args, '--json'], {
      ...answering(() => json(200, response)),
      stdin: 'secret',
    })
    expect(JSON.parse(out)).toEqual(response)
  })

  it('takes the secret out of what clients create --json printed, for the same client only', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'c.json'), JSON.stringify({ client_id: 'c_1', client_secret: 'x' }), {
      mode: 0o600,
    })
    const surroundings = { ...answering(() => json(200, response)), cwd }
    const same = await countersign(['tokens', 'get', 'c_1', '--secret-file', 'c.json'], surroundings)
    expect([same.code, same.err]).toEqual([0, ''])
    expect(same.requests[0]?.headers.get('authorization')).toBe(`Basic ${btoa('c_1:x')}`)
    const other = await countersign(['tokens', 'get', 'c_2', '--secret-file', 'c.json'], surroundings)
    expect([other.code, other.requests]).toEqual([2, []])
  })

  it('warns of a secret file that others can read', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'secret'), 'x\n', { mode: 0o644 })
    const { code, err } = await countersign(['tokens', 'get', 'c_1', '--secret-file', 'secret'], {
      ...answering(() => json(200, response)),
      cwd,
    })
    expect(code).toBe(0)
    expect(err).toBe('countersign: other users can read the secret file; "chmod 600" makes it yours alone.\n')
  })

  it('says which other method may be the registered one on invalid_client (RFC 6749 §5.2)', async () => {
    const { code, out, err } = await countersign([...args, '--json'], {
      ...answering(() => json(401, { error: 'invalid_client' })),
      stdin: 'wrong-secret',
    })
    expect(code).toBe(5)
    expect(JSON.parse(out)).toEqual({
      error: 'invalid_client',
      error_description: 'the server issued no token: invalid_client',
    })
    expect(err).toContain('--auth-method client_secret_post\n')
    expect(out + err).not.toContain('wrong-secret')
  })

  it.each(['', '\n', 'two\nlines', '{"client_secret"'])(
    'sends nothing for the secret file %j',
    async stdin => {
      const { code, requests, err } = await countersign(args, { stdin })
      expect([code, requests]).toEqual([2, []])
      expect(err).not.toContain('lines')
    },
  )

  it('keeps the secret from a token endpoint elsewhere (RFC 8414 §3.3)', async () => {
    const { code, requests } = await countersign(args, {
      handler: () =>
        json(200, { issuer, token_endpoint: 'https://evil.example/token', jwks_uri: `${issuer}/jwks` }),
      stdin: 'secret',
    })
    expect([code, requests]).toEqual([1, []])
  })
})

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }
const jwks = answering(({ url }) =>
  url.pathname === '/.well-known/jwks.json' ? json(200, { keys: [jwk] }) : undefined,
)
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function tokenOf(
  options: { iss?: string; exp?: number; kid?: string; key?: KeyObject; highS?: boolean } = {},
): string {
  const { iss = issuer, exp = now.getTime() / 1000 + 552, kid = 'k1', key = privateKey } = options
  const signed = `${base64url({ typ: 'at+jwt', alg: 'ES256', kid })}.${base64url({ iss, exp, jti: 'j1' })}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`)
  if (s > order / 2n !== (options.highS ?? false))
    signature.write((order - s).toString(16).padStart(64, '0'), 32, 'hex')
  return `${signed}.${signature.toString('base64url')}`
}

describe('tokens inspect', () => {
  it('verifies the signature with the published key and says what it did not check', async () => {
    const { code, out, requests } = await countersign(['tokens', 'inspect', tokenOf()], jwks)
    expect(code).toBe(0)
    expect(out).toContain('exp     1795234152 (2026-11-21 04:09:12 UTC)\n')
    expect(out.split('\n\n')[2]).toBe(
      [
        `signature    verified: signed by the published key k1 (keys of ${issuer})`,
        'issuer       is this server',
        'expiry       expires in 9 min 12 s',
        'not checked  revocation, audience and scope: only the API that is called decides these',
        '',
      ].join('\n'),
    )
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET ${issuer}/.well-known/jwks.json`,
    ])
  })

  it('reads the token from standard input and answers in one JSON document', async () => {
    const { code, out } = await countersign(['tokens', 'inspect', '-', '--json'], {
      ...jwks,
      stdin: `${tokenOf({ exp: 1_795_000_000 })}\n`,
    })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      header: { typ: 'at+jwt', alg: 'ES256', kid: 'k1' },
      claims: { iss: issuer, exp: 1_795_000_000, jti: 'j1' },
      expired: true,
      verification: {
        signature: 'valid',
        reason: 'signed by the published key k1',
        issuer,
        issuer_matches: true,
      },
      not_checked: ['revocation', 'audience', 'scope'],
    })
  })

  it.each([
    [
      'another key',
      { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
      'the signature is wrong',
    ],
    ['an unknown kid', { kid: 'k2' }, 'the server publishes no key with its kid'],
    ['the other valid S', { highS: true }, 'not the spelling that was issued (high S), which is refused'],
  ])('exits with 1 for a token signed with %s', async (_what, options, reason) => {
    const { code, out } = await countersign(['tokens', 'inspect', tokenOf(options), '--json'], jwks)
    expect(code).toBe(1)
    expect(JSON.parse(out).verification).toMatchObject({ signature: 'invalid', reason })
  })

  it('never asks the issuer that the token names', async () => {
    const { code, out, requests } = await countersign(
      ['tokens', 'inspect', tokenOf({ iss: 'https://evil.example' })],
      {
        ...jwks,
        env: {},
      },
    )
    expect([code, requests]).toEqual([0, []])
    expect(out).toContain('signature    NOT VERIFIED: no server to ask for its keys; name one with --url\n')
  })

  it('says that a token is of another issuer', async () => {
    const { out } = await countersign(['tokens', 'inspect', tokenOf({ iss: 'https://evil.example' })], jwks)
    expect(out).toContain('issuer       https://evil.example: NOT this server\n')
  })

  it('decodes without a server that answers, and says so', async () => {
    const { code, out } = await countersign(['tokens', 'inspect', tokenOf()], { handler: () => undefined })
    expect(code).toBe(0)
    expect(out).toContain('signature    NOT VERIFIED: 127.0.0.1:4000 cannot be reached: connection refused\n')
  })

  it.each(['abc', 'a.b', `${base64url({})}.${base64url([])}.`, `${base64url({})}.${base64url({})}.QR`])(
    'refuses %j without repeating it',
    async text => {
      const { code, err } = await countersign(['tokens', 'inspect', text])
      expect(code).toBe(2)
      expect(err).toMatch(/^countersign: this is not an access token: /)
      expect(err).not.toContain(text)
    },
  )
})

describe('tokens revoke', () => {
  it('revokes as administrator', async () => {
    const { code, out, requests } = await countersign(['tokens', 'revoke', '-'], {
      ...answering(() => json(200, { jti: 'j1', client_id: 'c_1', exp: 1_795_000_000 })),
      stdin: 'a.b.c\n',
    })
    expect([code, out]).toEqual([0, 'revoked j1 of c_1 (it expires 2026-11-18 11:06:40 UTC)\n'])
    expect(requests.map(({ method, url, body }) => [method, url.pathname, body])).toEqual([
      ['POST', '/admin/tokens/revoke', '{"token":"a.b.c"}'],
    ])
  })

  it('says that the token is none of this server', async () => {
    const { code, err } = await countersign(
      ['tokens', 'revoke', 'a.b.c'],
      answering(() => json(400, { error: 'invalid_token', error_description: 'not a token of this server' })),
    )
    expect(code).toBe(1)
    expect(err).toContain('not a token of this server\nLook at it with "countersign tokens inspect"')
  })
})
