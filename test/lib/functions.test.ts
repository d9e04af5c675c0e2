import { Stack } from 'aws-cdk-lib'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { bundledCode, bundleFolder, CountersignFunction } from '../../lib/functions.ts'
import { newApp, Synthesis } from './synthesis.ts'

const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))
const functions = synthesis.ofType('AWS::Lambda::Function')
const ref = (name: string) => synthesis.ref(`AuthorizationServer/${name}`)
const issuer = { 'Fn::GetAtt': [synthesis.at('AuthorizationServer/Api').logicalId, 'ApiEndpoint'] }
const ring = 'Countersign-AuthorizationServer-6991C0D7'

describe('functions', () => {
  it('are thirteen', () => {
    expect([...functions.keys()].sort()).toEqual([
      'AuthorizationServer/Admin',
      'AuthorizationServer/Introspect',
      'AuthorizationServer/Keeper',
      'AuthorizationServer/Metadata',
      'AuthorizationServer/Registrar',
      'AuthorizationServer/Revoke',
      'AuthorizationServer/Token',
      'Orders/Api/CountersignAuthorizer/Function',
      'Orders/Api/CountersignResourceMetadata',
      'Orders/Handler',
      'Payments/Api/CountersignAuthorizer/Function',
      'Payments/Api/CountersignResourceMetadata',
      'Payments/Handler',
    ])
  })

  it.each([...functions])('runs %s on Node.js 24 and arm64, without tracing', (_path, { Properties }) => {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
    })
    expect(Properties.TracingConfig).toBeUndefined()
    expect(Properties.Layers).toBeUndefined()
  })

  it.each([...functions])('logs JSON of %s to a group of its own that ends', (path, { Properties }) => {
    expect(Properties.LoggingConfig).toEqual({ LogFormat: 'JSON', LogGroup: synthesis.ref(`${path}Logs`) })
    const { Properties: logGroup, DeletionPolicy } = synthesis.at(`${path}Logs`)
    expect(logGroup).toEqual({ RetentionInDays: path.endsWith('Handler') ? 30 : 180 })
    expect(DeletionPolicy).toBe('Retain')
  })

  it.each([
    ['AuthorizationServer/Token', 512, 10],
    ['AuthorizationServer/Revoke', 256, 10],
    ['AuthorizationServer/Metadata', 256, 10],
    ['AuthorizationServer/Admin', 256, 10],
    ['AuthorizationServer/Keeper', 256, 60],
    ['Orders/Api/CountersignAuthorizer/Function', 512, 5],
    ['Orders/Handler', 256, 10],
  ])('gives %s %i MiB and %i seconds', (path, MemorySize, Timeout) => {
    expect(synthesis.at(path).Properties).toMatchObject({ MemorySize, Timeout })
  })

  it.each([
    [
      'AuthorizationServer/Token',
      {
        SERVICE: 'token',
        ISSUER: issuer,
        CLIENTS_TABLE: ref('Clients'),
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        SINGLE_USE_TABLE: ref('SingleUse'),
        SIGNING_KEY_RING: ring,
        AUTHENTICATION_FAILURE_LIMIT: '20',
        AUTHENTICATION_FAILURE_WINDOW_SECONDS: '60',
        RESOURCE_SERVERS_TABLE: ref('ResourceServers'),
        ACCESS_TOKEN_LIFETIME_SECONDS: '600',
      },
    ],
    [
      'AuthorizationServer/Revoke',
      {
        SERVICE: 'revoke',
        ISSUER: issuer,
        CLIENTS_TABLE: ref('Clients'),
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        REVOCATIONS_TABLE: ref('Revocations'),
        SINGLE_USE_TABLE: ref('SingleUse'),
        SIGNING_KEY_RING: ring,
        REVOCATION_SHARDS: '4',
        AUTHENTICATION_FAILURE_LIMIT: '20',
        AUTHENTICATION_FAILURE_WINDOW_SECONDS: '60',
      },
    ],
    [
      'AuthorizationServer/Introspect',
      {
        SERVICE: 'introspect',
        ISSUER: issuer,
        CLIENTS_TABLE: ref('Clients'),
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        REVOCATIONS_TABLE: ref('Revocations'),
        SINGLE_USE_TABLE: ref('SingleUse'),
        SIGNING_KEY_RING: ring,
        REVOCATION_SHARDS: '4',
        AUTHENTICATION_FAILURE_LIMIT: '20',
        AUTHENTICATION_FAILURE_WINDOW_SECONDS: '60',
      },
    ],
    [
      'AuthorizationServer/Registrar',
      {
        SERVICE: 'registrar',
        CLIENTS_TABLE: ref('Clients'),
        RESOURCE_SERVERS_TABLE: ref('ResourceServers'),
      },
    ],
    [
      'Orders/Api/CountersignResourceMetadata',
      {
        SERVICE: 'resource-metadata',
        ISSUER: issuer,
        AUDIENCE: 'https://orders.example.com',
        SCOPES_SUPPORTED: 'orders:read orders:write',
      },
    ],
    [
      'AuthorizationServer/Metadata',
      { SERVICE: 'metadata', ISSUER: issuer, SIGNING_KEYS_TABLE: ref('SigningKeys'), SIGNING_KEY_RING: ring },
    ],
    [
      'AuthorizationServer/Admin',
      {
        SERVICE: 'admin',
        ISSUER: issuer,
        CLIENTS_TABLE: ref('Clients'),
        REVOCATIONS_TABLE: ref('Revocations'),
        REVOCATION_SHARDS: '4',
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        SIGNING_KEY_RING: ring,
        SINGLE_USE_TABLE: ref('SingleUse'),
        RESOURCE_SERVERS_TABLE: ref('ResourceServers'),
      },
    ],
    [
      'AuthorizationServer/Keeper',
      {
        SERVICE: 'keeper',
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        SIGNING_KEY_RING: ring,
        SIGNING_ALGORITHM: 'ES256',
        SIGNING_KEY_CUSTODY: 'kms',
        SIGNING_KEY_ROTATION_SECONDS: String(90 * 86_400),
        REVOCATIONS_TABLE: ref('Revocations'),
        REVOCATION_SHARDS: '4',
      },
    ],
    [
      'Orders/Api/CountersignAuthorizer/Function',
      {
        SERVICE: 'authorizer',
        ISSUER: issuer,
        AUDIENCE: 'https://orders.example.com',
        REVOCATIONS_TABLE: ref('Revocations'),
        REVOCATION_SHARDS: '4',
        SIGNING_KEYS_TABLE: ref('SigningKeys'),
        SIGNING_KEY_RING: ring,
        REVOCATION_REFRESH_SECONDS: '5',
        REVOCATION_OUTAGE_GRACE_SECONDS: '60',
      },
    ],
    ['Orders/Handler', { SERVICE: 'example' }],
  ])('gives %s the environment it reads and nothing else', (path, environment) => {
    expect(synthesis.environment(path)).toEqual(environment)
  })

  it('keeps the logs of a server and of its authorizers for as long as the owner says', () => {
    const stack = new Stack(newApp(), 'Trial')
    new AuthorizationServer(stack, 'Server', { logRetention: RetentionDays.ONE_YEAR })
    for (const { Properties } of new Synthesis(stack).ofType('AWS::Logs::LogGroup').values()) {
      expect(Properties).toEqual({ RetentionInDays: 365 })
    }
  })

  it('refuses an environment that says another service', () => {
    const stack = new Stack(newApp(), 'Trial')
    const create = () =>
      new CountersignFunction(stack, 'Handler', {
        service: 'example',
        description: '',
        code: bundledCode('example-api'),
        environment: { SERVICE: 'token' },
        statements: [],
        logRetention: RetentionDays.ONE_DAY,
      })
    expect(create).toThrow('environment of Handler must not set SERVICE, got "token": it is set from service')
  })

  it('says what to do where a function is not bundled', () => {
    expect(() => bundleFolder('no-such-function')).toThrow(
      'dist/lambda/no-such-function/index.mjs is missing, the function "no-such-function" is not bundled: run npm run build',
    )
  })
})
