import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Stack } from 'aws-cdk-lib'
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { Construct } from 'constructs'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundledCode, CountersignFunction } from '../../lib/functions.ts'
import { AuthorizationServerStorage, type IAuthorizationServer } from '../../lib/index.ts'
import { newApp } from '../lib/synthesis.ts'
import { LocalStack, orders, type RegisteredClient } from './local-stack.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'countersign-parts-'))

type TokenServiceClass = new (
  scope: Construct,
  id: string,
  storage: AuthorizationServerStorage,
) => Construct & { server: IAuthorizationServer }

/** The program of the document, imported as somebody who has pasted it into a file of an app. */
async function documentedConstruct(): Promise<TokenServiceClass> {
  const text = readFileSync(join(root, 'docs/parts.md'), 'utf8')
  const program = text.split(/^```(?:ts)?\n/m).find(block => block.includes('class TokenService')) ?? ''
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'token-service.ts'), program.replace("'countersign'", `'${root}lib/index.ts'`))
  return (await import(pathToFileURL(join(folder, 'token-service.ts')).href)).TokenService
}

let stack: LocalStack
let client: RegisteredClient

beforeAll(async () => {
  const TokenService = await documentedConstruct()
  const app = newApp()
  const storage = new AuthorizationServerStorage(new Stack(app, 'Data'), 'Storage', {
    signingKeyCustody: 'envelope',
  })
  const auth = new Stack(app, 'Auth')
  const { server } = new TokenService(auth, 'TokenService', storage)
  const handler = new CountersignFunction(auth, 'Handler', {
    service: 'example',
    description: 'answers with what the authorizer told it',
    code: bundledCode('example-api'),
    environment: {},
    statements: [],
  })
  new HttpApi(auth, 'Orders', { apiName: 'orders' }).addRoutes({
    path: '/orders',
    methods: [HttpMethod.GET],
    integration: new HttpLambdaIntegration('Handler', handler),
    authorizer: server.authorize({ audience: orders, allOf: ['orders:read'] }),
  })
  stack = await LocalStack.start(app.synth().directory)
  const scopes = [{ scope: 'orders:read', description: 'Read orders' }]
  const { status } = await stack.admin('POST', '/resource-servers', { audience: orders, scopes })
  expect(status).toBe(201)
  client = await stack.register({ grants: [{ resource: orders, scope: 'orders:read' }] })
})

afterAll(async () => {
  await stack?.close()
  rmSync(folder, { recursive: true })
})

describe('a server that an app has put together from parts, its tables in a stack of their own', () => {
  it('names the endpoints that it has, and no other (RFC 8414 §2)', async () => {
    const { issuer } = stack.endpoints
    const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
    const metadata = (await response.json()) as Record<string, unknown>
    expect(Object.keys(metadata).filter(name => /_endpoint/.test(name))).toEqual([
      'token_endpoint',
      'token_endpoint_auth_methods_supported',
      'token_endpoint_auth_signing_alg_values_supported',
      'revocation_endpoint',
      'revocation_endpoint_auth_methods_supported',
      'revocation_endpoint_auth_signing_alg_values_supported',
    ])
    expect((await fetch(`${issuer}/introspect`, { method: 'POST' })).status).toBe(404)
  })

  it('issues tokens of its lifetime, which an API takes until they are revoked', async () => {
    const token = await stack.token(client)
    const { iat = 0, exp } = decodeJwt(token)
    expect(exp).toBe(iat + 120)
    const get = () => stack.call('GET', stack.url('orders', '/orders'), token)
    expect(await get()).toBe(200)
    expect((await stack.revoke(client, token)).status).toBe(200)
    await expect.poll(get, { timeout: 6000, interval: 100 }).toBe(401)
  })
})
