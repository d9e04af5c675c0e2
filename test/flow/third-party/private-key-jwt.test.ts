import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, type JWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, describe, expect, it } from 'vitest'
import { orders, useLocalStack } from '../local-stack.ts'
import { useDocumentedPrograms } from './documented-program.ts'

const stack = useLocalStack()
const programs = useDocumentedPrograms()
const folder = mkdtempSync(join(tmpdir(), 'countersign-key-'))
const insecure = { [oauth.allowInsecureRequests]: true }
afterAll(() => rm(folder, { recursive: true, force: true }))

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']

/** A key pair and a client that is registered with its public half. */
async function registeredKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const { client_id: clientId } = await stack().register({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...jwk, kid, alg }] },
  })
  return { clientId, kid, privateKey, privateJwk: { ...(await exportJWK(privateKey)), kid, alg } }
}

describe('software that nobody here wrote, with a key of its own (RFC 7523 §2.2)', () => {
  it.each(algorithms)('gets a token as the documented openid-client program, by %s', async alg => {
    const { clientId, privateJwk } = await registeredKey(alg)
    const file = join(folder, `${alg}.json`)
    writeFileSync(file, JSON.stringify(privateJwk), { mode: 0o600 })
    const settings = { ISSUER: stack().endpoints.issuer, CLIENT_ID: clientId, KEY_FILE: file }
    const { code, out, err } = await programs.run('openid-client, with a key', settings)
    expect([code, err]).toEqual([0, ''])
    const [token = '', expiresIn] = out.trim().split(' ')
    expect(decodeJwt(token)).toMatchObject({ aud: orders, client_id: clientId, scope: 'orders:read' })
    expect(expiresIn).toBe('600')
  })

  it.each(algorithms)('gets, introspects and revokes a token by oauth4webapi and %s', async alg => {
    const { clientId, kid, privateKey } = await registeredKey(alg)
    const issuer = new URL(stack().endpoints.issuer)
    const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
    const server = await oauth.processDiscoveryResponse(issuer, discovered)
    const client = { client_id: clientId }
    const authentication = oauth.PrivateKeyJwt({ key: privateKey, kid })
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, {}, insecure)
    const { access_token } = await oauth.processClientCredentialsResponse(server, client, response)
    const introspect = async () => {
      const answer = await oauth.introspectionRequest(server, client, authentication, access_token, insecure)
      return oauth.processIntrospectionResponse(server, client, answer)
    }
    expect(await introspect()).toMatchObject({ active: true, aud: orders, client_id: clientId })
    const revoked = await oauth.revocationRequest(server, client, authentication, access_token, insecure)
    await oauth.processRevocationResponse(revoked)
    expect(await introspect()).toEqual({ active: false })
  })
})
