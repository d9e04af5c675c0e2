import { Duration, Stack } from 'aws-cdk-lib'
import { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { Dashboard, GraphWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { describe, expect, it } from 'vitest'
import {
  AuthorizationServer,
  AuthorizationServerAlarms,
  AuthorizationServerStorage,
  addServerRoutes,
  DeclaredClients,
  IntrospectionFunction,
  KeeperFunction,
  MetadataFunction,
  RegistrarFunction,
  ResourceServers,
  RevocationFunction,
  SigningKeyRing,
  TokenFunction,
} from '../../lib/index.ts'
import { titleOf, widgetsOf } from './dashboard-widgets.ts'
import { newApp, Synthesis } from './synthesis.ts'

const issuer = 'https://auth.example.com'

/** Tables in a stack of their own, and a stack for what uses them. */
function twoStacks(place = { data: {}, server: {} }) {
  const app = newApp()
  const data = new Stack(app, 'Data', place.data)
  const stack = new Stack(app, 'Server', place.server)
  return { app, data, stack }
}

describe('storage in a stack of its own', () => {
  it('holds the tables and the key that wraps keys, and the server makes none', () => {
    const { data, stack } = twoStacks()
    const storage = new AuthorizationServerStorage(data, 'Storage', {
      signingKeyCustody: 'envelope',
      revocationShards: 2,
    })
    new AuthorizationServer(stack, 'AuthorizationServer', { storage })
    const kept = new Synthesis(data)
    const server = new Synthesis(stack)
    expect([...kept.ofType('AWS::DynamoDB::GlobalTable').keys()].sort()).toEqual([
      'Storage/Clients',
      'Storage/ResourceServers',
      'Storage/Revocations',
      'Storage/SigningKeys',
      'Storage/SingleUse',
    ])
    expect([...kept.ofType('AWS::KMS::Key').keys()]).toEqual(['Storage/WrappingKey'])
    expect(server.ofType('AWS::DynamoDB::GlobalTable').size).toBe(0)
    expect(server.ofType('AWS::KMS::Key').size).toBe(0)
    expect(server.environment('AuthorizationServer/Keeper')).toMatchObject({
      SIGNING_KEY_CUSTODY: 'envelope',
      SIGNING_KEY_RING: storage.signingKeyRing,
      REVOCATION_SHARDS: '2',
    })
    expect(stack.dependencies).toEqual([data])
    expect(data.dependencies).toEqual([])
  })

  it.each([
    ['signingKeyCustody', 'kms'],
    ['revocationShards', 4],
    ['deletionProtection', false],
    ['removalPolicy', 'destroy'],
  ])('takes %s for itself', (setting, value) => {
    const { data, stack } = twoStacks()
    const storage = new AuthorizationServerStorage(data, 'Storage')
    expect(() => new AuthorizationServer(stack, 'Server', { storage, [setting]: value })).toThrow(
      `${setting} must not be set beside storage, got ${value}: set it where the storage is made`,
    )
  })

  it('is in the account and Region of its server', () => {
    const { data, stack } = twoStacks({
      data: { env: { account: '111111111111', region: 'eu-west-1' } },
      server: { env: { account: '111111111111', region: 'us-east-1' } },
    })
    const storage = new AuthorizationServerStorage(data, 'Storage')
    expect(() => AuthorizationServer.fromParts(stack, 'Server', { issuer, storage })).toThrow(
      'Server/Server must be in the region of its storage, eu-west-1, got us-east-1: put both into stacks of the same account and Region',
    )
  })

  it('checks its settings', () => {
    const { data } = twoStacks()
    expect(() => new AuthorizationServerStorage(data, 'Storage', { revocationShards: 17 })).toThrow(
      'revocationShards must be a whole number between 1 and 16, got 17: choose a value in that range',
    )
  })
})

describe('declared clients', () => {
  /** What a dashboard in one of the stacks shows of the clients that the server stack declares. */
  function shown(dashboardIn: 'data' | 'stack'): unknown[] {
    const stacks = twoStacks()
    const { data, stack } = stacks
    const storage = new AuthorizationServerStorage(data, 'Storage')
    const api = new HttpApi(stack, 'Api')
    const registrar = new RegistrarFunction(stack, 'Registrar', { storage })
    const resourceServers = new ResourceServers(stack, 'ResourceServers', { registrar })
    const alarmTopic = new Topic(stack, 'Topic')
    const dashboard = new Dashboard(stacks[dashboardIn], 'Dashboard')
    dashboard.addWidgets(new GraphWidget({ title: 'first' }))
    const introspection = new IntrospectionFunction(stack, 'Introspection', { issuer, storage })
    const settings = { issuer, storage, resourceServers, alarmTopic, endpoints: api, introspection }
    const clients = new DeclaredClients(stack, 'Clients', { ...settings, dashboard })
    clients.add('Billing', { clientName: 'billing', grants: [{ audience: issuer, scopes: ['read'] }] })
    expect(data.dependencies).toEqual([])
    return widgetsOf(new Synthesis(stacks[dashboardIn]), 'Dashboard').map(titleOf)
  }

  it('are on the dashboard of their own stack, and make no other stack depend on it', () => {
    expect(shown('stack')).toHaveLength(9)
    expect(shown('data')).toEqual(['first'])
  })

  it('have secrets that rotate only where there is an introspection endpoint: a new one is tried there', () => {
    const { stack } = twoStacks()
    const storage = new AuthorizationServerStorage(stack, 'Storage')
    const registrar = new RegistrarFunction(stack, 'Registrar', { storage })
    const resourceServers = new ResourceServers(stack, 'ResourceServers', { registrar })
    const alarmTopic = new Topic(stack, 'Topic')
    const endpoints = new HttpApi(stack, 'Api')
    const clients = new DeclaredClients(stack, 'Clients', {
      issuer,
      storage,
      resourceServers,
      alarmTopic,
      endpoints,
    })
    const grants = [{ audience: issuer, scopes: ['read'] }]
    expect(() => clients.add('Billing', { clientName: 'billing', grants })).toThrow(
      new Error(
        'secretRotation of client "Billing" must be Duration.days(0) without an introspection function, at which a rotation tries the new secret: give one to DeclaredClients as introspection, or turn rotation off',
      ),
    )
    const secretRotation = Duration.days(0)
    clients.add('Shipping', { clientName: 'shipping', grants, secretRotation })
    const synthesis = new Synthesis(stack)
    expect([...synthesis.ofType('Custom::CountersignClient').keys()]).toEqual([
      'Clients/Clients/Shipping/Registration',
    ])
    expect(synthesis.ofType('AWS::SecretsManager::RotationSchedule').size).toBe(0)
  })
})

describe('a server without some of its functions', () => {
  function assembled(withIntrospection: boolean) {
    const { stack } = twoStacks()
    const storage = new AuthorizationServerStorage(stack, 'Storage')
    const api = new HttpApi(stack, 'Api')
    const keeper = new KeeperFunction(stack, 'Keeper', { storage })
    const introspection = new IntrospectionFunction(stack, 'Introspection', { issuer, storage })
    const functions = {
      token: new TokenFunction(stack, 'Token', { issuer, storage }),
      metadata: new MetadataFunction(stack, 'Metadata', { issuer, storage }),
      keeper,
      ...(withIntrospection && { introspection }),
    }
    const administration = addServerRoutes(api, functions)
    const signingKeyRing = new SigningKeyRing(stack, 'SigningKeyRing', { keeper })
    const alarmTopic = new Topic(stack, 'Topic')
    new AuthorizationServerAlarms(stack, 'Alarms', { api, functions, signingKeyRing, storage, alarmTopic })
    return { synthesis: new Synthesis(stack), administration }
  }

  it('has no routes for them, administration neither', () => {
    const { synthesis, administration } = assembled(true)
    const keys = [...synthesis.ofType('AWS::ApiGatewayV2::Route').values()].map(
      ({ Properties }) => Properties.RouteKey,
    )
    expect(keys.sort()).toEqual([
      'ANY /introspect',
      'ANY /token',
      'GET /.well-known/jwks.json',
      'GET /.well-known/oauth-authorization-server',
      'GET /.well-known/openid-configuration',
    ])
    expect(administration).toEqual([])
  })

  it.each([
    [true, 'introspection'],
    [false, 'none'],
  ])('tells its metadata function which endpoints are left', (withIntrospection, endpoints) => {
    const { synthesis } = assembled(withIntrospection)
    expect(synthesis.environment('Metadata').OPTIONAL_ENDPOINTS).toBe(endpoints)
  })

  it('has no alarms on them', () => {
    const alarms = [...assembled(false).synthesis.ofType('AWS::CloudWatch::Alarm').keys()]
    expect(alarms.filter(path => path.endsWith('Errors')).sort()).toEqual([
      'Alarms/KeeperErrors',
      'Alarms/KmsErrors',
      'Alarms/MetadataErrors',
      'Alarms/ServerErrors',
      'Alarms/StoreErrors',
      'Alarms/TokenErrors',
    ])
  })

  it.each([
    ['storage', {}, 'got another one in Server/Revocation than in Server/Token'],
    [
      'issuer',
      { issuer: 'https://other.example.com' },
      'got https://other.example.com in Server/Revocation and https://auth.example.com in Server/Token',
    ],
  ])('has functions of one %s', (setting, changes, got) => {
    const { stack } = twoStacks()
    const storage = new AuthorizationServerStorage(stack, 'Storage')
    const another = new AuthorizationServerStorage(stack, 'Another')
    const ofRevocation = { issuer, storage: setting === 'storage' ? another : storage, ...changes }
    const functions = {
      token: new TokenFunction(stack, 'Token', { issuer, storage }),
      metadata: new MetadataFunction(stack, 'Metadata', { issuer, storage }),
      keeper: new KeeperFunction(stack, 'Keeper', { storage }),
      revocation: new RevocationFunction(stack, 'Revocation', ofRevocation),
    }
    expect(() => addServerRoutes(new HttpApi(stack, 'Api'), functions)).toThrow(
      new Error(`the functions of a server must have one ${setting}, ${got}: give them the same`),
    )
  })

  it('checks the settings of each part', () => {
    const { stack } = twoStacks()
    const storage = new AuthorizationServerStorage(stack, 'Storage')
    const token = { issuer, storage, accessTokenLifetime: Duration.seconds(59) }
    expect(() => new TokenFunction(stack, 'Token', token)).toThrow(
      'accessTokenLifetime must be between 60 and 3600 seconds, got 59 seconds: choose a value in that range',
    )
    const keeper = { storage, signingKeyRotation: Duration.minutes(1) }
    expect(() => new KeeperFunction(stack, 'Keeper', keeper)).toThrow(
      'signingKeyRotation must be between 3600 and 31536000 seconds, got 60 seconds: choose a value in that range',
    )
    expect(() => AuthorizationServer.fromParts(stack, 'Server', { issuer: 'http://a', storage })).toThrow(
      'issuer must be an https URL as a URL parser writes it, without user, query, fragment or a slash at its end (RFC 8414 §2), got "http://a": take the output Issuer of the server\'s stack',
    )
  })
})
