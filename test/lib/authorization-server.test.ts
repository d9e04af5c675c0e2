import { Stack } from 'aws-cdk-lib'
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

const stack = new Stack(newApp(), 'Countersign')
const server = new AuthorizationServer(stack, 'AuthorizationServer')
server.grantAdministration(
  new Role(stack, 'Operator', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }),
)
const synthesis = new Synthesis(stack)
const api = synthesis.ref('AuthorizationServer/Api')
const routes = [...synthesis.ofType('AWS::ApiGatewayV2::Route').values()].map(({ Properties }) => Properties)

const administration = [
  'DELETE /admin/clients/{client_id}',
  'DELETE /admin/clients/{client_id}/secrets/{secret_id}',
  'DELETE /admin/resource-servers/{resource_server_id}',
  'GET /admin/clients',
  'GET /admin/clients/{client_id}',
  'GET /admin/keys',
  'GET /admin/resource-servers',
  'GET /admin/resource-servers/{resource_server_id}',
  'POST /admin/clients',
  'POST /admin/clients/{client_id}/disable',
  'POST /admin/clients/{client_id}/enable',
  'POST /admin/clients/{client_id}/revoke-tokens',
  'POST /admin/clients/{client_id}/secrets',
  'POST /admin/keys/rotate',
  'POST /admin/keys/{kid}/revoke',
  'POST /admin/resource-servers',
  'POST /admin/revoke-all',
  'POST /admin/tokens/revoke',
  'PUT /admin/clients/{client_id}',
  'PUT /admin/resource-servers/{resource_server_id}',
]

function withDomain() {
  const domainStack = new Stack(newApp(), 'Trial')
  const certificateArn = 'arn:aws:acm:us-east-1:111111111111:certificate/a'
  const domainName = new DomainName(domainStack, 'Domain', {
    domainName: 'auth.example.com',
    certificate: Certificate.fromCertificateArn(domainStack, 'Certificate', certificateArn),
  })
  new AuthorizationServer(domainStack, 'Server', { domainName })
  return new Synthesis(domainStack)
}

describe('authorization server', () => {
  it('has an HTTP API without CORS, which would cover /token too', () => {
    expect(synthesis.at('AuthorizationServer/Api').Properties).toEqual({
      Name: 'authorization-server',
      Description: 'Countersign: OAuth 2.0 for machine clients',
      ProtocolType: 'HTTP',
      DisableExecuteApiEndpoint: false,
    })
  })

  it('takes administration from IAM principals alone', () => {
    const signed = routes.filter(route => route.AuthorizationType === 'AWS_IAM')
    expect(signed.map(route => route.RouteKey).sort()).toEqual(administration)
    expect(routes.filter(route => String(route.RouteKey).includes('/admin'))).toHaveLength(
      administration.length,
    )
  })

  it('has the keeper look after its keys every five minutes', () => {
    const [rule] = synthesis.ofType('AWS::Events::Rule').values()
    expect(rule?.Properties).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Targets: [{ Arn: synthesis.arn('AuthorizationServer/Keeper') }],
    })
    const permissions = [...synthesis.ofType('AWS::Lambda::Permission').values()]
      .map(({ Properties }) => Properties)
      .filter(({ Principal }) => Principal === 'events.amazonaws.com')
    expect(permissions).toMatchObject([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: synthesis.arn('AuthorizationServer/Keeper'),
        SourceArn: synthesis.arn('AuthorizationServer/KeeperSchedule'),
      },
    ])
  })

  it('leaves open the protocol endpoints, which take any method where they must answer 405', () => {
    const open = routes.filter(route => route.AuthorizationType !== 'AWS_IAM')
    expect(open.map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType]).sort()).toEqual([
      ['ANY /introspect', 'NONE'],
      ['ANY /revoke', 'NONE'],
      ['ANY /token', 'NONE'],
      ['GET /.well-known/jwks.json', 'NONE'],
      ['GET /.well-known/oauth-authorization-server', 'NONE'],
      ['GET /.well-known/openid-configuration', 'NONE'],
    ])
  })

  it.each([
    ['/token', 'Token'],
    ['/revoke', 'Revoke'],
    ['/.well-known/jwks.json', 'Metadata'],
    ['/admin/tokens/revoke', 'Admin'],
  ])('sends %s to the %s function with payload 2.0', (path, name) => {
    const route = routes.find(({ RouteKey }) => String(RouteKey).endsWith(` ${path}`))
    const integrations = [...synthesis.ofType('AWS::ApiGatewayV2::Integration').values()]
    const integration = integrations.find(({ logicalId }) =>
      JSON.stringify(route?.Target).includes(logicalId),
    )
    expect(integration?.Properties).toEqual({
      ApiId: api,
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: synthesis.arn(`AuthorizationServer/${name}`),
      PayloadFormatVersion: '2.0',
    })
  })

  it('lets its own API alone call its functions, route by route', () => {
    const permissions = [...synthesis.ofType('AWS::Lambda::Permission').values()]
      .map(({ Properties }) => Properties)
      .filter(({ Principal }) => Principal !== 'events.amazonaws.com')
    expect(permissions).toHaveLength(routes.length)
    const paths = [...new Set(routes.map(({ RouteKey }) => String(RouteKey).split(' ')[1] ?? ''))]
    const sources = paths.map(path => arn('execute-api', api, `/*/*${path}`))
    for (const { Action, Principal, SourceArn } of permissions) {
      expect({ Action, Principal }).toEqual({
        Action: 'lambda:InvokeFunction',
        Principal: 'apigateway.amazonaws.com',
      })
      expect(sources).toContainEqual(SourceArn)
    }
  })

  it('throttles its stage, and deploys it once there is a signing key', () => {
    const stage = synthesis.at('AuthorizationServer/Api/DefaultStage')
    expect(stage.Properties).toMatchObject({
      ApiId: api,
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
    })
    expect(stage.DependsOn).toContain(synthesis.at('AuthorizationServer/SigningKeyRing').logicalId)
  })

  it('throttles as the owner says', () => {
    const trial = new Stack(newApp(), 'Trial')
    new AuthorizationServer(trial, 'Server', { tokenThrottle: { rateLimit: 50, burstLimit: 70 } })
    expect(new Synthesis(trial).at('Server/Api/DefaultStage').Properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 70 },
    })
  })

  it('logs requests without headers and query strings', () => {
    const { AccessLogSettings } = synthesis.at('AuthorizationServer/Api/DefaultStage').Properties as {
      AccessLogSettings: { DestinationArn: unknown; Format: string }
    }
    expect(AccessLogSettings.DestinationArn).toEqual(synthesis.arn('AuthorizationServer/Api/AccessLogs'))
    expect(JSON.parse(AccessLogSettings.Format)).toEqual({
      requestId: '$context.requestId',
      ip: '$context.identity.sourceIp',
      requestTime: '$context.requestTime',
      httpMethod: '$context.httpMethod',
      routeKey: '$context.routeKey',
      status: '$context.status',
      protocol: '$context.protocol',
      responseLength: '$context.responseLength',
      integrationErrorMessage: '$context.integrationErrorMessage',
      authorizerError: '$context.authorizer.error',
    })
    const logGroup = synthesis.at('AuthorizationServer/Api/AccessLogs')
    expect(logGroup).toMatchObject({ Properties: { RetentionInDays: 180 }, DeletionPolicy: 'Retain' })
  })

  it('has the keeper make the first key of its ring, and keeps the ring whatever happens to the stack', () => {
    const ring = synthesis.at('AuthorizationServer/SigningKeyRing')
    expect(ring).toMatchObject({
      Type: 'Custom::CountersignSigningKeyRing',
      Properties: {
        ServiceToken: synthesis.arn('AuthorizationServer/Keeper'),
        ServiceTimeout: '90',
        Ring: 'Countersign-AuthorizationServer-6991C0D7',
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    })
    expect(ring.DependsOn).toEqual([synthesis.at('AuthorizationServer/Keeper').logicalId])
    // The function waits for its role, and the role holds its policy.
    expect(synthesis.at('AuthorizationServer/Keeper').DependsOn).toEqual([
      synthesis.at('AuthorizationServer/KeeperRole').logicalId,
    ])
  })

  it('names its ring after its stack and its place in it, in the alphabet of a tag', () => {
    const app = newApp()
    const names = ['Blue', 'Green'].map(name => {
      const other = new Stack(app, name)
      new AuthorizationServer(other, 'A')
      new AuthorizationServer(other, 'B')
      return other
    })
    const rings = names.flatMap(other => {
      const synthesised = new Synthesis(other)
      return ['A/Token', 'B/Token'].map(path => synthesised.environment(path).SIGNING_KEY_RING)
    })
    expect(new Set(rings).size).toBe(4)
    for (const ring of rings) expect(ring).toMatch(/^[A-Za-z0-9-]{1,128}$/)
  })

  it('makes its endpoints from its issuer, and the issuer from the API alone', () => {
    const issuer = { 'Fn::GetAtt': [synthesis.at('AuthorizationServer/Api').logicalId, 'ApiEndpoint'] }
    const at = (path: string) => ({ 'Fn::Join': ['', [issuer, path]] })
    expect(stack.resolve(server.issuer)).toEqual(issuer)
    expect(stack.resolve(server.tokenEndpoint)).toEqual(at('/token'))
    expect(stack.resolve(server.revocationEndpoint)).toEqual(at('/revoke'))
    expect(stack.resolve(server.jwksUri)).toEqual(at('/.well-known/jwks.json'))
    expect(stack.resolve(server.adminEndpoint)).toEqual(at('/admin'))
  })

  it('is its custom domain and nothing else, where it has one', () => {
    const trial = withDomain()
    expect(trial.at('Server/Api').Properties.DisableExecuteApiEndpoint).toBe(true)
    expect(
      [...trial.ofType('AWS::ApiGatewayV2::ApiMapping').values()].map(({ Properties }) => Properties),
    ).toEqual([{ ApiId: trial.ref('Server/Api'), DomainName: trial.ref('Domain'), Stage: '$default' }])
    const issuers = [...trial.ofType('AWS::Lambda::Function').keys()].map(
      path => trial.environment(path).ISSUER,
    )
    expect(issuers).toHaveLength(7)
    // The keeper and the registrar need none.
    for (const issuer of issuers.filter(each => each !== undefined))
      expect(issuer).toEqual({ 'Fn::Join': ['', ['https://', trial.ref('Domain')]] })
    expect(JSON.stringify(trial.template.toJSON())).not.toContain('"ApiEndpoint"')
  })

  it('lets an operator use administration and nothing else', () => {
    const policies = [...synthesis.ofType('AWS::IAM::Policy').values()].map(({ Properties }) => Properties)
    const resources = [
      'POST/admin/clients',
      'GET/admin/clients',
      'GET/admin/clients/*',
      'PUT/admin/clients/*',
      'DELETE/admin/clients/*',
      'POST/admin/clients/*',
      'POST/admin/tokens/revoke',
      'POST/admin/resource-servers',
      'GET/admin/resource-servers',
      'GET/admin/resource-servers/*',
      'PUT/admin/resource-servers/*',
      'DELETE/admin/resource-servers/*',
      'POST/admin/revoke-all',
      'GET/admin/keys',
      'POST/admin/keys/rotate',
      'POST/admin/keys/*',
    ].map(path => arn('execute-api', api, `/*/${path}`))
    expect(policies).toMatchObject([
      {
        Roles: [synthesis.ref('Operator')],
        PolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: expect.arrayContaining(resources) },
          ],
        },
      },
    ])
    expect(policies).toMatchObject([
      { PolicyDocument: { Statement: [{ Resource: { length: resources.length } }] } },
    ])
  })

  it('has no secret in its template: no parameter but the bootstrap version, no generated or plain secret', () => {
    const template = synthesis.template.toJSON()
    expect(Object.keys(template.Parameters)).toEqual(['BootstrapVersion'])
    expect(JSON.stringify(template)).not.toMatch(/SecretsManager|secretsmanager|resolve:|NoEcho|PRIVATE KEY/)
  })
})
