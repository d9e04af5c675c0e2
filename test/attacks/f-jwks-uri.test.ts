import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { fetchSigned } from '../../local/sigv4-request.ts'
import { type LocalRun, startLocal } from '../../local/start-local.ts'
import { type Json, orders } from '../flow/local-stack.ts'
import {
  type AssertionKey,
  assertionClaims,
  assertionKey,
  joseAssertion,
  jwtBearer,
} from './support/client-assertion.ts'
import { type JwksAnswer, startJwksServer } from './support/jwks-server.ts'

const server = await startJwksServer()
const key = assertionKey()
const secrets: string[] = []
let dataDir: string
let run: LocalRun

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'countersign-jwks-uri-'))
  run = await startLocal({
    port: 0,
    dataDir,
    assemblyDir: inject('assemblyDir'),
    jwksUriAllow: server.origin,
  })
})

afterAll(async () => {
  await run.close()
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

async function register(metadata: Json): Promise<{ status: number; clientId: string }> {
  const { admin, region } = run.endpoints
  const response = await fetchSigned('POST', `${admin}/clients`, region, {
    client_name: 'published keys',
    grants: [{ resource: orders, scope: 'orders:read' }],
    token_endpoint_auth_method: 'private_key_jwt',
    ...metadata,
  })
  const { client_id: clientId = '' } = (await response.json()) as { client_id?: string }
  return { status: response.status, clientId }
}

/** A client whose keys are at a path of its own. */
async function newClient(path: string, answer: JwksAnswer, metadata: Json = {}): Promise<string> {
  server.publish(path, answer)
  const { status, clientId } = await register({ jwks_uri: server.origin + path, ...metadata })
  expect(status).toBe(201)
  return clientId
}

/** Asks for a token; gives the status and the reason in the one audit event, where there is one. */
async function ask(clientId: string, signer: AssertionKey = key, header: Json = {}) {
  const { issuer, tokenEndpoint } = run.endpoints
  const assertion = await joseAssertion(signer, assertionClaims(clientId, issuer), header)
  secrets.push(assertion)
  const form = {
    grant_type: 'client_credentials',
    client_assertion_type: jwtBearer,
    client_assertion: assertion,
  }
  const response = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) })
  const body = await response.text()
  for (const text of [server.origin, '/jwks', assertion]) expect(body).not.toContain(text)
  const events = await eventsOf(response.headers.get('apigw-requestid') ?? '')
  expect(events).toMatchObject([{ audit: 'token.issue', clientId }])
  return [response.status, events[0]?.reason]
}

async function lines(): Promise<Json[]> {
  const folder = join(dataDir, 'logs')
  const names = (await readdir(folder)).filter(name => name !== 'gateway.log')
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
  const whole = texts.map(text => text.slice(0, text.lastIndexOf('\n') + 1)).join('')
  for (const secret of secrets) expect(whole.includes(secret), 'a secret is in a log').toBe(false)
  return whole
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

async function eventsOf(requestId: string): Promise<Json[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const events = (await lines()).filter(line => line.requestId === requestId && line.audit !== undefined)
    if (events.length > 0) return events
    await delay(20)
  }
  return []
}

const problems = async () =>
  (await lines()).filter(line => line.problem !== undefined).map(({ problem, ...line }) => [problem, line])

const accepted = [200, 'ok']
const keySet = (...keys: AssertionKey[]) => ({ keys: keys.map(({ jwk }) => jwk) })

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const privateJwk = { ...privateKey.export({ format: 'jwk' }), kid: 'key-1' }
secrets.push(String(privateJwk.d))

describe('the keys at a jwks_uri', () => {
  it('F14: authenticate a client, and are asked for once (RFC 7591 §2)', async () => {
    const clientId = await newClient('/jwks', keySet(key))
    for (let request = 0; request < 5; request++) expect(await ask(clientId)).toEqual(accepted)
    expect(server.count('/jwks')).toBe(1)
  })

  it.each(['RS256', 'PS256', 'EdDSA'] as const)('F14: may be of %s', async algorithm => {
    const other = assertionKey(algorithm)
    const clientId = await newClient(`/${algorithm}`, keySet(other))
    expect(await ask(clientId, other)).toEqual(accepted)
    const wrong = { ...assertionKey(), kid: other.kid }
    expect(await ask(clientId, wrong)).toEqual([401, 'assertion_key_unknown'])
  })

  it('A28: are the client’s own: two clients do not share what two URIs publish', async () => {
    const other = assertionKey()
    const [first, second] = [
      await newClient('/first', keySet(key)),
      await newClient('/second', keySet(other)),
    ]
    expect(await ask(first)).toEqual(accepted)
    expect(await ask(second, other)).toEqual(accepted)
    expect(await ask(first, other)).toEqual([401, 'assertion_signature_invalid'])
    expect(await ask(second)).toEqual([401, 'assertion_signature_invalid'])
  })

  it('A29: bind their algorithm: a client of PS256 is not heard with RS256', async () => {
    const rsa = { ...assertionKey('RS256'), algorithm: 'PS256' as const }
    const alg = { token_endpoint_auth_signing_alg: 'PS256' }
    const clientId = await newClient('/ps256', keySet(rsa), alg)
    expect(await ask(clientId, rsa)).toEqual(accepted)
    expect(await ask(clientId, { ...rsa, algorithm: 'RS256' })).toEqual([401, 'assertion_key_unknown'])
  })
})

describe('a jwks_uri that is hostile', () => {
  const large = JSON.stringify({ ...keySet(key), padding: 'x'.repeat(65_536) })
  const endless = (response: ServerResponse) => {
    const feed = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    }
    response.on('drain', feed)
    feed()
  }

  it.each<[string, string, JwksAnswer]>([
    ['a redirect to the keys', 'redirect', response => response.writeHead(302, { location: '/jwks' }).end()],
    [
      'a redirect to the inside',
      'redirect',
      response => response.writeHead(301, { location: 'http://169.254.169.254/' }).end(),
    ],
    ['more than 64 KiB', 'too_large', large],
    ['an answer without an end', 'too_large', endless],
    ['no answer', 'timeout', () => undefined],
    ['an answer that drips', 'timeout', response => void response.write('{')],
    ['no JSON', 'not_json', '<html>'],
    ['nothing', 'not_json', ''],
    ['a byte order mark', 'not_json', `\ufeff${JSON.stringify(keySet(key))}`],
    [
      'compressed keys',
      'encoding',
      response => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    ],
    ['an error', 'status', response => response.writeHead(500).end(JSON.stringify(keySet(key)))],
    ['no content', 'status', response => response.writeHead(204).end()],
    ['a broken connection', 'connection', response => response.destroy()],
    ['null', 'keys_refused', 'null'],
    ['a list', 'keys_refused', [key.jwk]],
    ['no keys', 'keys_refused', { keys: [] }],
    ['a private key', 'keys_refused', { keys: [privateJwk] }],
    [
      'a private key among others',
      'keys_refused',
      { keys: [{ ...key.jwk }, { ...privateJwk, kid: 'key-2' }] },
    ],
    ['a symmetric key', 'keys_refused', { keys: [key.jwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'key-2' }] }],
    ['a kid twice', 'keys_refused', keySet(key, assertionKey())],
    ['a key for encryption', 'keys_refused', { keys: [{ ...key.jwk, use: 'enc' }] }],
  ])('A29: with %s gives no keys, and the client is refused: %s', async (what, problem, answer) => {
    const path = `/${what.replaceAll(' ', '-')}`
    const before = (await problems()).length
    const clientId = await newClient(path, answer)
    const start = performance.now()
    expect(await ask(clientId)).toEqual([401, 'client_keys_unavailable'])
    expect(performance.now() - start).toBeLessThan(problem === 'timeout' ? 4000 : 1500)
    const noted = (await problems()).slice(before)
    expect(noted).toMatchObject([[problem, { level: 'WARN', service: 'token' }]])
    expect(JSON.stringify(noted)).not.toContain(path)
    // Who asks again at once does not make the server ask again.
    expect(await ask(clientId)).toEqual([401, 'client_keys_unavailable'])
    expect(server.count(path)).toBe(1)
  })

  it('F14: is not asked for a client that is disabled, nor for one that does not exist', async () => {
    const clientId = await newClient('/disabled', keySet(key))
    const { admin, region } = run.endpoints
    await fetchSigned('POST', `${admin}/clients/${clientId}/disable`, region)
    expect(await ask(clientId)).toEqual([401, 'client_disabled'])
    expect(server.count('/disabled')).toBe(0)
  })

  it('F14: is not one of another origin than the one that is allowed', async () => {
    const uris = [
      'http://127.0.0.1:9/jwks',
      `${server.origin}.evil.example/`,
      `${server.origin}@evil.example/jwks`,
    ]
    for (const jwks_uri of [...uris, server.origin.replace('127.0.0.1', 'localhost')]) {
      expect((await register({ jwks_uri })).status).toBe(400)
    }
  })
})

describe('the keys at a jwks_uri, ten seconds later', () => {
  it('A26: are asked for again for a kid that is new, once; A29: bad ones leave the last good', {
    timeout: 40_000,
  }, async () => {
    const [next, third] = [assertionKey('ES256', 'key-2'), assertionKey('ES256', 'key-3')]
    const rotating = await newClient('/rotating', keySet(key))
    const turning = await newClient('/turning', keySet(key))
    const unknown = [401, 'assertion_key_unknown']
    for (const clientId of [rotating, turning]) expect(await ask(clientId)).toEqual(accepted)
    server.publish('/rotating', keySet(key, next))
    server.publish('/turning', { keys: [privateJwk] })
    const start = performance.now()
    for (let guess = 0; guess < 6; guess++) {
      expect(await ask(rotating, key, { kid: `guess-${guess}` })).toEqual(unknown)
    }
    expect(performance.now() - start).toBeLessThan(9000)
    expect(server.count('/rotating')).toBe(1)

    await delay(10_100)
    expect(await ask(rotating, next)).toEqual(accepted)
    server.publish('/rotating', keySet(third))
    expect(await ask(rotating, third)).toEqual(unknown)
    expect(await ask(rotating, next)).toEqual(accepted)
    expect(server.count('/rotating')).toBe(2)

    expect(await ask(turning, key, { kid: 'new' })).toEqual(unknown)
    expect(server.count('/turning')).toBe(2)
    expect(await ask(turning)).toEqual(accepted)
  })
})
