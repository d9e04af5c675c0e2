import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deployLocally } from '../../local/deployment.ts'
import { readSettings } from '../../local/settings.ts'
import { usagePlansIn } from './api-gateway/usage-plans.ts'
import { httpApi, lambdaFunction, writeAssembly } from './deployment/assembly.ts'

const origin = 'http://127.0.0.1:5000'

/** What a deployed function finds in its environment. */
async function deployedVariable(options: { jwksUriAllow?: string }): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'jwks-uri-allow-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeAssembly(join(folder, 'cdk.out'), {
    resources: {
      ...httpApi('Api', 'server', 'Handler', 'GET /'),
      Handler: lambdaFunction('environment', 'Server/Token', {
        Environment: { Variables: { SERVICE: 'token' } },
      }),
    },
    code: { environment: 'export const handler = async () => ({ ...process.env })' },
    outputs: { Issuer: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } },
  })
  const deployment = await deployLocally({
    assemblyDir: join(folder, 'cdk.out'),
    dataDir: join(folder, 'data'),
    port: 0,
    region: 'eu-west-1',
    accountId: '000000000000',
    aws: {
      dynamodb: 'http://127.0.0.1:1',
      kms: 'http://127.0.0.1:2',
      secretsmanager: 'http://127.0.0.1:3',
      apigateway: 'http://127.0.0.1:4',
    },
    usagePlans: await usagePlansIn(join(folder, 'data')),
    createTables: async () => ({}),
    ...options,
  })
  onTestFinished(() => deployment.close())
  const response = await fetch(`${deployment.apis.server}/`)
  const environment = (await response.json()) as Record<string, unknown>
  expect(environment.SERVICE).toBe('token')
  return environment.COUNTERSIGN_JWKS_URI_ALLOW
}

describe('COUNTERSIGN_JWKS_URI_ALLOW', () => {
  it.each([
    origin,
    'http://localhost',
    'https://keys.example.com',
    'https://127.0.0.1:8443',
    'http://[::1]:5000',
  ])('is the setting for one origin: %s', value => {
    expect(readSettings({ COUNTERSIGN_JWKS_URI_ALLOW: value }, '/clone')).toMatchObject({
      jwksUriAllow: value,
    })
  })

  it.each([{}, { COUNTERSIGN_JWKS_URI_ALLOW: '' }])('is nothing where it is absent or empty: %j', env => {
    expect(readSettings(env, '/clone')).not.toHaveProperty('jwksUriAllow')
  })

  it.each([
    'nonsense',
    '127.0.0.1:5000',
    'http://127.0.0.1:5000/',
    'http://127.0.0.1:5000/jwks',
    'http://127.0.0.1:80',
    'http://user@127.0.0.1:5000',
    'http://127.0.0.1:5000?a',
    'http://127.1:5000',
    'http://LOCALHOST:5000',
    'http://',
    'http://*',
    '*',
    'null',
    'file:///keys',
    'data:null',
    `${origin} ${origin}`,
    `${origin},${origin}`,
  ])('is refused where it is no origin: %s', value => {
    expect(() => readSettings({ COUNTERSIGN_JWKS_URI_ALLOW: value }, '/clone')).toThrow(
      `COUNTERSIGN_JWKS_URI_ALLOW is "${value}": it must be an origin such as http://127.0.0.1:5000, without a path`,
    )
  })

  it('gets into a function that is deployed locally, where the run has it', async () => {
    expect(await deployedVariable({ jwksUriAllow: origin })).toBe(origin)
    expect(await deployedVariable({})).toBeUndefined()
  })
})
