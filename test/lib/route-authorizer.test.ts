import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Aspects, Stack } from 'aws-cdk-lib'
import { HttpMethod, HttpRoute, HttpRouteKey } from 'aws-cdk-lib/aws-apigatewayv2'
import { describe, expect, it } from 'vitest'
import { parseRouteTable } from '../../lambda/oauth/route-table.ts'
import { audience, routeTable, twoStacks } from './protected-api.ts'
import { arn, Synthesis } from './synthesis.ts'

describe('authorizer of an API in another stack than its server', () => {
  const { app, server, serverStack, apiStack, api, integration } = twoStacks()
  const read = server.authorize({ audience, allOf: ['orders:read'] })
  api.addRoutes({ path: '/orders', methods: [HttpMethod.GET], integration, authorizer: read })
  api.addRoutes({ path: '/orders/{id}', methods: [HttpMethod.GET], integration, authorizer: read })
  api.addRoutes({
    path: '/orders/{id}',
    methods: [HttpMethod.DELETE],
    integration,
    authorizer: server.authorize({ audience, allOf: ['orders:write', 'orders:read'] }),
  })
  api.addRoutes({
    path: '/files/{proxy+}',
    integration,
    authorizer: server.authorize({ audience, anyOf: ['files', 'admin'] }),
  })
  new HttpRoute(apiStack, 'Rest', {
    httpApi: api,
    routeKey: HttpRouteKey.DEFAULT,
    integration,
    authorizer: server.authorize({ audience, allOf: ['rest'] }),
  })
  api.addRoutes({ path: '/health', methods: [HttpMethod.GET], integration })
  const third = new Stack(app, 'Third')
  new HttpRoute(third, 'Late', {
    httpApi: api,
    routeKey: HttpRouteKey.with('/late', HttpMethod.PUT),
    integration,
    authorizer: server.authorize({ audience, allOf: ['late'] }),
  })
  // As late as a route can be: another aspect adds it while the app is being synthesised.
  Aspects.of(app).add({
    visit(node) {
      if (node === api) {
        api.addRoutes({ path: '/aspect', methods: [HttpMethod.GET], integration, authorizer: read })
      }
    },
  })
  const synthesis = new Synthesis(apiStack)
  const authorizer = synthesis.at('Api/CountersignAuthorizer/Authorizer')

  it('stages every route with its scopes beside the code, in order', () => {
    const table = routeTable(app, synthesis)
    expect(table).toBe(
      JSON.stringify({
        $default: { allOf: ['rest'] },
        'ANY /files/{proxy+}': { anyOf: ['admin', 'files'] },
        'DELETE /orders/{id}': { allOf: ['orders:read', 'orders:write'] },
        'GET /aspect': { allOf: ['orders:read'] },
        'GET /orders': { allOf: ['orders:read'] },
        'GET /orders/{id}': { allOf: ['orders:read'] },
        'PUT /late': { allOf: ['late'] },
      }),
    )
    expect(parseRouteTable(table).get('$default')).toEqual({ allOf: ['rest'] })
  })

  it('stages the code as the asset that the template, the manifest and the metadata name', () => {
    const { Properties, Metadata } = synthesis.at('Api/CountersignAuthorizer/Function')
    const path = Metadata['aws:asset:path'] ?? ''
    expect(path).toMatch(/^asset\.[0-9a-f]{64}$/)
    expect(Metadata['aws:asset:property']).toBe('Code')
    expect(existsSync(join(app.outdir, path, 'index.mjs'))).toBe(true)
    const hash = path.replace('asset.', '')
    expect(Properties.Code).toEqual({
      S3Bucket: { 'Fn::Sub': `cdk-hnb659fds-assets-\${AWS::AccountId}-\${AWS::Region}` },
      S3Key: `${hash}.zip`,
    })
    const { files } = JSON.parse(readFileSync(join(app.outdir, 'Orders.assets.json'), 'utf8'))
    expect(files[hash].source).toEqual({ path, packaging: 'zip' })
  })

  it('makes one authorizer, asked for each request', () => {
    expect([...synthesis.ofType('AWS::ApiGatewayV2::Authorizer').keys()]).toEqual([
      'Api/CountersignAuthorizer/Authorizer',
    ])
    expect(authorizer.Properties).toEqual({
      ApiId: synthesis.ref('Api'),
      Name: expect.stringMatching(/^Orders-Api-CountersignAuthorizer-[0-9A-F]{8}$/),
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: ['$request.header.Authorization'],
      AuthorizerUri: {
        'Fn::Join': [
          '',
          [
            'arn:',
            { Ref: 'AWS::Partition' },
            ':apigateway:',
            { Ref: 'AWS::Region' },
            ':lambda:path/2015-03-31/functions/',
            synthesis.arn('Api/CountersignAuthorizer/Function'),
            '/invocations',
          ],
        ],
      },
    })
  })

  it('lets this authorizer of this API call the function, and nobody else', () => {
    const permissions = [...synthesis.ofType('AWS::Lambda::Permission').values()].map(
      ({ Properties }) => Properties,
    )
    expect(permissions).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: synthesis.arn('Api/CountersignAuthorizer/Function'),
        Principal: 'apigateway.amazonaws.com',
        SourceArn: arn(
          'execute-api',
          synthesis.ref('Api'),
          '/authorizers/',
          synthesis.ref('Api/CountersignAuthorizer/Authorizer'),
        ),
      },
    ])
  })

  it('puts the authorizer on the protected routes and leaves the open route open', () => {
    const routes = [...synthesis.ofType('AWS::ApiGatewayV2::Route').values()].map(
      ({ Properties }) => Properties,
    )
    const open = routes.filter(route => route.AuthorizerId === undefined)
    expect(open).toMatchObject([{ RouteKey: 'GET /health', AuthorizationType: 'NONE' }])
    for (const route of routes.filter(candidate => candidate.RouteKey !== 'GET /health')) {
      expect(route).toMatchObject({
        AuthorizationType: 'CUSTOM',
        AuthorizerId: synthesis.ref('Api/CountersignAuthorizer/Authorizer'),
      })
    }
    expect(routes).toHaveLength(7)
  })

  it('takes the issuer and the names of tables and topic from the server, and gives it nothing', () => {
    const outputs = [...JSON.stringify(synthesis.template.toJSON()).matchAll(/"OutputName":"([^"]+)"/g)]
    const serverTemplate = new Synthesis(serverStack)
    const taken = [...new Set(outputs.map(([, name]) => name ?? ''))].map(
      name => serverTemplate.outputs[name]?.Value,
    )
    expect(taken).toHaveLength(6)
    expect(taken).toEqual(
      expect.arrayContaining([
        { 'Fn::GetAtt': [serverTemplate.at('Countersign/Api').logicalId, 'ApiEndpoint'] },
        serverTemplate.ref('Countersign/Revocations'),
        serverTemplate.arn('Countersign/Revocations'),
        serverTemplate.ref('Countersign/SigningKeys'),
        serverTemplate.arn('Countersign/SigningKeys'),
        serverTemplate.ref('Countersign/AlarmTopic'),
      ]),
    )
    expect(JSON.stringify(serverTemplate.template.toJSON())).not.toContain('Fn::GetStackOutput')
    expect(serverStack.dependencies).toEqual([])
  })

  it('gives the authorizer of another stack the same name of the ring', () => {
    const { SIGNING_KEY_RING } = synthesis.environment('Api/CountersignAuthorizer/Function')
    expect(SIGNING_KEY_RING).toBe(
      new Synthesis(serverStack).environment('Countersign/Token').SIGNING_KEY_RING,
    )
  })

  it('refuses a route once the route table is staged', () => {
    const add = () =>
      api.addRoutes({ path: '/too-late', methods: [HttpMethod.GET], integration, authorizer: read })
    expect(add).toThrow(
      'route Orders/Api/GET--too-late was added after the route table of Orders/Api/CountersignAuthorizer was staged: add it before synthesis, or give the aspect that adds it a priority below 900 and a scope around the API',
    )
  })
})
