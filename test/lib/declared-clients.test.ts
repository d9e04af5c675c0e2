import { Duration, Stack } from 'aws-cdk-lib'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { describe, expect, it } from 'vitest'
import { inventory } from '../../bin/monthly-cost.ts'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import type { ClientOptions } from '../../lib/client-options.ts'
import { assertionKey } from '../attacks/support/client-assertion.ts'
import { titleOf, widgetsOf } from './dashboard-widgets.ts'
import { audience, twoStacks } from './protected-api.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

const billing: ClientOptions = {
  clientName: 'billing',
  grants: [{ audience, scopes: ['orders:read', 'orders:write'] }],
}
const { jwk } = assertionKey()
const withKeys: ClientOptions = { ...billing, jwks: { keys: [jwk] } }
const at = (name: string) => `Countersign/DeclaredClients/${name}`

const stack = new Stack(newApp(), 'Server')
const server = new AuthorizationServer(stack, 'Countersign')
const client = server.addClient('Billing', billing)
server.addClient('Robot', { ...withKeys, accessTokenLifetime: Duration.minutes(5) })
server.addClient('Hourly', {
  ...billing,
  tokenEndpointAuthMethod: 'client_secret_post',
  secretRotation: Duration.hours(30),
  secretOverlap: Duration.hours(2),
})
server.addClient('Still', { ...billing, secretRotation: Duration.days(0), secretOverlap: Duration.days(30) })
const reader = new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
client.secret.grantRead(reader)
const synthesis = new Synthesis(stack)
const issuer = { 'Fn::GetAtt': [synthesis.at('Countersign/Api').logicalId, 'ApiEndpoint'] }
const tokenEndpoint = { 'Fn::Join': ['', [issuer, '/token']] }

describe('addClient', () => {
  it('has the client registered with the names of RFC 7591 §2, and the secret named', () => {
    const { Properties, DeletionPolicy } = synthesis.at(at('Clients/Billing/Registration'))
    expect(Properties).toEqual({
      ServiceToken: synthesis.arn(at('Registrar')),
      ServiceTimeout: '180',
      ClientMetadata: {
        client_name: 'billing',
        token_endpoint_auth_method: 'client_secret_basic',
        grants: [{ resource: audience, scope: 'orders:read orders:write' }],
      },
      TokenEndpoint: tokenEndpoint,
      SecretArn: synthesis.ref(at('Clients/Billing/Secret')),
      SecretOverlapSeconds: 86_400,
    })
    expect(DeletionPolicy).toBe('Delete')
  })

  it('has a client with keys registered without a secret', () => {
    expect(synthesis.at(at('Clients/Robot/Registration')).Properties).toEqual({
      ServiceToken: synthesis.arn(at('Registrar')),
      ServiceTimeout: '180',
      ClientMetadata: {
        client_name: 'billing',
        token_endpoint_auth_method: 'private_key_jwt',
        grants: [{ resource: audience, scope: 'orders:read orders:write' }],
        access_token_lifetime: 300,
        jwks: { keys: [jwk] },
      },
      TokenEndpoint: tokenEndpoint,
    })
    expect([...synthesis.ofType('AWS::SecretsManager::Secret').keys()]).toEqual(
      ['Billing', 'Hourly', 'Still'].map(id => at(`Clients/${id}/Secret`)),
    )
  })

  it('puts an empty secret into the template, tagged with the server: no value and no password', () => {
    expect(synthesis.at(at('Clients/Billing/Secret')).Properties).toEqual({
      Description: 'Countersign: the credentials of the client billing',
      Tags: [
        { Key: 'countersign:server', Value: synthesis.environment('Countersign/Token').SIGNING_KEY_RING },
      ],
    })
    expect(JSON.stringify(synthesis.template.toJSON())).not.toMatch(
      /ctsn_|SecretString|resolve:secretsmanager/,
    )
  })

  it('has the secret rotated on schedule by a function, and not at each deployment', () => {
    const rules = [...synthesis.ofType('AWS::SecretsManager::RotationSchedule').values()]
    expect(rules.map(({ Properties }) => Properties)).toEqual(
      [
        ['Billing', 'rate(90 days)'],
        ['Hourly', 'rate(30 hours)'],
      ].map(([id, ScheduleExpression]) => ({
        SecretId: synthesis.ref(at(`Clients/${id}/Secret`)),
        RotationLambdaARN: synthesis.arn(at('Rotator')),
        RotationRules: { ScheduleExpression },
        RotateImmediatelyOnUpdate: false,
      })),
    )
  })

  it('rotates once there is a secret, and endpoints to test it at', () => {
    const { DependsOn = [] } = synthesis.at(at('Clients/Billing/Rotation'))
    const [stage = ''] = synthesis.ofType('AWS::ApiGatewayV2::Stage').keys()
    for (const path of [at('Clients/Billing/Registration'), at('Rotator'), stage])
      expect(DependsOn).toContain(synthesis.at(path).logicalId)
  })

  it('registers after what can be granted', () => {
    const [path = ''] = synthesis.ofType('Custom::CountersignResourceServers').keys()
    expect(synthesis.at(at('Clients/Billing/Registration')).DependsOn).toContain(synthesis.at(path).logicalId)
  })

  it('gives who reads the secret an order, so that there is something to read', () => {
    const policy = synthesis.at('Reader/DefaultPolicy').Properties.PolicyDocument as { Statement: unknown[] }
    expect(policy.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
        Resource: { 'Fn::GetAtt': [synthesis.at(at('Clients/Billing/Registration')).logicalId, 'SecretArn'] },
      },
    ])
    expect(stack.resolve(client.clientId)).toEqual(synthesis.ref(at('Clients/Billing/Registration')))
  })

  it('lets Secrets Manager invoke the rotator for this account alone, and nobody else', () => {
    const [permission, ...others] = [...synthesis.ofType('AWS::Lambda::Permission').values()].filter(
      ({ Properties }) => JSON.stringify(Properties.FunctionName).includes('Rotator'),
    )
    expect([permission?.Properties, others]).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: synthesis.arn(at('Rotator')),
        Principal: 'secretsmanager.amazonaws.com',
        SourceAccount: { Ref: 'AWS::AccountId' },
      },
      [],
    ])
  })

  it('raises an alarm when a rotation fails', () => {
    const { Properties } = synthesis.at(at('SecretRotatorErrors'))
    expect(Properties).toMatchObject({
      Threshold: 1,
      EvaluationPeriods: 1,
      AlarmActions: [synthesis.ref('Countersign/AlarmTopic')],
      Dimensions: [{ Name: 'FunctionName', Value: synthesis.ref(at('Rotator')) }],
    })
    const alarms = [...synthesis.ofType('AWS::CloudWatch::Alarm').keys()].filter(path =>
      path.startsWith(at('')),
    )
    expect(alarms).toHaveLength(inventory.alarmsOfRotation)
  })
})

describe('the dashboard', () => {
  const rowsOf = (title: string) => [title, 'Invocations', 'Errors and throttles', 'Duration (ms)']
  const registrarRows = rowsOf('### Client registrar')
  const rotatorRows = rowsOf('### Secret rotator: four invocations a rotation')

  it('shows both functions, once for all clients', () => {
    const widgets = widgetsOf(synthesis, 'Countersign/Dashboard')
    const last = widgets.slice(-8)
    expect(last.map(titleOf)).toEqual([...registrarRows, ...rotatorRows])
    const functionsOf = (from: number) =>
      last.slice(from + 1, from + 4).map(({ properties }) => properties.metrics?.map(metric => metric[3]))
    const both = (name: string) => Array(2).fill(synthesis.at(at(name)).logicalId)
    const registrar = both('Registrar')
    const rotator = both('Rotator')
    expect(functionsOf(0)).toEqual([registrar.slice(1), registrar, registrar])
    expect(functionsOf(4)).toEqual([rotator.slice(1), rotator, rotator])
    expect(widgets.map(titleOf).filter(title => title?.startsWith('### Client'))).toHaveLength(1)
  })

  it('shows what there is: nothing without a declared client, no rotator for keys alone', () => {
    const titles = (id?: string) => {
      const { server, serverStack } = twoStacks()
      if (id !== undefined) server.addClient(id, withKeys)
      return widgetsOf(new Synthesis(serverStack), 'Countersign/Dashboard').map(titleOf)
    }
    expect(titles('Robot')).toEqual([...titles(), ...registrarRows])
  })
})

describe('the permissions of declared clients', () => {
  const clients = synthesis.arn('Countersign/Clients')
  const ring = synthesis.environment('Countersign/Token').SIGNING_KEY_RING
  const digests = 'secret_digests'
  const reads = ['BatchGetItem', 'GetItem', 'Query', 'Scan'].map(operation => `dynamodb:${operation}`)
  const clientStatements = [
    {
      Sid: 'ReadClientsWithoutDigests',
      Effect: 'Allow',
      Action: 'dynamodb:GetItem',
      Resource: clients,
      Condition: {
        'ForAllValues:StringEquals': { 'dynamodb:Attributes': expect.not.arrayContaining([digests]) },
        Null: { 'dynamodb:Attributes': 'false' },
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    },
    {
      Sid: 'NeverReadDigests',
      Effect: 'Deny',
      Action: reads,
      Resource: clients,
      Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:Attributes': digests } },
    },
    {
      Sid: 'NeverReadWholeClients',
      Effect: 'Deny',
      Action: reads,
      Resource: clients,
      Condition: { StringEquals: { 'dynamodb:Select': ['ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES'] } },
    },
    {
      Sid: 'WriteClients',
      Effect: 'Allow',
      Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
      Resource: clients,
      Condition: { StringEqualsIfExists: { 'dynamodb:ReturnValues': 'NONE' } },
    },
  ]
  const keepSecrets = (...operations: string[]) => ({
    Sid: 'KeepSecrets',
    Effect: 'Allow',
    Action: operations.map(operation => `secretsmanager:${operation}`),
    Resource: arn('secretsmanager', 'secret:*'),
    Condition: { StringEquals: { 'aws:ResourceTag/countersign:server': ring } },
  })
  const writeLogs = (path: string) => ({
    Sid: 'WriteLogs',
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: synthesis.arn(`${path}Logs`),
  })

  it('let the rotator write clients without reading digests, and keep the secrets of this server', () => {
    expect(synthesis.statements(at('Rotator'))).toEqual([
      ...clientStatements,
      keepSecrets('DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'),
      writeLogs(at('Rotator')),
    ])
  })

  it('let the registrar look up resource servers and revoke, too', () => {
    expect(synthesis.statements(at('Registrar'))).toEqual([
      ...clientStatements,
      {
        Sid: 'ReadResourceServers',
        Effect: 'Allow',
        Action: 'dynamodb:BatchGetItem',
        Resource: synthesis.arn('Countersign/ResourceServers'),
      },
      {
        Sid: 'Revoke',
        Effect: 'Allow',
        Action: 'dynamodb:UpdateItem',
        Resource: synthesis.arn('Countersign/Revocations'),
      },
      keepSecrets('GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'),
      writeLogs(at('Registrar')),
    ])
  })
})

describe('an app', () => {
  it('without a declared client has none of the functions', () => {
    const { serverStack } = twoStacks()
    const paths = [...new Synthesis(serverStack).ofType('AWS::Lambda::Function').keys()]
    expect(paths.filter(path => path.includes('DeclaredClients'))).toEqual([])
  })

  it('that declares only clients with keys has no rotator', () => {
    const { server, serverStack } = twoStacks()
    const robot = server.addClient('Robot', withKeys)
    const paths = [...new Synthesis(serverStack).ofType('AWS::Lambda::Function').keys()]
    expect(paths.filter(path => path.includes('DeclaredClients'))).toEqual([at('Registrar')])
    expect(() => robot.secret).toThrow(
      'client "Robot" has no secret, since it authenticates with private_key_jwt: give its program the private key instead, or declare the client without jwks and jwksUri',
    )
  })

  it.each<[string, Partial<ClientOptions>, string]>([
    ['no name', { clientName: '' }, 'client "C": client_name must have 1 to 100 characters'],
    ['no grant', { grants: [] }, 'client "C": grants must have at least one entry'],
    [
      'a scope with a space',
      { grants: [{ audience, scopes: ['a  b'] }] },
      'client "C": grants: scope must be',
    ],
    [
      'a private key',
      { jwks: { keys: [{ ...jwk, d: 'AAAA' }] } },
      'client "C": jwks: key 1 has private members: register the public key only',
    ],
    [
      'keys and a secret',
      { jwks: { keys: [jwk] }, tokenEndpointAuthMethod: 'client_secret_basic' },
      'belong to',
    ],
    [
      'a lifetime of a day',
      { accessTokenLifetime: Duration.days(1) },
      'accessTokenLifetime of client "C" must be between 60 and 3600 seconds',
    ],
    [
      'a rotation every hour',
      { secretRotation: Duration.hours(1) },
      'secretRotation of client "C" must be whole hours and at least 4, got 3600 seconds: round it, or turn it off with 0',
    ],
    [
      'a rotation every 4.5 hours',
      { secretRotation: Duration.minutes(270) },
      'secretRotation of client "C" must be whole hours and at least 4, got 16200 seconds',
    ],
    [
      'an overlap as long as the rotation',
      { secretRotation: Duration.days(1) },
      'secretOverlap of client "C" must be shorter than secretRotation (86400 seconds), got 86400 seconds: a client has two secrets at most',
    ],
    [
      'the rotation of a secret that it does not have',
      { jwks: { keys: [jwk] }, secretRotation: Duration.days(1) },
      'secretRotation and secretOverlap must not be set for client "C", which has no secret: remove them',
    ],
  ])('refuses %s at synthesis', (_, changes, message) => {
    expect(() => twoStacks().server.addClient('C', { ...billing, ...changes })).toThrow(message)
  })

  it('refuses a scope that the app’s resource server does not declare, wherever that stands', () => {
    const { server, serverStack } = twoStacks()
    server.addClient('C', billing)
    server.addResourceServer({ audience, scopes: { 'orders:read': '' } })
    expect(() => new Synthesis(serverStack)).toThrow(
      `scope "orders:write" is granted to client "C" and not declared for "${audience}": add it to the scopes of addResourceServer, or correct the grant`,
    )
  })
})
