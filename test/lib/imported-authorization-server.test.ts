import { Duration, Stack } from 'aws-cdk-lib'
import { Annotations, Match } from 'aws-cdk-lib/assertions'
import { MockIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import { AccountPrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import type { AuthorizationServerAttributes } from '../../lib/authorization-server-attributes.ts'
import { audience, authorizerBundle, backend, routeTable } from './protected-api.ts'
import { newApp, Synthesis } from './synthesis.ts'

const issuer = 'https://auth.example.com'
const tableArn = 'arn:aws:dynamodb:eu-west-1:111122223333:table/Revocations'
const topicArn = 'arn:aws:sns:us-east-1:444455556666:Alarms'
const readRoleArn = 'arn:aws:iam::111122223333:role/RevocationReader'

const path = 'Api/CountersignAuthorizer/Function'

/** A server that is known to one stack, and another stack in another Region, for an API. */
function stackWith(attributes: AuthorizationServerAttributes) {
  const app = newApp()
  const stackIn = (id: string, region: string) =>
    new Stack(app, id, { env: { account: '444455556666', region } })
  const server = AuthorizationServer.fromAttributes(stackIn('Shared', 'eu-central-1'), 'Server', attributes)
  return { app, stack: stackIn('Orders', 'us-east-1'), server }
}

function apiOf(attributes: AuthorizationServerAttributes) {
  const { app, stack, server } = stackWith(attributes)
  const api = new HttpApi(stack, 'Api')
  api.addRoutes({
    path: '/orders',
    methods: [HttpMethod.GET],
    integration: backend(),
    authorizer: server.authorize({ audience, allOf: ['orders:read'] }),
  })
  return { app, stack, server, api }
}

/** As `apiOf`, with a REST API. */
function restApiOf(attributes: AuthorizationServerAttributes) {
  const { app, stack, server } = stackWith(attributes)
  const api = new RestApi(stack, 'Api')
  const orders = api.root.addResource('orders')
  for (const [method, scope] of Object.entries({ GET: 'orders:read', POST: 'orders:write' }))
    orders.addMethod(method, new MockIntegration(), {
      authorizer: server.authorizeRest({ audience, allOf: [scope] }),
    })
  return { app, stack }
}

const environment = {
  SERVICE: 'authorizer',
  ISSUER: issuer,
  AUDIENCE: audience,
  JWKS_URI: `${issuer}/.well-known/jwks.json`,
  REVOCATIONS_TABLE: tableArn,
  REVOCATIONS_REGION: 'eu-west-1',
  REVOCATIONS_ROLE_ARN: readRoleArn,
  REVOCATION_SHARDS: '8',
  REVOCATION_REFRESH_SECONDS: '5',
  REVOCATION_OUTAGE_GRACE_SECONDS: '60',
}
const assumeReader = {
  Sid: 'AssumeRevocationReader',
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Resource: readRoleArn,
}

function statementsOf(synthesis: Synthesis): unknown[] {
  const [policy] = synthesis.at(`${path.replace('/Function', '')}/FunctionRole`).Properties.Policies as [
    { PolicyDocument: { Statement: { Sid: string }[] } },
  ]
  return policy.PolicyDocument.Statement.filter(({ Sid }) => Sid !== 'WriteLogs')
}

describe('a server that was deployed elsewhere', () => {
  it('protects the APIs of another account and Region, by its JWKS and with the role of its account', () => {
    const { app, stack, server } = apiOf({ issuer, revocations: { tableArn, readRoleArn, shards: 8 } })
    const synthesis = new Synthesis(stack)
    expect(server).toMatchObject({ issuer, jwksUri: `${issuer}/.well-known/jwks.json` })
    expect(synthesis.environment(path)).toEqual(environment)
    expect(statementsOf(synthesis)).toEqual([assumeReader])
    expect(routeTable(app, synthesis)).toBe('{"GET /orders":{"allOf":["orders:read"]}}')
    expect(authorizerBundle(app, synthesis)).toBe('remote-authorizer')
  })

  it('protects REST APIs as well, with the same settings and permissions (authorizeRest)', () => {
    const { app, stack } = restApiOf({ issuer, revocations: { tableArn, readRoleArn, shards: 8 } })
    const synthesis = new Synthesis(stack)
    expect(synthesis.environment(path)).toEqual(environment)
    expect(statementsOf(synthesis)).toEqual([assumeReader])
    expect(JSON.parse(routeTable(app, synthesis))).toEqual({
      'GET /orders': { allOf: ['orders:read'] },
      'POST /orders': { allOf: ['orders:write'] },
    })
    expect(authorizerBundle(app, synthesis)).toBe('remote-rest-authorizer')
    const authorizer = synthesis.ref('Api/CountersignAuthorizer/Authorizer')
    for (const method of ['GET', 'POST'])
      expect(synthesis.at(`Api/Default/orders/${method}`).Properties).toMatchObject({
        AuthorizationType: 'CUSTOM',
        AuthorizerId: authorizer,
      })
  })

  it('answers with a challenge on a REST API, and tells of crashes of its authorizer (RFC 6750 §3)', () => {
    const { stack } = restApiOf({ issuer, alarmTopic: Topic.fromTopicArn(new Stack(), 'Topic', topicArn) })
    const synthesis = new Synthesis(stack)
    const challenges = [...synthesis.ofType('AWS::ApiGateway::GatewayResponse').values()].map(
      ({ Properties }) => [Properties.ResponseType, Object.keys(Properties.ResponseParameters ?? {})],
    )
    expect(challenges).toEqual([
      ['UNAUTHORIZED', ['gatewayresponse.header.WWW-Authenticate']],
      ['ACCESS_DENIED', ['gatewayresponse.header.WWW-Authenticate']],
      ['AUTHORIZER_FAILURE', []],
      ['AUTHORIZER_CONFIGURATION_ERROR', []],
    ])
    for (const id of ['ErrorsAlarm', 'ThrottlesAlarm'])
      expect(synthesis.at(`Api/CountersignAuthorizer/${id}`).Properties.AlarmActions).toEqual([topicArn])
  })

  it('takes of the delay what the policy cache of a REST API needs', () => {
    const delays = { maxRevocationDelay: Duration.seconds(30), decisionCacheTtl: Duration.seconds(20) }
    const synthesis = new Synthesis(restApiOf({ issuer, revocations: { tableArn }, ...delays }).stack)
    expect(synthesis.environment(path).REVOCATION_REFRESH_SECONDS).toBe('10')
    expect(synthesis.at('Api/CountersignAuthorizer/Authorizer').Properties).toMatchObject({
      AuthorizerResultTtlInSeconds: 20,
      IdentitySource: 'method.request.header.Authorization',
    })
  })

  it('is read with the authorizer’s own role where no other is named', () => {
    const synthesis = new Synthesis(apiOf({ issuer, revocations: { tableArn } }).stack)
    expect(synthesis.environment(path)).not.toHaveProperty('REVOCATIONS_ROLE_ARN')
    expect(statementsOf(synthesis)).toEqual([
      {
        Sid: 'ReadRevocations',
        Effect: 'Allow',
        Action: ['dynamodb:BatchGetItem', 'dynamodb:Query'],
        Resource: tableArn,
      },
      {
        Sid: 'ReadRevocationsByTime',
        Effect: 'Allow',
        Action: 'dynamodb:Query',
        Resource: `${tableArn}/index/by_revoked_at`,
      },
    ])
  })

  it('is not asked for revocations where nobody says how', () => {
    const synthesis = new Synthesis(apiOf({ issuer }).stack)
    expect(Object.keys(synthesis.environment(path)).filter(name => name.startsWith('REVOCATION'))).toEqual([])
    expect(statementsOf(synthesis)).toEqual([])
  })

  it('takes of the delay what the decision cache needs', () => {
    const delays = { maxRevocationDelay: Duration.seconds(30), decisionCacheTtl: Duration.seconds(20) }
    const synthesis = new Synthesis(apiOf({ issuer, revocations: { tableArn }, ...delays }).stack)
    expect(synthesis.environment(path).REVOCATION_REFRESH_SECONDS).toBe('10')
    expect(synthesis.at('Api/CountersignAuthorizer/Authorizer').Properties).toMatchObject({
      AuthorizerResultTtlInSeconds: 20,
      IdentitySource: ['$request.header.Authorization', '$context.routeKey'],
    })
  })

  it.each([
    ['warns where', {}, 1],
    ['does not warn unless', { revocations: { tableArn } }, 0],
  ])('%s its authorizers read no revocations', (_, attributes, count) => {
    const stack = new Stack(newApp(), 'Orders')
    AuthorizationServer.fromAttributes(stack, 'Server', { issuer, ...attributes })
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('no revocations'))
    expect(warnings).toHaveLength(count)
  })

  it('has its alarms here, since its own watch another account', () => {
    const stack = new Stack(newApp(), 'Orders')
    const alarmTopic = new Topic(stack, 'Topic')
    AuthorizationServer.fromAttributes(stack, 'Server', { issuer, alarmTopic })
    const synthesis = new Synthesis(stack)
    const alarms = [...synthesis.ofType('AWS::CloudWatch::Alarm')]
    expect(alarms.map(([id]) => id).sort()).toEqual([
      'Server/Alarms/DecisionsFailed',
      'Server/Alarms/RevocationStoreUnreachable',
      'Server/Alarms/TooManyRevocations',
    ])
    for (const [, { Properties }] of alarms) expect(Properties.AlarmActions).toEqual([synthesis.ref('Topic')])
  })

  it.each<[string, AuthorizationServerAttributes, string]>([
    ['plain http', { issuer: 'http://auth.example.com' }, 'issuer must be an https URL'],
    ['a slash at its end', { issuer: `${issuer}/` }, 'issuer must be an https URL'],
    ['a query', { issuer: `${issuer}?a` }, 'issuer must be an https URL'],
    [
      'a host in capitals',
      { issuer: 'https://Auth.example.com' },
      'issuer must be an https URL as a URL parser',
    ],
    ['the port that https has', { issuer: `${issuer}:443` }, 'issuer must be an https URL as a URL parser'],
    ['a user', { issuer: 'https://user@auth.example.com' }, 'issuer must be an https URL as a URL parser'],
    [
      'a table by its name',
      { issuer, revocations: { tableArn: 'Revocations' } },
      'revocations.tableArn must be the ARN of a DynamoDB table, got "Revocations"',
    ],
    [
      "a role's name",
      { issuer, revocations: { tableArn, readRoleArn: 'RevocationReader' } },
      'revocations.readRoleArn must be the ARN of a role, got "RevocationReader": take that of addRevocationReader, arn:aws:iam::<account>:role/<name>',
    ],
    [
      'too many shards',
      { issuer, revocations: { tableArn, shards: 17 } },
      'revocationShards must be a whole number between 1 and 16',
    ],
    [
      'a delay that nothing keeps',
      { issuer, maxRevocationDelay: Duration.seconds(5) },
      'must not be set without revocations',
    ],
    [
      'a cache that outlives a revocation',
      { issuer, revocations: { tableArn }, decisionCacheTtl: Duration.seconds(5) },
      'decisionCacheTtl must be shorter than maxRevocationDelay',
    ],
  ])('is refused with %s', (_, attributes, message) => {
    expect(() => apiOf(attributes)).toThrow(message)
  })

  it('lets authorizers elsewhere read its revocations, and nothing else (addRevocationReader)', () => {
    const stack = new Stack(newApp(), 'Server')
    const server = new AuthorizationServer(stack, 'Countersign')
    const role = server.addRevocationReader('Reader', { assumedBy: new AccountPrincipal('444455556666') })
    const synthesis = new Synthesis(stack)
    expect(stack.resolve(role.roleArn)).toEqual({
      'Fn::GetAtt': [synthesis.at('Countersign/Reader').logicalId, 'Arn'],
    })
    const { AssumeRolePolicyDocument, Policies } = synthesis.at('Countersign/Reader').Properties as {
      AssumeRolePolicyDocument: { Statement: object[] }
      Policies: { PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] } }[]
    }
    expect(AssumeRolePolicyDocument.Statement).toHaveLength(1)
    const table = { 'Fn::GetAtt': [synthesis.at('Countersign/Revocations').logicalId, 'Arn'] }
    expect(
      Policies.flatMap(({ PolicyDocument }) =>
        PolicyDocument.Statement.map(({ Action, Resource }) => [Action, Resource]),
      ),
    ).toEqual([
      [['dynamodb:BatchGetItem', 'dynamodb:Query'], table],
      ['dynamodb:Query', { 'Fn::Join': ['', [table, '/index/by_revoked_at']] }],
    ])
  })
})
