import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../local/free-port.ts'
import { orders, payments, type RegisteredClient, useLocalStack } from '../local-stack.ts'
import { useDocumentedPrograms } from './documented-program.ts'
import { tokenByKms } from './token-by-kms.ts'

const stack = useLocalStack()
const programs = useDocumentedPrograms()
const grants = [
  { resource: orders, scope: 'orders:read orders:write' },
  { resource: payments, scope: 'payments:read payments:write' },
]
let client: RegisteredClient
let token: string
beforeAll(async () => {
  client = await stack().register({ grants })
  token = await stack().token(client, { resource: orders })
})

describe.each([
  { program: 'express-oauth2-jwt-bearer', outage: 401 },
  { program: 'jose', outage: 503 },
  { program: 'aws-jwt-verify', outage: 503 },
])('a server protected by $program', ({ program, outage }) => {
  let url: string
  beforeAll(async () => {
    url = `${await programs.serve(program, { ISSUER: stack().endpoints.issuer })}/orders`
  })

  async function call(accessToken: string): Promise<[number, unknown]> {
    const response = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } })
    const text = await response.text()
    return [response.status, response.status === 200 ? JSON.parse(text) : text]
  }

  it('accepts a token of this issuer, for its audience and scope (RFC 9068 §4)', async () => {
    expect(await call(token)).toEqual([200, { client: client.client_id }])
    const narrow = await stack().token(client, { resource: orders, scope: 'orders:read' })
    expect(await call(narrow)).toEqual([200, { client: client.client_id }])
  })

  it('refuses a token for another audience, whatever its scope (RFC 9068 §4)', async () => {
    const elsewhere = await stack().token(client, { resource: payments })
    const other = await tokenByKms(stack(), elsewhere, { claims: { scope: 'orders:read' } })
    expect((await call(other))[0]).toBe(401)
  })

  it('refuses a token without the scope of the route as 403 (RFC 6750 §3.1)', async () => {
    const other = await stack().token(client, { resource: orders, scope: 'orders:write' })
    expect((await call(other))[0]).toBe(403)
  })

  it('refuses a request without a token, and what is none, with a challenge (RFC 6750 §3)', async () => {
    for (const headers of [{}, { authorization: 'Bearer garbage' }, { authorization: 'Bearer a.b.c' }]) {
      const response = await fetch(url, { headers: headers as Record<string, string> })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
  })

  it('refuses a token that has expired (RFC 7519 §4.1.4)', async () => {
    const exp = Math.floor(Date.now() / 1000) - 60
    expect((await call(await tokenByKms(stack(), token, { claims: { exp } })))[0]).toBe(401)
  })

  it('refuses a JWT of another type and issuer, though it is signed by the right key (RFC 8725 §3.11)', async () => {
    // The same signing gives a good token too: what is refused is the member that differs.
    expect((await call(await tokenByKms(stack(), token, {})))[0]).toBe(200)
    expect((await call(await tokenByKms(stack(), token, { header: { typ: 'JWT' } })))[0]).toBe(401)
    const foreign = await tokenByKms(stack(), token, { claims: { iss: 'https://other.example' } })
    expect((await call(foreign))[0]).toBe(401)
  })

  it('lets nobody in while the keys cannot be read', async () => {
    const port = await freePort()
    const server = await programs.serve(program, { ISSUER: `http://127.0.0.1:${port}` })
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await fetch(`${server}/orders`, { headers: { authorization: `Bearer ${token}` } })
      expect(response.status).toBe(outage)
    }
  })

  it('refuses a token signed by a key of somebody else under our key identifier (RFC 7515 §10.3)', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const { kid } = decodeProtectedHeader(token)
    const header = { alg: 'ES256', typ: 'at+jwt', kid: kid ?? '' }
    const forged = await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey)
    expect((await call(forged))[0]).toBe(401)
  })
})
