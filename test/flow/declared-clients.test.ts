import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  GetSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { Duration } from 'aws-cdk-lib'
import { decodeJwt } from 'jose'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AuthorizationServer } from '../../lib/authorization-server.ts'
import type { ClientOptions } from '../../lib/client-options.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import {
  assertionClaims,
  assertionKey,
  joseAssertion,
  jwtBearer,
} from '../attacks/support/client-assertion.ts'
import { newApp } from '../lib/synthesis.ts'
import { type Json, orders, payments, type RegisteredClient, useLocalStack } from './local-stack.ts'
import { countersign } from './run-countersign.ts'
import { untilRefused } from './until-refused.ts'

interface Stored extends RegisteredClient {
  readonly secret_id: string
  readonly token_endpoint: string
}

/** Long enough for the calls in between on a slow machine; the redeployment takes about as long. */
const overlapSeconds = 12
const billing: ClientOptions = {
  clientName: 'billing',
  grants: [{ audience: orders, scopes: ['orders:read'] }],
  secretOverlap: Duration.seconds(overlapSeconds),
}
const reporting: ClientOptions = {
  clientName: 'reporting',
  grants: [{ audience: payments, scopes: ['payments:read'] }],
  tokenEndpointAuthMethod: 'client_secret_post',
}
const key = assertionKey()
const robot: ClientOptions = {
  ...billing,
  clientName: 'robot',
  secretOverlap: undefined,
  jwks: { keys: [key.jwk] },
}

/** The app with these clients, synthesised. */
function appWith(clients: Record<string, ClientOptions>): string {
  const app = newApp()
  const { node } = new CountersignStack(app, 'Countersign')
  const server = node.findChild('AuthorizationServer') as AuthorizationServer
  for (const [id, options] of Object.entries(clients)) server.addClient(id, options)
  return app.synth().directory
}

const stack = useLocalStack(() => appWith({ billing, reporting, robot }))

/** What administration knows of a declared client. */
async function clientOf(name: string): Promise<Json & RegisteredClient> {
  const { body } = await stack().admin('GET', '/clients')
  const client = (body.clients as Json[]).find(({ client_name }) => client_name === name)
  if (client === undefined) throw new Error(`there is no client ${name}`)
  return client as Json & RegisteredClient
}

function secretsManager(): SecretsManagerClient {
  const { aws, region } = stack().endpoints
  const client = new SecretsManagerClient({
    endpoint: aws.secretsmanager,
    region,
    credentials: localCredentials,
  })
  onTestFinished(() => client.destroy())
  return client
}

/** The stored secret, as a program reads it. */
async function stored(name: string, VersionStage?: string): Promise<Stored> {
  const { secret_arn: SecretId } = (await clientOf(name)) as { secret_arn?: string }
  const { SecretString = '' } = await secretsManager().send(
    new GetSecretValueCommand({ SecretId, VersionStage }),
  )
  return JSON.parse(SecretString)
}

const tokenStatus = async (client: RegisteredClient) => (await stack().requestToken(client)).status

describe('a client that an app declares', { timeout: 120_000 }, () => {
  it('gets a token and through with the secret from Secrets Manager', async () => {
    const secret = await stored('billing')
    expect(secret).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      client_secret: expect.stringMatching(/^ctsn_[\w-]{49}$/),
      secret_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      token_endpoint: stack().endpoints.tokenEndpoint,
      resource: orders,
      scope: 'orders:read',
    })
    const token = await stack().token(secret)
    expect(await stack().call('GET', stack().url('orders', '/orders'), token)).toBe(200)
    const { client_id, managed_by, secrets } = await clientOf('billing')
    expect([client_id, managed_by, secrets]).toEqual([
      secret.client_id,
      'deployment',
      [expect.objectContaining({ secret_id: secret.secret_id, expires_at: 0 })],
    ])
  })

  it('gets a token by the command line, which reads the secret and does not show it', async () => {
    const { client_id, secret_arn } = (await clientOf('billing')) as {
      client_id: string
      secret_arn?: string
    }
    const env = { COUNTERSIGN_DATA_DIR: stack().dataDir }
    const get = ['tokens', 'get', client_id, '--secret-id', secret_arn ?? '']
    const { code, out, err } = await countersign(get, { env })
    expect([code, err]).toEqual([0, ''])
    expect(decodeJwt(out.trim())).toMatchObject({ client_id, scope: 'orders:read' })
    const { client_id: robotId } = await clientOf('robot')
    const other = await countersign(['tokens', 'get', robotId, ...get.slice(3)], { env })
    expect([other.code, other.out]).toEqual([1, ''])
  })

  it('gets a token with its key, and has no secret', async () => {
    const { client_id, secrets, secret_arn } = await clientOf('robot')
    expect([secrets, secret_arn]).toEqual([[], undefined])
    const assertion = await joseAssertion(key, assertionClaims(client_id, stack().endpoints.issuer))
    const form = { client_assertion_type: jwtBearer, client_assertion: assertion }
    const response = await stack().post(stack().endpoints.tokenEndpoint, {
      grant_type: 'client_credentials',
      ...form,
    })
    expect(response.status).toBe(200)
  })

  it('gets no secret that only an administrator would know', async () => {
    const { client_id } = await clientOf('billing')
    const { status, body } = await stack().admin('POST', `/clients/${client_id}/secrets`, {})
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  it('has its secret in files of its owner’s alone, and in no other place', async () => {
    const folder = join(stack().dataDir, 'secretsmanager')
    const files = await readdir(folder)
    const modes = await Promise.all(files.map(async name => (await stat(join(folder, name))).mode & 0o777))
    expect([files.length, new Set(modes)]).toEqual([2, new Set([0o600])])
    const { client_secret } = await stored('billing')
    await stack().searchForSecrets([client_secret])
  })

  it('keeps its id through rotation and redeployment; the old secret works for the overlap, and no longer', async () => {
    const old = await stored('billing')
    const { secret_arn: SecretId } = (await clientOf('billing')) as { secret_arn?: string }
    await secretsManager().send(new RotateSecretCommand({ SecretId }))
    await vi.waitFor(async () => expect(await stored('billing', 'AWSPREVIOUS')).toEqual(old), 20_000)
    const fresh = await stored('billing')
    expect([fresh.client_id, fresh.client_secret === old.client_secret]).toEqual([old.client_id, false])
    await vi.waitFor(async () =>
      expect((await clientOf('billing')).secrets[0]?.expires_at).toBeGreaterThan(0),
    )
    expect([await tokenStatus(old), await tokenStatus(fresh)]).toEqual([200, 200])
    const left = await stored('reporting')
    const token = await stack().post(stack().endpoints.tokenEndpoint, {
      grant_type: 'client_credentials',
      client_id: left.client_id,
      client_secret: left.client_secret,
    })
    const { access_token } = (await token.json()) as { access_token: string }

    const grants = [{ audience: orders, scopes: ['orders:read', 'orders:write'] }]
    await stack().redeploy(appWith({ billing: { ...billing, grants }, robot }))

    const kept = await stored('billing')
    const { tokenEndpoint } = stack().endpoints
    expect(kept).toEqual({ ...fresh, token_endpoint: tokenEndpoint, scope: 'orders:read orders:write' })
    expect(await tokenStatus(kept)).toBe(200)
    await vi.waitFor(async () => expect(await tokenStatus(old)).toBe(401), { timeout: 20_000, interval: 250 })

    const reportingStatus = await stack().post(tokenEndpoint, {
      grant_type: 'client_credentials',
      client_id: left.client_id,
      client_secret: left.client_secret,
    })
    expect(reportingStatus.status).toBe(401)
    expect(await untilRefused(stack(), stack().url('payments', '/payments'), access_token)).toBe(401)
    const { status, secrets, managed_by } = await clientOf('reporting')
    expect([status, secrets, managed_by]).toEqual(['disabled', [], undefined])
  })

  it('leaves an audit event of each change, with the secret’s name and not the secret', async () => {
    const { client_id: clientId } = await clientOf('billing')
    const added = (await stack().auditEvents('secret.add')).filter(({ outcome }) => outcome === 'allowed')
    const rotated = await stack().auditEvents('secret.rotate')
    const { secret_id: subject } = await stored('billing')
    const event = { outcome: 'allowed', actor: 'secretsmanager', clientId, subject }
    expect([...added, ...rotated]).toMatchObject([event, event])
    const withdrawn = await stack().auditEvents('client.withdraw')
    expect(withdrawn).toMatchObject([{ outcome: 'allowed', actor: 'cloudformation' }])
  })
})
