import { describe, expect, it, onTestFinished } from 'vitest'
import { discoverEndpoints } from '../../local/endpoints.ts'
import { listen } from '../../local/gateway/server.ts'

const run = {
  aws: {
    dynamodb: 'http://d',
    kms: 'http://k',
    secretsmanager: 'http://s',
    apigateway: 'http://a',
  },
  region: 'eu-west-1',
  pid: 7,
}

async function issuerOf(statusCode: number, metadata: object): Promise<string> {
  const server = await listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  const body = Buffer.from(JSON.stringify(metadata))
  server.serve(({ rawPath }) =>
    Promise.resolve({
      statusCode: rawPath === '/.well-known/oauth-authorization-server' ? statusCode : 404,
      headers: [],
      body,
    }),
  )
  return `http://127.0.0.1:${server.port}`
}

const metadata = {
  token_endpoint: 'http://i/t',
  revocation_endpoint: 'http://i/r',
  introspection_endpoint: 'http://i/i',
  jwks_uri: 'http://i/j',
}

describe('the endpoints of a local run', () => {
  it('are what the authorization server says they are (RFC 8414 §3)', async () => {
    const issuer = await issuerOf(200, metadata)
    const apis = { server: issuer, orders: 'http://o' }
    expect(await discoverEndpoints({ issuer, apis, tables: { Clients: 'c' } }, run)).toEqual({
      issuer,
      tokenEndpoint: 'http://i/t',
      revocationEndpoint: 'http://i/r',
      introspectionEndpoint: 'http://i/i',
      jwksUri: 'http://i/j',
      admin: `${issuer}/admin`,
      apis: { orders: 'http://o' },
      tables: { Clients: 'c' },
      ...run,
    })
  })

  it('are an error when there is no server, or it does not say', async () => {
    const discover = (issuer: string | undefined) => discoverEndpoints({ issuer, apis: {}, tables: {} }, run)
    await expect(discover(undefined)).rejects.toThrow(
      'the app has no authorization server: add an AuthorizationServer to one of its stacks',
    )
    const failing = await issuerOf(500, { message: 'Internal Server Error' })
    await expect(discover(failing)).rejects.toThrow(
      `the authorization server answered 500 at ${failing}/.well-known/oauth-authorization-server: {"message"`,
    )
    await expect(discover(await issuerOf(200, { ...metadata, jwks_uri: undefined }))).rejects.toThrow(
      "the authorization server's metadata has no jwks_uri",
    )
  })
})
