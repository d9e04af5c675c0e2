import { Aspects, Duration, Stack } from 'aws-cdk-lib'
import { CfnMethod, MockIntegration, ResponseType, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { audience, authorizerBundle, routeTable } from './protected-api.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

/** A server in one stack and a REST API in another. */
function twoStacks(settings = {}) {
  const app = newApp()
  const server = new AuthorizationServer(new Stack(app, 'Server'), 'Countersign', settings)
  const stack = new Stack(app, 'Orders')
  const api = new RestApi(stack, 'Api')
  return { app, server, stack, api, integration: new MockIntegration() }
}

describe('authorizeRest', () => {
  const { app, server, stack, api, integration } = twoStacks()
  const read = server.authorizeRest({ audience, allOf: ['orders:read'] })
  const write = server.authorizeRest({ audience, anyOf: ['orders:write', 'orders:admin'] })
  const orders = api.root.addResource('orders')
  orders.addMethod('GET', integration, { authorizer: read })
  orders.addMethod('POST', integration, { authorizer: write })
  orders.addMethod('OPTIONS', integration)
  const order = orders.addResource('{id}')
  order.addMethod('GET', integration, { authorizer: read })
  order.addMethod('ANY', integration, { authorizer: write })
  Aspects.of(app).add({
    visit(node) {
      if (node === api && api.root.getResource('late') === undefined)
        api.root.addResource('late').addMethod('GET', integration, { authorizer: read })
    },
  })
  const synthesis = new Synthesis(stack)

  it('stages every method with its scopes beside the code, in order', () => {
    expect(routeTable(app, synthesis)).toBe(
      JSON.stringify({
        'ANY /orders/{id}': { anyOf: ['orders:admin', 'orders:write'] },
        'GET /late': { allOf: ['orders:read'] },
        'GET /orders': { allOf: ['orders:read'] },
        'GET /orders/{id}': { allOf: ['orders:read'] },
        'POST /orders': { anyOf: ['orders:admin', 'orders:write'] },
      }),
    )
  })

  it('decides by the tables of the server', () => {
    expect(authorizerBundle(app, synthesis)).toBe('rest-authorizer')
  })

  it('puts one authorizer on them, asked for each request, and leaves the open method open', () => {
    const authorizer = synthesis.ref('Api/CountersignAuthorizer/Authorizer')
    expect(
      [...synthesis.ofType('AWS::ApiGateway::Authorizer').values()].map(each => each.Properties),
    ).toMatchObject([
      {
        Name: expect.stringMatching(/^Orders-Api-CountersignAuthorizer-[0-9A-F]{8}$/),
        Type: 'REQUEST',
        RestApiId: synthesis.ref('Api'),
        IdentitySource: 'method.request.header.Authorization',
        AuthorizerResultTtlInSeconds: 0,
      },
    ])
    const methods = [...synthesis.ofType('AWS::ApiGateway::Method').values()].map(each => each.Properties)
    const open = methods.filter(method => method.AuthorizerId === undefined)
    expect(open).toMatchObject([{ HttpMethod: 'OPTIONS', AuthorizationType: 'NONE' }])
    for (const method of methods.filter(each => !open.includes(each)))
      expect(method).toMatchObject({ AuthorizationType: 'CUSTOM', AuthorizerId: authorizer })
    expect(methods).toHaveLength(6)
  })

  it('lets this authorizer of this API call the function, and nobody else', () => {
    expect(
      [...synthesis.ofType('AWS::Lambda::Permission').values()].map(({ Properties }) => Properties),
    ).toEqual([
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

  it('says what is wrong with a token in the gateway responses (RFC 6750 §3)', () => {
    const responses = [...synthesis.ofType('AWS::ApiGateway::GatewayResponse').values()]
    expect(responses.map(({ Properties }) => Properties)).toEqual([
      {
        RestApiId: synthesis.ref('Api'),
        ResponseType: 'UNAUTHORIZED',
        StatusCode: '401',
        ResponseParameters: {
          'gatewayresponse.header.WWW-Authenticate':
            '\'Bearer error="invalid_token", error_description="The access token is missing, malformed, expired or revoked, or it is not for this API"\'',
        },
        ResponseTemplates: {
          'application/json':
            '{"error":"invalid_token","error_description":"The access token is missing, malformed, expired or revoked, or it is not for this API"}',
        },
      },
      {
        RestApiId: synthesis.ref('Api'),
        ResponseType: 'ACCESS_DENIED',
        StatusCode: '403',
        ResponseParameters: {
          'gatewayresponse.header.WWW-Authenticate':
            '\'Bearer error="insufficient_scope", error_description="The scope of the access token does not allow this request"\'',
        },
        ResponseTemplates: {
          'application/json':
            '{"error":"insufficient_scope","error_description":"The scope of the access token does not allow this request"}',
        },
      },
      ...['AUTHORIZER_FAILURE', 'AUTHORIZER_CONFIGURATION_ERROR'].map(ResponseType => ({
        RestApiId: synthesis.ref('Api'),
        ResponseType,
        StatusCode: '500',
        ResponseTemplates: {
          'application/json':
            '{"error":"server_error","error_description":"The access token could not be checked, try again later"}',
        },
      })),
    ])
  })

  it('deploys the API after all of it', () => {
    const [deployment] = [...synthesis.ofType('AWS::ApiGateway::Deployment').values()]
    const paths = ['Api/CountersignAuthorizer/Authorizer', 'Api/CountersignUNAUTHORIZED']
    for (const path of paths) expect(deployment?.DependsOn).toContain(synthesis.at(path).logicalId)
  })

  it('refuses a method once the route table is staged', () => {
    expect(() => api.root.addMethod('GET', integration, { authorizer: read })).toThrow(
      'a method was added to Orders/Api after the route table of Orders/Api/CountersignAuthorizer was staged: add it before synthesis, or give the aspect that adds it a priority below 900 and a scope around the API',
    )
  })
})

describe('authorizeRest, elsewhere', () => {
  it('protects every method of an API by its default, and takes the server’s cache and its time', () => {
    const stack = new Stack(newApp(), 'Server')
    const server = new AuthorizationServer(stack, 'Countersign', {
      maxRevocationDelay: Duration.seconds(30),
      decisionCacheTtl: Duration.seconds(20),
    })
    const api = new RestApi(stack, 'Api', {
      defaultMethodOptions: { authorizer: server.authorizeRest({ audience, allOf: ['a'] }) },
    })
    api.root.addProxy({ defaultIntegration: new MockIntegration() })
    const synthesis = new Synthesis(stack)
    expect(synthesis.at('Api/CountersignAuthorizer/Authorizer').Properties).toMatchObject({
      AuthorizerResultTtlInSeconds: 20,
      IdentitySource: 'method.request.header.Authorization',
    })
    expect(synthesis.environment('Api/CountersignAuthorizer/Function')).toMatchObject({
      REVOCATION_REFRESH_SECONDS: '10',
    })
    expect(synthesis.at('Api/Default/{proxy+}/ANY').Properties).toMatchObject({ AuthorizationType: 'CUSTOM' })
  })

  it('keeps the gateway responses that an API has, and refuses one that comes later', () => {
    const { server, stack, api, integration } = twoStacks()
    api.addGatewayResponse('Own', { type: ResponseType.ACCESS_DENIED, statusCode: '404' })
    api.root.addMethod('GET', integration, { authorizer: server.authorizeRest({ audience, allOf: ['a'] }) })
    const denied = [...new Synthesis(stack).ofType('AWS::ApiGateway::GatewayResponse').values()]
      .map(({ Properties }) => Properties)
      .filter(({ ResponseType }) => ResponseType === 'ACCESS_DENIED')
    expect(denied).toMatchObject([{ StatusCode: '404' }])

    const late = twoStacks()
    const authorizer = late.server.authorizeRest({ audience, allOf: ['a'] })
    late.api.root.addMethod('GET', integration, { authorizer })
    late.api.addGatewayResponse('Own', { type: ResponseType.UNAUTHORIZED })
    expect(() => late.app.synth()).toThrow(
      'Orders/Api has two gateway responses UNAUTHORIZED: add yours before the first method with an authorizer of authorizeRest, and before throttleClients, which then add none of that type',
    )
  })

  it('adds no gateway responses to an API that it only knows by its id', () => {
    const { app, server, stack, api, integration } = twoStacks()
    api.root.addMethod('GET', integration)
    const imported = RestApi.fromRestApiAttributes(stack, 'Imported', {
      restApiId: 'abcdefghij',
      rootResourceId: 'klmnop',
    })
    imported.root
      .addResource('x')
      .addMethod('GET', integration, { authorizer: server.authorizeRest({ audience, allOf: ['x'] }) })
    const synthesis = new Synthesis(stack)
    expect(routeTable(app, synthesis, 'Imported')).toBe('{"GET /x":{"allOf":["x"]}}')
    expect(synthesis.ofType('AWS::ApiGateway::GatewayResponse').size).toBe(0)
  })

  it('refuses a second API, audience or server', () => {
    const { app, server, stack, api, integration } = twoStacks()
    const read = server.authorizeRest({ audience, allOf: ['a'] })
    api.root.addMethod('GET', integration, { authorizer: read })
    const other = new RestApi(stack, 'Other')
    expect(() => other.root.addMethod('GET', integration, { authorizer: read })).toThrow(
      'what authorizeRest returns must be on one API, got Orders/Other beside Orders/Api: call authorizeRest once for each API',
    )
    const payments = server.authorizeRest({ audience: 'https://payments.example.com', allOf: ['a'] })
    expect(() => api.root.addMethod('PUT', integration, { authorizer: payments })).toThrow(
      'Orders/Api must have one audience, got "https://payments.example.com" beside "https://orders.example.com": use the same audience on all its routes, or make a second API',
    )
    const second = new AuthorizationServer(new Stack(app, 'Second'), 'Countersign')
    expect(() =>
      api.root.addMethod('POST', integration, {
        authorizer: second.authorizeRest({ audience, allOf: ['a'] }),
      }),
    ).toThrow(
      'Orders/Api must have one authorization server, got Second/Countersign beside Server/Countersign: make a second API',
    )
  })

  it('refuses a method without a requirement, and a scope that is not declared', () => {
    const { app, server, stack, api, integration } = twoStacks()
    server.addResourceServer({ audience, scopes: { a: 'A' } })
    api.root.addMethod('GET', integration, { authorizer: server.authorizeRest({ audience, allOf: ['b'] }) })
    const authorizer = api.node.findChild('CountersignAuthorizer') as unknown as { authorizerId: string }
    new CfnMethod(stack, 'Raw', {
      restApiId: api.restApiId,
      resourceId: api.restApiRootResourceId,
      httpMethod: 'PUT',
      authorizationType: 'CUSTOM',
      authorizerId: authorizer.authorizerId,
    })
    const synth = () => app.synth()
    expect(synth).toThrow(
      'method Orders/Raw uses this authorizer without saying which scopes it needs: make it a Method with authorizer: countersign.authorizeRest({ audience, allOf })',
    )
    expect(synth).toThrow(
      'scope "b" is required by a route of Orders/Api/CountersignAuthorizer and not declared',
    )
  })

  it('refuses routes that no policy can tell apart', () => {
    const { app, server, api, integration } = twoStacks()
    const [read, admin] = ['read', 'admin'].map(scope => server.authorizeRest({ audience, allOf: [scope] }))
    api.root.addResource('{rest+}').addMethod('GET', integration, { authorizer: read })
    api.root.addResource('admin').addResource('{id}').addMethod('GET', integration, { authorizer: admin })
    expect(() => app.synth()).toThrow(
      'Orders/Api cannot allow "GET /{rest+}" and refuse "GET /admin/{id}" to the same token: a policy of API Gateway has only *, which stands for slashes too; let both need the same scopes, or give "GET /admin/{id}" a literal part that "GET /{rest+}" has not',
    )
  })

  it('refuses more routes than a policy can name', () => {
    const { app, server, api, integration } = twoStacks()
    const authorizer = server.authorizeRest({ audience, allOf: ['read'] })
    for (let index = 0; index < 60; index++)
      api.root.addResource(`resource-${index}`).addMethod('GET', integration, { authorizer })
    expect(() => app.synth()).toThrow(
      /the policy for the 60 routes of Orders\/Api can have 1\d{4} octets, and 7168 fit into an answer to API Gateway: divide the API, or replace routes that need the same scopes by one with \{proxy\+\}/,
    )
  })

  it('leaves as much of an answer to the context as a token with every declared scope needs', () => {
    const { app, server, api, integration } = twoStacks()
    const names = Array.from(
      { length: 30 },
      (_, index) => `orders:a-scope-of-forty-characters-no-${index + 10}`,
    )
    server.addResourceServer({ audience, scopes: Object.fromEntries(names.map(name => [name, 'A'])) })
    for (const [index, name] of names.entries())
      api.root.addResource(`r${index}`).addMethod('GET', integration, {
        authorizer: server.authorizeRest({ audience, allOf: [name] }),
      })
    expect(() => app.synth()).toThrow(
      /the policy for the 30 routes of Orders\/Api can have 6\d{3} octets, and 6039 fit into an answer/,
    )
  })

  it('refuses a path that a policy cannot name', () => {
    const { app, server, api, integration } = twoStacks()
    const authorizer = server.authorizeRest({ audience, allOf: ['read'] })
    const long = 'x'.repeat(440)
    api.root.addResource(long).addMethod('GET', integration, { authorizer })
    expect(() => app.synth()).toThrow(
      `the path of "GET /${long}" of Orders/Api is too long for a policy of API Gateway, whose resources have 512 characters: shorten it`,
    )
  })

  it('does not count a 401, which is an error of the function, as a crash of it', () => {
    const { server, stack, api, integration } = twoStacks()
    api.root.addMethod('GET', integration, { authorizer: server.authorizeRest({ audience, allOf: ['a'] }) })
    const synthesis = new Synthesis(stack)
    const filter = synthesis.at('Api/CountersignAuthorizer/Function/Unauthorized').Properties
    expect(filter).toMatchObject({
      FilterPattern:
        '{ ($.audit = "api.authorize") && ($.outcome = "refused") && ($.reason != "scope_insufficient") && ($.reason != "route_unknown") && ($.reason != "event_unsupported") }',
      LogGroupName: synthesis.ref('Api/CountersignAuthorizer/FunctionLogs'),
    })
    expect(synthesis.at('Api/CountersignAuthorizer/ErrorsAlarm').Properties).toMatchObject({
      Metrics: [{ Expression: 'errors - FILL(unauthorized, 0)' }, { Id: 'errors' }, { Id: 'unauthorized' }],
    })
  })
})
