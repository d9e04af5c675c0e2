import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateKeyPair } from '../../bin/key-pair.ts'
import { client, countersign, emptyFolder, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const old = generateKeyPair('EdDSA').publicJwk
const own = {
  ...client,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'EdDSA',
  jwks: { keys: [old] },
  resource_server: 'https://orders.example.com',
  access_token_lifetime: 120,
  secrets: [],
}
const jwksUri = 'https://billing.example.com/jwks.json'
const { jwks, ...byUri } = { ...own, jwks_uri: jwksUri }
const kept = {
  client_name: 'billing',
  grants: client.grants,
  resource_server: 'https://orders.example.com',
  access_token_lifetime: 120,
  version: 3,
}
const ownKeys = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'EdDSA' }

interface Surroundings {
  before?: object
  stdin?: string
  cwd?: string
}

/** Updates a client that is there and gives the body of the replacement. */
async function update(
  flags: readonly string[],
  { before = own, stdin = '', cwd = emptyFolder() }: Surroundings = {},
) {
  const run = await countersign(['clients', 'update', 'c_1', ...flags], {
    handler: serverOf(issuer, ({ method, body }) =>
      json(
        200,
        method === 'PUT' ? { ...client, ...JSON.parse(body), secrets: Object(before).secrets } : before,
      ),
    ),
    stdin,
    cwd,
  })
  const put = run.requests.find(({ method }) => method === 'PUT')
  return { ...run, cwd, body: put && JSON.parse(put.body) }
}

describe('clients update of a client with keys', () => {
  it('keeps everything that is not named (RFC 7592 §2.2)', async () => {
    const { code, body, err } = await update(['--name', 'invoices'])
    expect([code, err]).toEqual([0, ''])
    expect(body).toEqual({ ...kept, ...ownKeys, client_name: 'invoices', jwks })
    const other = await update(['--name', 'invoices'], { before: byUri })
    expect(other.body).toEqual({ ...kept, ...ownKeys, client_name: 'invoices', jwks_uri: jwksUri })
  })

  it('replaces the keys by a new one for the same algorithm, and says so', async () => {
    const { code, body, err, cwd } = await update(['--generate-key', 'new.jwk'])
    const { d, ...named } = JSON.parse(readFileSync(join(cwd, 'new.jwk'), 'utf8'))
    expect([code, typeof d, named.kid === old.kid]).toEqual([0, 'string', false])
    expect(body).toEqual({ ...kept, ...ownKeys, jwks: { keys: [{ ...named, use: 'sig' }] } })
    expect(err).toBe(
      `The private key is in ${join(cwd, 'new.jwk')} and nowhere else: keep it safe.\nAny other key of the client is refused from now on.\n`,
    )
  })

  it.each([
    ['ES256', 'ES256'],
    ['default', 'ES256'],
  ])('makes a key for the algorithm that is named: %s', async (named, algorithm) => {
    const { body } = await update(['--generate-key', 'new.jwk', '--signing-alg', named])
    expect(body).toMatchObject({
      token_endpoint_auth_signing_alg: algorithm,
      jwks: { keys: [{ kty: 'EC', alg: algorithm }] },
    })
  })

  it('replaces jwks_uri by keys, and keys by jwks_uri (RFC 7591 §2: never both)', async () => {
    const stdin = JSON.stringify({ keys: [old] })
    const toKeys = await update(['--jwks', '-'], { before: byUri, stdin })
    expect(toKeys.body).toEqual({ ...kept, ...ownKeys, jwks: { keys: [old] } })
    const toUri = await update(['--jwks-uri', jwksUri])
    expect(toUri.body).toEqual({ ...kept, ...ownKeys, jwks_uri: jwksUri })
  })

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  it.each([
    ['PS256', rsa, 'PS256'],
    ['PS256', { ...rsa, alg: 'PS256' }, 'PS256'],
    ['PS256', { ...rsa, alg: 'RS256' }, undefined],
    ['PS256', old, undefined],
  ])('keeps the algorithm %s for new keys that can be for it', async (algorithm, key, sent) => {
    const before = { ...own, token_endpoint_auth_signing_alg: algorithm }
    const { body } = await update(['--jwks', '-'], { before, stdin: JSON.stringify(key) })
    expect(body.token_endpoint_auth_signing_alg).toBe(sent)
  })

  it('leaves to the server again what --signing-alg default and --resource-server none name', async () => {
    const { body } = await update(['--signing-alg', 'default', '--resource-server', 'none'], {
      before: byUri,
    })
    const { resource_server, ...others } = kept
    expect(body).toEqual({ ...others, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwksUri })
  })

  it('drops the keys when it is to use a secret, and says where to get one', async () => {
    const { body, err } = await update(['--auth-method', 'client_secret_basic'])
    expect(body).toEqual({ ...kept, token_endpoint_auth_method: 'client_secret_basic' })
    expect(err).toBe('Its keys are gone. It has no secret yet: countersign secrets rotate c_1\n')
  })

  it('removes the new key file when the update is refused in the end', async () => {
    const cwd = emptyFolder()
    const puts: string[] = []
    let version = 0
    const { code, requests } = await countersign(['clients', 'update', 'c_1', '--generate-key', 'new.jwk'], {
      handler: serverOf(issuer, ({ method, body }: SeenRequest) => {
        if (method === 'PUT') puts.push(body)
        return method === 'PUT' ? json(409, { error: 'conflict' }) : json(200, { ...own, version: ++version })
      }),
      cwd,
    })
    expect([code, requests.map(({ method }) => method)]).toEqual([1, ['GET', 'PUT', 'GET', 'PUT']])
    // The same key both times: there is one file.
    const [first, second] = puts.map(body => JSON.parse(body).jwks)
    expect(first).toEqual(second)
    expect(existsSync(join(cwd, 'new.jwk'))).toBe(false)
  })

  const { publicJwk: theirs } = generateKeyPair('EdDSA')
  it.each([
    ['the keys', { ...own, jwks: { keys: [theirs] } }],
    ['the method', client],
  ])('leaves the choice to a person when somebody changed %s meanwhile', async (_what, now) => {
    let reads = 0
    const { code, requests } = await countersign(['clients', 'update', 'c_1', '--jwks-uri', jwksUri], {
      handler: serverOf(issuer, ({ method }) =>
        method === 'PUT'
          ? json(409, { error: 'conflict' })
          : json(200, { ...(reads++ === 0 ? own : now), version: reads }),
      ),
    })
    expect([code, requests.map(({ method }) => method)]).toEqual([1, ['GET', 'PUT', 'GET']])
  })

  it('asks for nothing when the new key file is there', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'new.jwk'), 'mine')
    const { code, requests } = await update(['--generate-key', 'new.jwk'], { cwd })
    expect([code, requests]).toEqual([2, []])
  })
})

describe('clients update of a client with secrets', () => {
  it('moves to keys, which --generate-key means, and says that the secrets are refused', async () => {
    const { body, err } = await update(['--generate-key', 'new.jwk'], { before: client })
    expect(body).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ kty: 'EC' }] },
    })
    expect(err).toMatch(/\nIt authenticates with private_key_jwt from now on; its secrets are refused\.\n$/)
  })

  it('needs keys to move to private_key_jwt', async () => {
    const { code, err, requests } = await update(['--auth-method', 'private_key_jwt'], { before: client })
    expect([code, requests.map(({ method }) => method)]).toEqual([2, ['GET']])
    expect(err).toBe(
      'countersign: private_key_jwt needs keys, and the client has none\nAdd --generate-key, --jwks or --jwks-uri.\n',
    )
  })
})
