import { Duration, Lazy } from 'aws-cdk-lib'
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import { describe, expect, it } from 'vitest'
import { audience, twoStacks } from './protected-api.ts'
import { Synthesis } from './synthesis.ts'

const scopes = { 'orders:read': 'Read orders', 'orders:write': '' }

describe('addResourceServer', () => {
  it('has the declared resource servers registered by one custom resource, in one order', () => {
    const { server, serverStack } = twoStacks()
    server.addResourceServer({
      audience: 'urn:b',
      scopes: { b: 'B' },
      accessTokenLifetime: Duration.minutes(2),
    })
    server.addResourceServer({ audience: 'urn:a', scopes: { a: 'A', z: '' } })
    const synthesis = new Synthesis(serverStack)
    const [declarations] = [...synthesis.ofType('Custom::CountersignResourceServers').values()]
    expect(declarations?.Properties).toMatchObject({
      ServiceToken: synthesis.arn('Countersign/Registrar'),
      ResourceServers: [
        {
          Audience: 'urn:a',
          Scopes: [
            { Scope: 'a', Description: 'A' },
            { Scope: 'z', Description: '' },
          ],
        },
        { Audience: 'urn:b', Scopes: [{ Scope: 'b', Description: 'B' }], AccessTokenLifetimeSeconds: 120 },
      ],
    })
    expect(declarations?.DeletionPolicy).toBe('Retain')
  })

  it('comes before the token function, which asks for registered grants', () => {
    const { serverStack } = twoStacks()
    const synthesis = new Synthesis(serverStack)
    const [path = ''] = synthesis.ofType('Custom::CountersignResourceServers').keys()
    expect(synthesis.at('Countersign/Token').DependsOn).toContain(synthesis.at(path).logicalId)
  })

  it.each<[string, Parameters<ReturnType<typeof twoStacks>['server']['addResourceServer']>[0], string]>([
    ['no scope', { audience, scopes: {} }, 'scopes must have at least one entry'],
    ['a scope with a space', { audience, scopes: { 'a b': '' } }, 'scopes: scope must be one scope token'],
    ['a control character', { audience, scopes: { a: 'x\n' } }, 'scopes: description must be text'],
    ['no URI', { audience: 'orders', scopes }, 'audience must be an absolute URI'],
    [
      'an hour and a second',
      { audience, scopes, accessTokenLifetime: Duration.seconds(3601) },
      `accessTokenLifetime of "${audience}" must be between 60 and 3600 seconds, got 3601 seconds`,
    ],
    [
      'a lifetime that is not known',
      { audience, scopes, accessTokenLifetime: Duration.seconds(Lazy.number({ produce: () => 60 })) },
      'must be known at synthesis',
    ],
  ])('refuses %s at synthesis', (_, options, message) => {
    expect(() => twoStacks().server.addResourceServer(options)).toThrow(message)
  })

  it('refuses an audience twice', () => {
    const { server } = twoStacks()
    server.addResourceServer({ audience, scopes })
    expect(() => server.addResourceServer({ audience, scopes })).toThrow(
      `resource server "${audience}" is declared twice: put all of its scopes into one`,
    )
  })

  it('refuses a route that needs a scope which is not declared, wherever the declaration stands', () => {
    const { server, apiStack, api, integration } = twoStacks()
    const authorizer = server.authorize({ audience, anyOf: ['orders:read', 'orders:delete'] })
    api.addRoutes({ path: '/a', methods: [HttpMethod.GET], integration, authorizer })
    server.addResourceServer({ audience, scopes })
    expect(() => new Synthesis(apiStack)).toThrow(
      `scope "orders:delete" is required by a route of Orders/Api/CountersignAuthorizer and not declared for "${audience}": add it to the scopes of addResourceServer, or correct the route`,
    )
  })
})

describe('addResourceMetadata', () => {
  it('publishes the metadata of an API on an open route, with its declared scopes (RFC 9728 §3.1)', () => {
    const { server, apiStack, api } = twoStacks()
    server.addResourceMetadata(api, { audience: `${audience}/v1` })
    server.addResourceServer({ audience: `${audience}/v1`, scopes })
    const synthesis = new Synthesis(apiStack)
    const [route] = [...synthesis.ofType('AWS::ApiGatewayV2::Route').values()]
    expect(route?.Properties).toMatchObject({
      RouteKey: 'GET /.well-known/oauth-protected-resource/v1',
      AuthorizationType: 'NONE',
    })
    expect(synthesis.environment('Api/CountersignResourceMetadata')).toMatchObject({
      AUDIENCE: `${audience}/v1`,
      SCOPES_SUPPORTED: 'orders:read orders:write',
    })
  })

  it('takes an https URL only (RFC 9728 §1.2)', () => {
    const { server, api } = twoStacks()
    expect(() => server.addResourceMetadata(api, { audience: 'urn:example:orders' })).toThrow(
      'metadata of a protected resource needs an https URL as the audience (RFC 9728 §1.2), got "urn:example:orders"',
    )
  })
})
