import { beforeAll, describe, expect, it } from 'vitest'
import { signRequest } from '../../bin/sigv4.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { basic, orders, type RegisteredClient } from '../flow/local-stack.ts'
import { type Answer, type SigningChanges, send, sendSigned } from '../flow/signed-request.ts'
import { useAttackedStack } from './support/attacked-stack.ts'

const attacked = useAttackedStack()
let client: RegisteredClient
let token = ''

beforeAll(async () => {
  client = await attacked().stack.register()
  token = await attacked().stack.token(client, { resource: orders })
  attacked().keepSecret(client.client_secret, token)
})

/** Every route of administration, on things that exist: a request that got through would change something. */
const routes = (): [string, string][] => {
  const path = `/clients/${client.client_id}`
  const server = `/resource-servers/${Buffer.from(orders).toString('base64url')}`
  return [
    ['GET', '/clients'],
    ['POST', '/clients'],
    ['GET', path],
    ['PUT', path],
    ['DELETE', path],
    ['POST', `${path}/disable`],
    ['POST', `${path}/enable`],
    ['POST', `${path}/revoke-tokens`],
    ['POST', `${path}/secrets`],
    ['DELETE', `${path}/secrets/${client.secrets[0]?.secret_id}`],
    ['POST', '/tokens/revoke'],
    ['POST', '/revoke-all'],
    ['GET', '/keys'],
    ['POST', '/keys/rotate'],
    ['POST', '/keys/some-key/revoke'],
    ['GET', '/resource-servers'],
    ['POST', '/resource-servers'],
    ['GET', server],
    ['PUT', server],
    ['DELETE', server],
  ]
}

async function expectForbidden(request: () => Promise<Answer>): Promise<void> {
  const answer = await attacked().answeredByGateway(async () => {
    const { status, headers, body } = await request()
    return { status, headers, body: JSON.stringify(body), requestId: headers.get('apigw-requestid') ?? '' }
  })
  expect([answer.status, answer.body]).toEqual([403, '{"message":"Forbidden"}'])
}

const withHeader = (authorization: string | undefined) => async () => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  for (const [method, path] of routes()) {
    const url = new URL(`${attacked().stack.endpoints.admin}${path}`)
    await expectForbidden(() => send(method, url, headers))
  }
}

const signedWith = (sign: SigningChanges) => async () => {
  for (const [method, path] of routes())
    await expectForbidden(() => sendSigned(attacked().stack, method, path, { sign }))
}

const hour = 3_600_000

describe('administration', () => {
  it('K1: is open to nobody without a signature', () => withHeader(undefined)())
  it('K1: is not open to a client with its access token', () => withHeader(`Bearer ${token}`)())
  it('K1: is not open to a client with its secret', () => withHeader(basic(client))())
  it('K1: takes no signature that names no key', () =>
    withHeader('AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=')())
  it('K1: takes no older scheme of signatures', () => withHeader('AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl')())

  it.each<[string, SigningChanges]>([
    ['another secret', { secretAccessKey: 'another' }],
    ['an access key that nobody has', { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }],
    ['the credentials of a client', { accessKeyId: 'client', secretAccessKey: 'secret' }],
    ['another Region', { region: 'eu-central-1' }],
    ['another service', { service: 'dynamodb' }],
    ['a time an hour ago', { now: new Date(Date.now() - hour) }],
    ['a time in an hour', { now: new Date(Date.now() + hour) }],
  ])('K1: takes no signature with %s', (_, changes) => signedWith(changes)())

  it('K1: takes no signature of another path, method or body', async () => {
    const { stack } = attacked()
    const url = (path: string) => new URL(`${stack.endpoints.admin}${path}`)
    const path = `/clients/${client.client_id}`
    const scope = {
      credentials: localCredentials,
      region: stack.endpoints.region,
      service: 'execute-api',
      now: new Date(),
    }
    const signed = (method: string, of: string, body = '') =>
      signRequest({ method, url: url(of), headers: {}, body }, scope)
    await expectForbidden(() => send('DELETE', url(path), signed('DELETE', '/clients/another')))
    await expectForbidden(() => send('DELETE', url(path), signed('GET', path)))
    await expectForbidden(() => send('GET', url('/clients?limit=1'), signed('GET', '/clients')))
    await expectForbidden(() => send('POST', url('/clients'), signed('POST', '/clients', '{}'), '{"a":1}'))
  })

  it('K1: cannot be granted to a client: its API is no resource server that tokens are for', async () => {
    const { stack } = attacked()
    const { issuer, admin } = stack.endpoints
    for (const resource of [issuer, admin, 'execute-api']) {
      const grants = [{ resource, scope: 'admin' }]
      const { status } = await stack.admin('POST', '/clients', { client_name: 'x', grants })
      expect(status).toBe(400)
    }
  })

  it('K1: has changed nothing in all this', async () => {
    const { stack } = attacked()
    const { body } = await stack.admin('GET', `/clients/${client.client_id}`)
    expect([body.status, body.version, (body.secrets as unknown[]).length]).toEqual([
      'active',
      client.version,
      1,
    ])
    expect((await stack.requestToken(client, { resource: orders })).status).toBe(200)
    expect(await stack.call('GET', stack.url('orders', '/orders'), token)).toBe(200)
  })
})
