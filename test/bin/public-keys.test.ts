import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateKeyPair, thumbprint } from '../../bin/key-pair.ts'
import { client, countersign, emptyFolder, issuer, json, serverOf } from './command-line.ts'

const create = ['clients', 'create', '--name', 'billing', '--grant', 'https://orders.example.com=orders:read']
const answered = {
  handler: serverOf(issuer, () => json(201, { ...client, token_endpoint_auth_method: 'private_key_jwt' })),
}
const { publicJwk, privateJwk } = generateKeyPair('ES256')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = { type: 'spki', format: 'pem' } as const

/** Registers what is on standard input, and gives what was sent. */
async function register(stdin: string) {
  const run = await countersign([...create, '--jwks', '-'], { ...answered, stdin })
  return { ...run, sent: run.requests.map(({ body }) => JSON.parse(body)) }
}

describe('clients create --jwks', () => {
  it.each([
    ['a JWK Set', { keys: [publicJwk, { ...publicJwk, kid: 'another' }] }],
    ['one JWK', publicJwk],
  ])('registers %s as it is (RFC 7517 §5)', async (_what, document) => {
    const { code, sent, err } = await register(JSON.stringify(document))
    expect([code, err]).toEqual([0, ''])
    expect(sent).toEqual([
      {
        client_name: 'billing',
        grants: [{ resource: 'https://orders.example.com', scope: 'orders:read' }],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: 'keys' in document ? document : { keys: [document] },
      },
    ])
  })

  it('registers a PEM public key with its thumbprint as kid (RFC 7638)', async () => {
    const { code, sent } = await register(rsa.publicKey.export(pem).toString())
    const jwk = rsa.publicKey.export({ format: 'jwk' })
    expect(code).toBe(0)
    expect(sent[0]?.jwks).toEqual({ keys: [{ ...jwk, kid: thumbprint(jwk), use: 'sig' }] })
  })

  it('reads a file, whoever may read it', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'keys.json'), JSON.stringify(publicJwk), { mode: 0o644 })
    const run = await countersign([...create, '--jwks', 'keys.json'], { ...answered, cwd })
    expect([run.code, run.err]).toEqual([0, ''])
    const missing = await countersign([...create, '--jwks', 'nowhere.json'], { ...answered, cwd })
    expect([missing.code, missing.requests]).toEqual([2, []])
    expect(missing.err).toMatch(
      /^countersign: the keys file cannot be read: .+\nName the file that holds the public keys/,
    )
  })

  const symmetric = { kty: 'oct', k: 'c2VjcmV0' }
  it.each<[string, string, string]>([
    ['a private JWK', JSON.stringify(privateJwk), 'key 1 is a private key'],
    ['a private JWK in a set', JSON.stringify({ keys: [publicJwk, privateJwk] }), 'key 2 is a private key'],
    ['a private RSA member', JSON.stringify({ ...publicJwk, qi: 'AQ' }), 'key 1 is a private key'],
    ['a symmetric JWK', JSON.stringify(symmetric), 'key 1 is a symmetric key'],
    [
      'a symmetric JWK that says otherwise',
      JSON.stringify({ ...symmetric, kty: 'EC' }),
      'key 1 is a symmetric key',
    ],
    [
      'a private PEM key',
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'the PEM file holds a private key',
    ],
    [
      'an older private PEM key',
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      'the PEM file holds a private key',
    ],
  ])('sends nothing of %s (RFC 7517 §9.2)', async (_what, stdin, message) => {
    const { code, err, requests } = await register(stdin)
    expect([code, requests]).toEqual([2, []])
    expect(err).toMatch(
      new RegExp(`^countersign: ${message}, which must not leave this machine\nNothing was sent\\.`),
    )
    for (const secret of [privateJwk.d, symmetric.k, 'MII']) expect(err).not.toContain(secret)
  })

  const onePem = rsa.publicKey.export(pem).toString()
  it.each([
    ['nothing', '', 'the keys file holds no public keys'],
    ['no JSON', 'ssh-ed25519 AAAA', 'the keys file holds no public keys'],
    ['another document', '{"client_id":"c_1"}', 'the keys file holds no public keys'],
    ['a damaged PEM key', onePem.replace('MII', 'AAA'), 'the keys file holds no public keys'],
    ['two PEM keys', onePem + onePem, 'the PEM file holds more than one key'],
  ])('sends nothing for %s', async (_what, stdin, message) => {
    const { code, err, requests } = await register(stdin)
    expect([code, err.split('\n')[0], requests]).toEqual([2, `countersign: ${message}`, []])
  })

  it.each<JsonWebKey[]>([[], [{ kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA' }]])(
    'leaves it to the server what a usable key is: %j',
    async (...keys) => {
      const description = 'jwks: key 1 has another crv than P-256'
      const run = await countersign([...create, '--jwks', '-', '--json'], {
        handler: serverOf(issuer, () =>
          json(400, { error: 'invalid_client_metadata', error_description: description }),
        ),
        stdin: JSON.stringify({ keys }),
      })
      expect([run.code, JSON.parse(run.out)]).toEqual([
        1,
        { error: 'invalid_client_metadata', error_description: `refused: ${description}` },
      ])
    },
  )
})
