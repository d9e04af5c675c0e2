import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assertionAlgorithms, thumbprint } from '../../bin/key-pair.ts'
import { client, countersign, emptyFolder, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const create = ['clients', 'create', '--name', 'billing', '--grant', 'https://orders.example.com=orders:read']
const keyClient = { ...client, token_endpoint_auth_method: 'private_key_jwt', secrets: [] }
const registered = (request: SeenRequest) => json(201, { ...keyClient, ...JSON.parse(request.body) })
const keyFile = (cwd: string) => JSON.parse(readFileSync(join(cwd, 'key.jwk'), 'utf8'))

describe('clients create --generate-key', () => {
  it.each(assertionAlgorithms)('registers the public half of a new %s key alone', async algorithm => {
    const cwd = emptyFolder()
    const args = [...create, '--generate-key', 'key.jwk', '--signing-alg', algorithm]
    const { code, requests } = await countersign(args, { ...answering(registered), cwd })
    const { d, p, q, dp, dq, qi, ...named } = keyFile(cwd)
    expect(code).toBe(0)
    expect([typeof d, named.kid]).toEqual(['string', thumbprint(named)])
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({
      client_name: 'billing',
      grants: [{ resource: 'https://orders.example.com', scope: 'orders:read' }],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: algorithm,
      jwks: { keys: [{ ...named, alg: algorithm, use: 'sig' }] },
    })
  })

  it('makes an ES256 key unless told otherwise, in a file of its owner alone, and says where', async () => {
    const cwd = emptyFolder()
    const args = [...create, '--generate-key', 'key.jwk', '--json']
    const { code, out, err } = await countersign(args, { ...answering(registered), cwd })
    expect([code, keyFile(cwd).alg, statSync(join(cwd, 'key.jwk')).mode & 0o777]).toEqual([0, 'ES256', 0o600])
    expect(err).toBe(`The private key is in ${join(cwd, 'key.jwk')} and nowhere else: keep it safe.\n`)
    expect(JSON.parse(out)).not.toHaveProperty('client_secret')
    expect(out).not.toContain(keyFile(cwd).d)
  })

  it('has the private key on disk before the registration is sent', async () => {
    const cwd = emptyFolder()
    const seen: boolean[] = []
    await countersign([...create, '--generate-key', 'key.jwk'], {
      ...answering(request => {
        seen.push(existsSync(join(cwd, 'key.jwk')))
        return registered(request)
      }),
      cwd,
    })
    expect(seen).toEqual([true])
  })

  it.each([
    ['a file', (path: string) => writeFileSync(path, 'mine')],
    ['a link to nowhere', (path: string) => symlinkSync('/nowhere/key', path)],
  ])('never overwrites %s', async (_what, put) => {
    const cwd = emptyFolder()
    put(join(cwd, 'key.jwk'))
    const run = await countersign([...create, '--generate-key', 'key.jwk'], { ...answering(registered), cwd })
    expect([run.code, run.requests]).toEqual([2, []])
    expect(run.err).toBe(
      `countersign: ${join(cwd, 'key.jwk')} exists, and a key file is never overwritten\nName a new file.\n`,
    )
  })

  it('overwrites no file that appeared meanwhile either', async () => {
    const cwd = emptyFolder()
    const metadata = serverOf(issuer)
    const run = await countersign([...create, '--generate-key', 'key.jwk'], {
      handler: request => {
        writeFileSync(join(cwd, 'key.jwk'), 'mine')
        return metadata(request)
      },
      cwd,
    })
    expect([run.code, run.requests, readFileSync(join(cwd, 'key.jwk'), 'utf8')]).toEqual([2, [], 'mine'])
  })

  it('sends nothing when the file cannot be written', async () => {
    const run = await countersign([...create, '--generate-key', 'no/such/folder'], answering(registered))
    expect([run.code, run.requests]).toEqual([2, []])
    expect(run.err).toMatch(
      /^countersign: the key file cannot be written: ENOENT.+\nNothing was registered\./,
    )
  })

  it.each([
    [400, 'invalid_client_metadata', 1],
    [403, 'access_denied', 5],
    [429, 'too_many_requests', 1],
  ])('removes the file again when the registration is refused with %i', async (status, error, exitCode) => {
    const cwd = emptyFolder()
    const args = [...create, '--generate-key', 'key.jwk', '--json']
    const run = await countersign(args, { ...answering(() => json(status, { error })), cwd })
    expect([run.code, JSON.parse(run.out).error]).toEqual([exitCode, error])
    expect(existsSync(join(cwd, 'key.jwk'))).toBe(false)
  })

  it.each([
    ['the server fails', () => json(503, { error: 'temporarily_unavailable' }), 1],
    ['the answer cannot be read', () => json(201, {}), 1],
    ['nobody answers', () => undefined, 4],
  ])('keeps the file when %s: the key may be registered', async (_what, respond, exitCode) => {
    const cwd = emptyFolder()
    const run = await countersign([...create, '--generate-key', 'key.jwk'], { ...answering(respond), cwd })
    expect(run.code).toBe(exitCode)
    expect(keyFile(cwd).alg).toBe('ES256')
    expect(run.err).toMatch(
      /^countersign: .+\n.+ The key may be registered all the same, so \S+ is kept: .+\n$/,
    )
  })
})

describe('clients create with keys', () => {
  it('leaves the algorithm of --jwks-uri to the server', async () => {
    const args = [...create, '--jwks-uri', 'https://billing.example.com/jwks.json']
    const { code, requests, err } = await countersign(args, answering(registered))
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://billing.example.com/jwks.json',
    })
    expect(requests[0]?.body).not.toContain('signing_alg')
  })

  it('registers a resource server without grants', async () => {
    const args = ['clients', 'create', '--name', 'orders', '--resource-server', 'https://orders.example.com']
    const { code, requests } = await countersign(
      args,
      answering(() => json(201, { ...client, grants: [], client_secret: 's', client_secret_expires_at: 0 })),
    )
    expect([code, JSON.parse(requests[0]?.body ?? '')]).toEqual([
      0,
      { client_name: 'orders', resource_server: 'https://orders.example.com' },
    ])
  })

  it.each([
    [['--generate-key', 'a', '--jwks', 'b'], '--generate-key and --jwks exclude each other'],
    [['--jwks', 'a', '--jwks-uri', 'https://b.example'], '--jwks and --jwks-uri exclude each other'],
    [['--auth-method', 'private_key_jwt'], 'private_key_jwt needs keys'],
    [['--signing-alg', 'RS256'], '--signing-alg needs keys'],
    [
      ['--auth-method', 'client_secret_basic', '--jwks', 'a'],
      '--jwks is for private_key_jwt, not for client_secret_basic',
    ],
    [
      ['--auth-method', 'client_secret_post', '--signing-alg', 'ES256'],
      '--signing-alg is for private_key_jwt, not for client_secret_post',
    ],
    [['--generate-key', 'a', '--signing-alg', 'HS256'], '"HS256" is not a signing algorithm here'],
    [['--generate-key', '-'], 'a private key is not printed'],
    [['--jwks-uri', 'jwks.json'], '"jwks.json" is not a URL'],
    [['--resource-server', 'orders'], '"orders" is not an absolute URI'],
  ])('sends nothing for %j', async (flags, message) => {
    const { code, err, requests } = await countersign([...create, ...flags])
    expect([code, err.split('\n')[0], requests]).toEqual([2, `countersign: ${message}`, []])
  })
})

describe('clients show', () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })

  it('shows keys by their kid and algorithm, and no table of secrets', async () => {
    const { out } = await countersign(
      ['clients', 'show', 'c_1'],
      answering(() =>
        json(200, {
          ...keyClient,
          token_endpoint_auth_signing_alg: 'EdDSA',
          jwks: {
            keys: [
              { ...jwk, kid: 'k1', alg: 'EdDSA' },
              { ...jwk, kid: 'k2', alg: 'EdDSA' },
            ],
          },
          resource_server: 'https://orders.example.com',
        }),
      ),
    )
    expect(out).toContain(
      'auth method      private_key_jwt\nsigning alg      EdDSA\nkeys             k1 EdDSA\n                 k2 EdDSA\n',
    )
    expect(out).toContain('resource server  https://orders.example.com\n')
    expect(out).not.toContain('SECRET_ID')
  })

  it('shows where the keys are', async () => {
    const jwks_uri = 'https://billing.example.com/jwks.json'
    const { out } = await countersign(
      ['clients', 'show', 'c_1'],
      answering(() => json(200, { ...keyClient, jwks_uri })),
    )
    expect(out).toContain(`jwks_uri        ${jwks_uri}\n`)
    expect(out).not.toContain('\nkeys')
  })
})
