import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Code, type IFunction } from 'aws-cdk-lib/aws-lambda'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { CountersignFunction } from '../../lib/functions.ts'
import { newApp, Synthesis } from '../lib/synthesis.ts'
import { LocalStack, type RegisteredClient } from './local-stack.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const audience = 'https://catalogue.example.com'
const folder = mkdtempSync(join(tmpdir(), 'countersign-native-'))

type CatalogueClass = new (
  scope: Construct,
  id: string,
  server: AuthorizationServer,
  handler: IFunction,
) => Construct

/** The program of the document, imported as somebody who has pasted it into a file beside `lib`. */
async function documentedConstruct(): Promise<CatalogueClass> {
  const text = readFileSync(join(root, 'docs/native-jwt-authorizer.md'), 'utf8')
  const [, program = ''] = /^```ts\n(.*?)^```$/ms.exec(text) ?? []
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'catalogue.ts'), program.replace("'countersign'", `'${root}lib/index.ts'`))
  return (await import(pathToFileURL(join(folder, 'catalogue.ts')).href)).Catalogue
}

let synthesis: Synthesis
let stack: LocalStack
let client: RegisteredClient
let url: string

beforeAll(async () => {
  const Catalogue = await documentedConstruct()
  const app = newApp()
  const countersign = new CountersignStack(app, 'Countersign', {
    authorizationServer: { signingAlgorithm: 'RS256' },
  })
  const server = countersign.node.findChild('AuthorizationServer')
  if (!(server instanceof AuthorizationServer)) throw new Error('there is no server in the stack')
  const code = mkdtempSync(join(folder, 'code-'))
  const echo = 'export const handler = async event => ({ authorizer: event.requestContext.authorizer })'
  writeFileSync(join(code, 'index.mjs'), echo)
  const handler = new CountersignFunction(countersign, 'Handler', {
    service: 'example',
    description: 'answers with what the authorizer told it',
    code: Code.fromAsset(code),
    environment: {},
    statements: [],
    logRetention: RetentionDays.ONE_DAY,
  })
  new Catalogue(countersign, 'Catalogue', server, handler)
  synthesis = new Synthesis(countersign)
  stack = await LocalStack.start(app.synth().directory)
  client = await stack.register({ grants: [{ resource: audience, scope: 'catalogue:read catalogue:write' }] })
  url = stack.url('catalogue', '/products')
})

afterAll(async () => {
  await stack?.close()
  rmSync(folder, { recursive: true })
})

async function get(authorization?: string) {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  const response = await fetch(url, { headers })
  const challenge = response.headers.get('www-authenticate')
  return { status: response.status, challenge, body: await response.json() }
}

describe('the documented API with an API Gateway JWT authorizer', () => {
  it('is made after everything of the server, which API Gateway asks for its metadata', () => {
    const { Properties, DependsOn } = synthesis.at('Catalogue/Api/Native')
    expect(Properties).toEqual({
      ApiId: synthesis.ref('Catalogue/Api'),
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: {
        Audience: [audience],
        Issuer: { 'Fn::GetAtt': [synthesis.at('AuthorizationServer/Api').logicalId, 'ApiEndpoint'] },
      },
      Name: 'Native',
    })
    const needed = [
      'Api/DefaultStage',
      'Api/GET--.well-known--openid-configuration',
      'SigningKeyRing',
      'Metadata',
    ]
    for (const path of needed)
      expect(DependsOn).toContain(synthesis.at(`AuthorizationServer/${path}`).logicalId)
    expect(synthesis.at('Catalogue/Api/GET--products').Properties).toMatchObject({
      AuthorizationType: 'JWT',
      AuthorizationScopes: ['catalogue:read'],
    })
    expect(synthesis.at('Catalogue/Api/POST--products').Properties).toMatchObject({
      AuthorizationType: 'CUSTOM',
    })
  })

  it('takes what an independent library finds right by the steps that AWS documents', async () => {
    const token = await stack.token(client)
    const { issuer } = stack.endpoints
    const discovery = await fetch(`${issuer}/.well-known/openid-configuration`)
    expect([discovery.status, discovery.headers.get('content-type')]).toEqual([200, 'application/json'])
    const metadata = (await discovery.json()) as { issuer: string; jwks_uri: string }
    expect(metadata.issuer).toBe(issuer)
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
    const { payload, protectedHeader, key } = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      issuer,
      audience,
      requiredClaims: ['exp', 'iat'],
      clockTolerance: 0,
    })
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) })
    expect(key).toMatchObject({ type: 'public' })
    // One text each: API Gateway compares `aud` with its list, and divides `scope` at spaces.
    expect([payload.aud, payload.scope, payload.nbf, payload.scp]).toEqual([
      audience,
      'catalogue:read catalogue:write',
      undefined,
      undefined,
    ])
    expect(Number(payload.iat) * 1000).toBeLessThanOrEqual(Date.now())
    expect(await get(`Bearer ${token}`)).toMatchObject({ status: 200 })
  })

  it('hands the claims to the function as text, and the scope that counted', async () => {
    const token = await stack.token(client)
    const claims = Object.fromEntries(
      Object.entries(decodeJwt(token)).map(([name, value]) => [name, String(value)]),
    )
    expect((await get(`Bearer ${token}`)).body).toEqual({
      authorizer: { jwt: { claims, scopes: ['catalogue:read'] } },
    })
  })

  it('refuses a token for another audience or without the scope, and no token, with a challenge (RFC 6750 §3)', async () => {
    const other = await stack.token(await stack.register())
    const writer = await stack.token(client, { scope: 'catalogue:write' })
    expect(await get(`Bearer ${other}`)).toEqual({
      status: 401,
      challenge:
        'Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"',
      body: { message: 'Unauthorized' },
    })
    expect(await get(`Bearer ${writer}`)).toEqual({
      status: 403,
      challenge: 'Bearer scope="catalogue:read" error="insufficient_scope"',
      body: { message: 'Forbidden' },
    })
    expect(await get()).toEqual({ status: 401, challenge: 'Bearer', body: { message: 'Unauthorized' } })
  })

  it('loses revocation: the native route lets a revoked token in, the other refuses it', async () => {
    const token = await stack.token(client)
    const post = () => stack.call('POST', url, token)
    expect(await post()).toBe(200)
    expect((await stack.revoke(client, token)).status).toBe(200)
    await expect.poll(post, { timeout: 6000, interval: 100 }).toBe(401)
    expect((await get(`Bearer ${token}`)).status).toBe(200)
  })
})
