import { gzipSync } from 'node:zlib'
import { Duration, Stack } from 'aws-cdk-lib'
import { type IAuthorizer, MockIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import {
  CfnRoute,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpRoute,
  HttpRouteKey,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { describe, expect, it } from 'vitest'
import { parseRouteTable } from '../../lambda/oauth/route-table.ts'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { audience, backend, routeTable, twoStacks } from './protected-api.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

describe('authorize', () => {
  it('protects each route of an API as its default authorizer, but those that say otherwise', () => {
    const app = newApp()
    const stack = new Stack(app, 'Server')
    const server = new AuthorizationServer(stack, 'Countersign')
    const integration = backend()
    const api = new HttpApi(stack, 'Api', {
      defaultIntegration: integration,
      defaultAuthorizer: server.authorize({ audience, allOf: ['orders'] }),
    })
    api.addRoutes({ path: '/orders', methods: [HttpMethod.GET], integration })
    api.addRoutes({ path: '/', methods: [HttpMethod.GET], integration, authorizer: new HttpNoneAuthorizer() })
    expect(routeTable(app, new Synthesis(stack))).toBe(
      '{"$default":{"allOf":["orders"]},"GET /orders":{"allOf":["orders"]}}',
    )
  })

  it('gives each API a function and a route table of its own', () => {
    const { app, server, apiStack, api, integration } = twoStacks()
    const other = new HttpApi(apiStack, 'Other')
    const authorizer = server.authorize({ audience, allOf: ['a'] })
    api.addRoutes({ path: '/a', methods: [HttpMethod.GET], integration, authorizer })
    other.addRoutes({ path: '/b', methods: [HttpMethod.GET], integration: backend(), authorizer })
    const synthesis = new Synthesis(apiStack)
    expect(routeTable(app, synthesis, 'Api')).toBe('{"GET /a":{"allOf":["a"]}}')
    expect(routeTable(app, synthesis, 'Other')).toBe('{"GET /b":{"allOf":["a"]}}')
  })

  it('takes an API that is known only by its id', () => {
    const { app, server, apiStack, integration } = twoStacks()
    const imported = HttpApi.fromHttpApiAttributes(apiStack, 'Imported', { httpApiId: 'abcdefghij' })
    new HttpRoute(apiStack, 'Route', {
      httpApi: imported,
      routeKey: HttpRouteKey.with('/x', HttpMethod.GET),
      integration,
      authorizer: server.authorize({ audience, allOf: ['x'] }),
    })
    const synthesis = new Synthesis(apiStack)
    expect(routeTable(app, synthesis, 'Imported')).toBe('{"GET /x":{"allOf":["x"]}}')
    expect(
      synthesis.at('Imported/CountersignAuthorizer/Function/InvokedByAuthorizer').Properties.SourceArn,
    ).toEqual(
      arn(
        'execute-api',
        'abcdefghij/authorizers/',
        synthesis.ref('Imported/CountersignAuthorizer/Authorizer'),
      ),
    )
  })

  it('keys cached decisions by token and route, and takes their time off the age of revocations', () => {
    const stack = new Stack(newApp(), 'Server')
    const server = new AuthorizationServer(stack, 'Countersign', {
      maxRevocationDelay: Duration.seconds(30),
      decisionCacheTtl: Duration.seconds(20),
      revocationOutageGrace: Duration.minutes(5),
    })
    const api = new HttpApi(stack, 'Api')
    const authorizer = server.authorize({ audience, allOf: ['a'] })
    api.addRoutes({ path: '/a', methods: [HttpMethod.GET], integration: backend(), authorizer })
    const synthesis = new Synthesis(stack)
    expect(synthesis.at('Api/CountersignAuthorizer/Authorizer').Properties).toMatchObject({
      AuthorizerResultTtlInSeconds: 20,
      IdentitySource: ['$request.header.Authorization', '$context.routeKey'],
    })
    expect(synthesis.environment('Api/CountersignAuthorizer/Function')).toMatchObject({
      REVOCATION_REFRESH_SECONDS: '10',
      REVOCATION_OUTAGE_GRACE_SECONDS: '300',
    })
  })

  it('has every request read the table, without a grace, at a delay of 0', () => {
    const stack = new Stack(newApp(), 'Server')
    const server = new AuthorizationServer(stack, 'Countersign', { maxRevocationDelay: Duration.seconds(0) })
    const api = new HttpApi(stack, 'Api')
    const authorizer = server.authorize({ audience, allOf: ['a'] })
    api.addRoutes({ path: '/a', methods: [HttpMethod.GET], integration: backend(), authorizer })
    expect(new Synthesis(stack).environment('Api/CountersignAuthorizer/Function')).toMatchObject({
      REVOCATION_REFRESH_SECONDS: '0',
      REVOCATION_OUTAGE_GRACE_SECONDS: '0',
    })
  })

  it('fits 300 routes with five scopes each', () => {
    const { app, server, apiStack, api, integration } = twoStacks()
    for (let index = 0; index < 300; index++) {
      const allOf = ['read', 'write', 'list', 'delete', 'audit'].map(verb => `resource-${index}:${verb}`)
      const authorizer = server.authorize({ audience, allOf })
      api.addRoutes({ path: `/resources/${index}`, methods: [HttpMethod.GET], integration, authorizer })
    }
    const synthesis = new Synthesis(apiStack)
    const json = routeTable(app, synthesis)
    const table = parseRouteTable(json)
    expect(table.size).toBe(300)
    expect([...table.values()].every(({ allOf }) => allOf?.length === 5)).toBe(true)
    // Beside the code it costs a few KB; in the environment it would have to fit 4 KB with everything else.
    expect(gzipSync(json).length).toBeLessThan(10_000)
    expect(JSON.stringify(synthesis.environment('Api/CountersignAuthorizer/Function')).length).toBeLessThan(
      4096,
    )
    expect(synthesis.ofType('AWS::ApiGatewayV2::Authorizer').size).toBe(1)
    expect(synthesis.ofType('AWS::Lambda::Permission').size).toBe(1)
  })

  it('is the same asset for the same routes, in whatever order and folder', () => {
    const hashOf = (paths: readonly string[], scopes: readonly string[]) => {
      const { server, apiStack, api, integration } = twoStacks()
      const authorizer = server.authorize({ audience, allOf: scopes })
      for (const path of paths) api.addRoutes({ path, methods: [HttpMethod.GET], integration, authorizer })
      return new Synthesis(apiStack).at('Api/CountersignAuthorizer/Function').Metadata['aws:asset:path']
    }
    const hash = hashOf(['/a', '/b'], ['x', 'y'])
    expect(hashOf(['/b', '/a'], ['y', 'x'])).toBe(hash)
    expect(hashOf(['/a', '/b'], ['x', 'z'])).not.toBe(hash)
  })

  it('refuses to synthesise a route that uses the authorizer without saying which scopes it needs', () => {
    const { app, server, apiStack, api, integration } = twoStacks()
    const authorizer = server.authorize({ audience, allOf: ['a'] })
    const routeKey = HttpRouteKey.with('/a', HttpMethod.GET)
    const route = new HttpRoute(apiStack, 'Route', { httpApi: api, routeKey, integration, authorizer })
    const { authorizerId } = route.node.defaultChild as CfnRoute
    new CfnRoute(apiStack, 'Raw', {
      apiId: api.apiId,
      routeKey: 'GET /raw',
      authorizationType: 'CUSTOM',
      authorizerId,
    })
    expect(() => app.synth()).toThrow(
      '[Orders/Api/CountersignAuthorizer] route "GET /raw" (Orders/Raw) uses this authorizer without saying which scopes it needs: make it an HttpRoute with authorizer: countersign.authorize({ audience, allOf })',
    )
  })

  it('refuses to synthesise two routes with the same key', () => {
    const { app, server, apiStack, api, integration } = twoStacks()
    const routeKey = HttpRouteKey.with('/a', HttpMethod.GET)
    for (const scope of ['x', 'y']) {
      const authorizer = server.authorize({ audience, allOf: [scope] })
      new HttpRoute(apiStack, scope, { httpApi: api, routeKey, integration, authorizer })
    }
    expect(() => app.synth()).toThrow('route "GET /a" is on Orders/Api twice: remove one of the two')
  })

  it('refuses a second audience on an API', () => {
    const { server, api, integration } = twoStacks()
    const attach = (path: string, name: string) =>
      api.addRoutes({ path, integration, authorizer: server.authorize({ audience: name, allOf: ['a'] }) })
    attach('/a', audience)
    expect(() => attach('/b', 'https://payments.example.com')).toThrow(
      'Orders/Api must have one audience, got "https://payments.example.com" beside "https://orders.example.com": use the same audience on all its routes, or make a second API',
    )
  })

  it('refuses a second authorization server on an API', () => {
    const { serverStack, server, api, integration } = twoStacks()
    const second = new AuthorizationServer(serverStack, 'Second')
    api.addRoutes({ path: '/a', integration, authorizer: server.authorize({ audience, allOf: ['a'] }) })
    const attach = () =>
      api.addRoutes({ path: '/b', integration, authorizer: second.authorize({ audience, allOf: ['a'] }) })
    expect(attach).toThrow(
      'Orders/Api must have one authorization server, got Server/Second beside Server/Countersign: make a second API',
    )
  })

  it('protects no method of a REST API, which would be open, also where types are not checked', () => {
    const stack = new Stack(newApp(), 'Stack')
    const authorizer: object = new AuthorizationServer(stack, 'Countersign').authorize({
      audience,
      allOf: ['a'],
    })
    const method = () =>
      new RestApi(stack, 'Api').root.addMethod('GET', new MockIntegration(), {
        authorizer: authorizer as IAuthorizer,
      })
    expect(method).toThrow(
      'what authorize returns is for routes of an HttpApi: protect a RestApi by authorizeRest',
    )
  })

  it.each([
    ['region', { account: '111111111111', region: 'eu-west-1' }, 'us-east-1', 'eu-west-1'],
    ['account', { account: '222222222222', region: 'us-east-1' }, '111111111111', '222222222222'],
  ])('refuses an API in another %s', (what, env, expected, actual) => {
    const app = newApp()
    const serverStack = new Stack(app, 'Server', { env: { account: '111111111111', region: 'us-east-1' } })
    const server = new AuthorizationServer(serverStack, 'Countersign')
    const api = new HttpApi(new Stack(app, 'Orders', { env }), 'Api')
    const attach = () =>
      api.addRoutes({
        path: '/a',
        integration: backend(),
        authorizer: server.authorize({ audience, allOf: ['a'] }),
      })
    expect(attach).toThrow(
      `Orders/Api must be in the ${what} of its authorization server, ${expected}, got ${actual}: attach it by AuthorizationServer.fromAttributes, or deploy an authorization server there`,
    )
  })
})
