import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Json, orders, useLocalStack } from './local-stack.ts'
import { countersign, launchCountersign } from './run-countersign.ts'

const stack = useLocalStack()
const environment = () => ({ COUNTERSIGN_DATA_DIR: stack().dataDir })
const grant = `${orders}=orders:read orders:write`
const create = ['clients', 'create', '--name', 'billing', '--grant', grant]

const folder = mkdtempSync(join(tmpdir(), 'countersign-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = () => join(folder, `${++files}.jwk`)
const readKey = (file: string): JsonWebKey => JSON.parse(readFileSync(file, 'utf8'))

/** Runs a command that prints one JSON document. */
async function json(args: readonly string[], stdin = '') {
  const { code, out, err } = await countersign([...args, '--json'], { env: environment(), stdin })
  return { code, document: JSON.parse(out) as Json, err }
}

async function createByKey(...more: string[]): Promise<{ id: string; file: string }> {
  const file = newFile()
  const { code, document } = await json([...create, '--generate-key', file, ...more])
  expect(code).toBe(0)
  return { id: String(document.client_id), file }
}

function get(id: string, file: string, stdin = '') {
  return json(['tokens', 'get', id, '--key-file', file], stdin)
}

async function tokenOf({ id, file }: { id: string; file: string }): Promise<string> {
  const { document } = await get(id, file)
  return String(document.access_token)
}

const callOrders = (token: string) => stack().call('GET', stack().url('orders', '/orders'), token)

describe('countersign clients create --generate-key', () => {
  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'])(
    'makes a %s key that gets tokens which the API accepts (RFC 7523 §2.2)',
    async algorithm => {
      const file = newFile()
      const created = await json([...create, '--generate-key', file, '--signing-alg', algorithm])
      const { kid } = readKey(file)
      expect([created.code, created.err]).toEqual([
        0,
        `The private key is in ${file} and nowhere else: keep it safe.\n`,
      ])
      expect(created.document).toEqual({
        client_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        client_name: 'billing',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: algorithm,
        jwks: { keys: [expect.objectContaining({ kid, alg: algorithm, use: 'sig' })] },
        grant_types: ['client_credentials'],
        grants: [{ resource: orders, scope: 'orders:read orders:write' }],
        status: 'active',
        version: 1,
        client_id_issued_at: expect.any(Number),
        updated_at: expect.any(Number),
        secrets: [],
      })
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const id = String(created.document.client_id)
      const got = await get(id, file)
      expect([got.code, got.err, got.document.token_type]).toEqual([0, '', 'Bearer'])
      expect(await callOrders(String(got.document.access_token))).toBe(200)
      const shown = await countersign(['clients', 'show', id], { env: environment() })
      expect(shown.out).toMatch(new RegExp(`^signing alg +${algorithm}\nkeys +${kid} ${algorithm}$`, 'm'))
      expect(shown.out).not.toContain('SECRET_ID')
    },
  )

  it('leaves no file when the server refuses the registration, and says why', async () => {
    const file = newFile()
    const refused = await json([...create, '--generate-key', file, '--lifetime', '30'])
    expect([refused.code, refused.document.error, existsSync(file)]).toEqual([
      1,
      'invalid_client_metadata',
      false,
    ])
    expect(refused.err).toContain('access_token_lifetime must be whole seconds from 60 to 3600\n')
  })

  it('works through the launcher, whose key file tokens get reads from standard input too', async () => {
    const file = newFile()
    const env = environment()
    const created = await launchCountersign([...create, '--generate-key', file, '--json'], { env })
    const { client_id: id } = JSON.parse(created.out)
    const stdin = readFileSync(file, 'utf8')
    const got = await launchCountersign(['tokens', 'get', id, '--key-file', '-'], { env, stdin })
    expect([got.code, got.err]).toEqual([0, ''])
    expect(await callOrders(got.out.trim())).toBe(200)
  })
})

describe('countersign clients update --generate-key', () => {
  it('rotates the key: the old one is refused from then on, its tokens are not', async () => {
    const old = await createByKey('--signing-alg', 'EdDSA', '--lifetime', '2m')
    const token = await tokenOf(old)
    const file = newFile()
    const updated = await json(['clients', 'update', old.id, '--generate-key', file])
    expect([updated.code, updated.document.version, readKey(file).alg]).toEqual([0, 2, 'EdDSA'])
    expect(updated.document.access_token_lifetime).toBe(120)
    expect(updated.err).toContain('Any other key of the client is refused from now on.\n')
    const refused = await get(old.id, old.file)
    expect([refused.code, refused.document.error]).toEqual([5, 'invalid_client'])
    expect((await get(old.id, file)).code).toBe(0)
    expect(await callOrders(token)).toBe(200)
  })

  it('with both keys in --jwks lets the old one work on', async () => {
    const old = await createByKey()
    const fresh = await createByKey()
    const { document } = await json(['clients', 'show', fresh.id])
    const [oldKey, freshKey] = [(await json(['clients', 'show', old.id])).document.jwks, document.jwks].map(
      jwks => (jwks as { keys: JsonWebKey[] }).keys[0],
    )
    const both = JSON.stringify({ keys: [oldKey, freshKey] })
    expect((await json(['clients', 'update', old.id, '--jwks', '-'], both)).code).toBe(0)
    for (const file of [old.file, fresh.file]) expect((await get(old.id, file)).code).toBe(0)
  })

  it('moves a client from a secret to a key and back, keeping the rest', async () => {
    const { document } = await json([...create, '--lifetime', '90'])
    const id = String(document.client_id)
    const secret = String(document.client_secret)
    const file = newFile()
    const bySecret = (stdin: string) => json(['tokens', 'get', id, '--secret-file', '-'], stdin)
    expect((await json(['clients', 'update', id, '--generate-key', file])).code).toBe(0)
    expect([(await get(id, file)).code, (await bySecret(secret)).code]).toEqual([0, 5])
    const back = await json(['clients', 'update', id, '--auth-method', 'client_secret_basic'])
    expect([back.code, back.err]).toEqual([0, 'Its keys are gone.\n'])
    expect(back.document).not.toHaveProperty('jwks')
    expect(back.document).toMatchObject({ access_token_lifetime: 90, grants: document.grants })
    expect([(await get(id, file)).code, (await bySecret(secret)).code]).toEqual([5, 0])
  })
})

const jwkOf = (make: { publicKey: { export(options: { format: 'jwk' }): JsonWebKey } }) =>
  make.publicKey.export({ format: 'jwk' })
const ec = (namedCurve = 'P-256') => jwkOf(generateKeyPairSync('ec', { namedCurve }))
const rsa = (modulusLength: number) => jwkOf(generateKeyPairSync('rsa', { modulusLength }))

describe('countersign clients create --jwks', () => {
  it.each(['ec', 'ed25519'] as const)('takes a PEM public key on standard input: %s', async type => {
    const pair =
      type === 'ec' ? generateKeyPairSync(type, { namedCurve: 'P-256' }) : generateKeyPairSync(type)
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const { code, document, err } = await json([...create, '--jwks', '-'], pem)
    expect([code, err]).toEqual([0, ''])
    const key = JSON.stringify(pair.privateKey.export({ format: 'jwk' }))
    expect((await get(String(document.client_id), '-', key)).code).toBe(0)
  })

  it('registers keys of the algorithm that is named (RFC 7518 §3.5)', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const args = [...create, '--jwks', '-', '--signing-alg', 'PS256']
    const { document } = await json(args, JSON.stringify(jwkOf(pair)))
    expect(document.token_endpoint_auth_signing_alg).toBe('PS256')
    const privateJwk = pair.privateKey.export({ format: 'jwk' })
    const id = String(document.client_id)
    const key = (alg: string) => JSON.stringify({ ...privateJwk, alg })
    expect([(await get(id, '-', key('PS256'))).code, (await get(id, '-', key('RS256'))).code]).toEqual([0, 5])
    const renamed = await json(['clients', 'update', id, '--name', 'invoices'])
    expect(renamed.document).toMatchObject({ token_endpoint_auth_signing_alg: 'PS256', jwks: document.jwks })
  })

  const twice = { ...ec(), kid: 'a' }
  it.each<[string, JsonWebKey[], string]>([
    ['a weak RSA key', [rsa(1024)], 'key 1 has an RSA modulus that is not of 2048 to 4096 bits'],
    ['another curve', [ec('P-384')], 'key 1 has another crv than P-256'],
    ['one kid twice', [twice, { ...ec(), kid: 'a' }], 'key 2 has the kid of a key before it'],
    ['one key twice', [twice, { ...twice, kid: 'b' }], 'key 2 is a key that is there already'],
    ['keys without kid', [ec(), ec()], 'every key must have a kid where there is more than one'],
    ['a key for encryption', [{ ...ec(), use: 'enc' }], 'key 1 has another use than sig'],
    [
      'several algorithms',
      [twice, { ...rsa(2048), kid: 'b' }],
      'the keys are of several algorithms: a client has one',
    ],
  ])('shows why the server refuses %s', async (_what, keys, reason) => {
    const refused = await json([...create, '--jwks', '-'], JSON.stringify({ keys }))
    expect([refused.code, refused.document]).toEqual([
      1,
      { error: 'invalid_client_metadata', error_description: `refused: jwks: ${reason}` },
    ])
    expect(refused.err).toBe(`countersign: refused: jwks: ${reason}\nCorrect it and try again.\n`)
  })

  it.each<[string, JsonWebKey, string]>([
    ['a private key', { ...ec(), d: 'AQ' }, 'key 1 is a private key'],
    ['a symmetric key', { kty: 'oct', k: 'AQ' }, 'key 1 is a symmetric key'],
  ])('refuses %s before anything is sent, as the server would', async (_what, key, reason) => {
    const before = (await stack().auditEvents('client.create')).length
    const refused = await json([...create, '--jwks', '-'], JSON.stringify(key))
    expect([refused.code, refused.document.error]).toEqual([2, 'invalid_usage'])
    expect(refused.err).toContain(`countersign: ${reason}, which must not leave this machine\n`)
    expect((await stack().auditEvents('client.create')).length).toBe(before)
    const metadata = { client_name: 'x', grants: [{ resource: orders, scope: 'orders:read' }] }
    const method = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } }
    expect((await stack().admin('POST', '/clients', { ...metadata, ...method })).status).toBe(400)
  })

  it('shows why the server refuses a jwks_uri', async () => {
    const refused = await json([...create, '--jwks-uri', 'http://127.0.0.1/jwks.json'])
    expect([refused.code, refused.document.error]).toEqual([1, 'invalid_client_metadata'])
    expect(refused.err).toContain('jwks_uri must be an https URL of a public host')
  })
})

describe('countersign tokens get --key-file', () => {
  it('is refused for a key of another client, and names what to look at', async () => {
    const [client, other] = [await createByKey(), await createByKey()]
    const refused = await get(client.id, other.file)
    expect([refused.code, refused.document.error]).toEqual([5, 'invalid_client'])
    expect(refused.err).toContain(`is the key one of its keys`)
    const secret = await json(['tokens', 'get', client.id, '--secret-file', '-'], 'ctsn_wrong')
    expect([secret.code, secret.document.error]).toEqual([5, 'invalid_client'])
  })

  it('sends nothing of a file that holds no key', async () => {
    const { id } = await createByKey()
    const file = newFile()
    writeFileSync(file, 'ctsn_secret', { mode: 0o600 })
    const { code, document, err } = await get(id, file)
    expect([code, document.error]).toEqual([2, 'invalid_usage'])
    expect(err).not.toContain('ctsn_secret')
  })
})
