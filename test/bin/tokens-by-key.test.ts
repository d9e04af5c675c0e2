import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { importJWK, type JWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { generateKeyPair } from '../../bin/key-pair.ts'
import { countersign, emptyFolder, issuer, json, now, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const { publicJwk, privateJwk } = generateKeyPair('ES256')
const stdin = JSON.stringify(privateJwk)

/** Verifies the assertion of a request and gives the other parameters. */
async function authenticated(request: SeenRequest | undefined): Promise<Record<string, string>> {
  const {
    client_assertion: assertion = '',
    client_assertion_type: type,
    ...others
  } = Object.fromEntries(new URLSearchParams(request?.body ?? ''))
  const key = await importJWK(publicJwk as JWK, 'ES256')
  const options = { issuer: 'c_1', subject: 'c_1', audience: issuer, currentDate: now }
  expect((await jwtVerify(assertion, key, options)).protectedHeader.kid).toBe(publicJwk.kid)
  expect(type).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  expect(request?.headers.has('authorization')).toBe(false)
  return others
}

describe('tokens get --key-file', () => {
  const response = { access_token: 'a.b.c', token_type: 'Bearer', expires_in: 600, scope: 'orders:read' }
  const args = ['tokens', 'get', 'c_1', '--key-file', '-']

  it('authenticates with an assertion and no secret (RFC 7523 §2.2)', async () => {
    const { code, out, err, requests } = await countersign([...args, '--scope', 'orders:read'], {
      ...answering(() => json(200, response)),
      stdin,
    })
    expect([code, out, err, requests.length]).toEqual([0, 'a.b.c\n', '', 1])
    expect(requests[0]?.url.href).toBe(`${issuer}/token`)
    expect(await authenticated(requests[0])).toEqual({
      grant_type: 'client_credentials',
      scope: 'orders:read',
    })
    expect(requests[0]?.body).not.toContain(privateJwk.d)
  })

  it('warns of a key file that others can read', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'key.jwk'), stdin, { mode: 0o644 })
    const { code, err } = await countersign(['tokens', 'get', 'c_1', '--key-file', 'key.jwk'], {
      ...answering(() => json(200, response)),
      cwd,
    })
    expect(code).toBe(0)
    expect(err).toBe('countersign: other users can read the key file; "chmod 600" makes it yours alone.\n')
  })

  it('says what to look at on invalid_client (RFC 6749 §5.2)', async () => {
    const { code, err } = await countersign(args, {
      ...answering(() => json(401, { error: 'invalid_client' })),
      stdin,
    })
    expect([code, err]).toEqual([
      5,
      "countersign: the server issued no token: invalid_client\nIs the client active, is the key one of its keys, is this machine's clock right? countersign clients show c_1\n",
    ])
  })

  it.each([
    [['--secret-file', 'a', '--key-file', 'b'], '--secret-file and --key-file exclude each other'],
    [['--auth-method', 'private_key_jwt', '--secret-file', '-'], 'private_key_jwt needs a key'],
    [
      ['--auth-method', 'client_secret_post', '--key-file', '-'],
      'client_secret_post needs a secret, not a key',
    ],
    [['--key-file', '-'], 'the key file does not hold a private key that can be used: it is not one JWK'],
  ])('sends nothing for %j', async (flags, message) => {
    const run = await countersign(['tokens', 'get', 'c_1', ...flags], { stdin: 'ctsn_secret' })
    expect([run.code, run.err.split('\n')[0], run.requests]).toEqual([2, `countersign: ${message}`, []])
    expect(run.err).not.toContain('ctsn_secret')
  })

  it('keeps the assertion from a token endpoint elsewhere (RFC 8414 §3.3)', async () => {
    const handler = () =>
      json(200, { issuer, token_endpoint: 'https://evil.example/token', jwks_uri: `${issuer}/jwks` })
    const { code, requests } = await countersign(args, { handler, stdin })
    expect([code, requests]).toEqual([1, []])
  })
})

describe('tokens introspect', () => {
  const args = ['tokens', 'introspect', 'a.b.c', '--client', 'c_1']
  const active = { active: true, token_type: 'Bearer', scope: 'orders:read', exp: 1_795_000_000 }

  it('asks as the client, by the method that is named (RFC 7662 §2.1)', async () => {
    const surroundings = { ...answering(() => json(200, active)), stdin: 'secret' }
    const basic = await countersign([...args, '--secret-file', '-'], surroundings)
    expect(basic.requests.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual([
      `POST ${issuer}/introspect token=a.b.c`,
    ])
    expect(basic.requests[0]?.headers.get('authorization')).toBe(`Basic ${btoa('c_1:secret')}`)
    const post = await countersign(
      [...args, '--secret-file', '-', '--auth-method', 'client_secret_post'],
      surroundings,
    )
    expect(post.requests[0]?.body).toBe('token=a.b.c&client_id=c_1&client_secret=secret')
    const key = await countersign([...args, '--key-file', '-'], { ...surroundings, stdin })
    expect(await authenticated(key.requests[0])).toEqual({ token: 'a.b.c' })
  })

  it('prints the response, for people and as it is (RFC 7662 §2.2)', async () => {
    const surroundings = { ...answering(() => json(200, active)), stdin }
    const people = await countersign([...args, '--key-file', '-'], surroundings)
    expect([people.code, people.out]).toEqual([
      0,
      'active      yes\ntoken_type  Bearer\nscope       orders:read\nexp         1795000000 (2026-11-18 11:06:40 UTC)\n',
    ])
    const program = await countersign([...args, '--key-file', '-', '--json'], surroundings)
    expect(JSON.parse(program.out)).toEqual(active)
  })

  it('exits with 0 for a token that is not active too: that is an answer', async () => {
    const { code, out } = await countersign([...args, '--key-file', '-'], {
      ...answering(() => json(200, { active: false })),
      stdin,
    })
    expect([code, out]).toEqual([
      0,
      'active  no: expired, revoked, none of this server, or none of the business of this client\n',
    ])
  })

  it.each([
    [
      'a refused client',
      json(401, { error: 'invalid_client' }),
      5,
      'the server did not introspect the token: invalid_client',
    ],
    [
      'an outage',
      json(503, { error: 'temporarily_unavailable' }),
      1,
      'the server did not introspect the token: temporarily_unavailable',
    ],
    [
      'another answer',
      json(200, { active: 'yes' }),
      1,
      'the introspection endpoint answered without "active"',
    ],
  ])('fails for %s', async (_what, response, exitCode, message) => {
    const { code, err } = await countersign([...args, '--key-file', '-'], {
      ...answering(() => response),
      stdin,
    })
    expect([code, err.split('\n')[0]]).toEqual([exitCode, `countersign: ${message}`])
  })

  const metadata = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }
  it.each([
    ['there is none', metadata, 'unsupported'],
    ['it is elsewhere', { ...metadata, introspection_endpoint: 'https://evil.example/' }, 'invalid_metadata'],
  ])('sends nothing to the endpoint when %s (RFC 8414 §3.3)', async (_what, document, error) => {
    const { code, out, requests } = await countersign([...args, '--key-file', '-', '--json'], {
      handler: () => json(200, document),
      stdin,
    })
    expect([code, JSON.parse(out).error, requests]).toEqual([1, error, []])
  })

  it.each([
    [
      ['tokens', 'introspect', '-', '--client', 'c_1', '--key-file', '-'],
      'the token and the credentials cannot both be on standard input',
    ],
    [['tokens', 'introspect', 'a.b.c', '--key-file', 'k'], '"countersign tokens introspect" needs --client'],
    [args, '"countersign tokens introspect" needs --secret-file or --secret-id or --key-file'],
  ])('sends nothing for %j', async (wrong, message) => {
    const { code, err, requests } = await countersign(wrong, { stdin })
    expect([code, err.split('\n')[0], requests]).toEqual([2, `countersign: ${message}`, []])
  })
})
