import { Duration, Lazy, type Stack } from 'aws-cdk-lib'
import { Annotations, Match } from 'aws-cdk-lib/assertions'
import { MockIntegration, RestApi, type RestApiProps } from 'aws-cdk-lib/aws-apigateway'
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

  it('warns of an API whose audience is not declared beside others, such as one with a slash at its end', () => {
    const warningsBeside = (declared: string) => {
      const { server, apiStack, api, integration } = twoStacks()
      const authorizer = server.authorize({ audience, allOf: ['orders:read'] })
      api.addRoutes({ path: '/a', methods: [HttpMethod.GET], integration, authorizer })
      if (declared !== '') server.addResourceServer({ audience: declared, scopes })
      new Synthesis(apiStack)
      return Annotations.fromStack(apiStack)
        .findWarning('*', Match.stringLikeRegexp('audience'))
        .map(({ entry }) => entry.data)
    }
    expect(warningsBeside(`${audience}/`)).toEqual([
      `audience "${audience}" is not declared, as "${audience}/" is: until administration registers it, no client gets a token for it; correct its spelling, or add it by addResourceServer [ack: countersign:undeclaredAudience]`,
    ])
    expect(warningsBeside(audience)).toEqual([])
    expect(warningsBeside('')).toEqual([])
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

  describe('of a REST API', () => {
    const published = (path = '', defaults: RestApiProps = {}) => {
      const { server, apiStack } = twoStacks()
      const rest = new RestApi(apiStack, 'Rest', defaults)
      const method = server.addResourceMetadata(rest, { audience: audience + path })
      return { server, apiStack, rest, method }
    }
    const challenges = (apiStack: Stack) =>
      [...new Synthesis(apiStack).ofType('AWS::ApiGateway::GatewayResponse').values()].flatMap(
        ({ Properties }) => Object.values(Properties.ResponseParameters ?? {}),
      )

    it('is on an open method, whatever the API asks of others (RFC 9728 §3.1)', () => {
      const authorizer = twoStacks().server.authorizeRest({ audience: `${audience}/v1`, allOf: ['a'] })
      const defaultMethodOptions = { authorizer, apiKeyRequired: true }
      const { server, apiStack, rest, method } = published('/v1', { defaultMethodOptions })
      server.addResourceServer({ audience: `${audience}/v1`, scopes })
      expect([method.httpMethod, method.resource.path]).toEqual([
        'GET',
        '/.well-known/oauth-protected-resource/v1',
      ])
      const synthesis = new Synthesis(apiStack)
      const [open, ...others] = [...synthesis.ofType('AWS::ApiGateway::Method').values()]
      expect(others).toEqual([])
      expect(open?.Properties).toMatchObject({
        HttpMethod: 'GET',
        AuthorizationType: 'NONE',
        ApiKeyRequired: false,
        Integration: { Type: 'AWS_PROXY' },
      })
      expect(open?.Properties).not.toHaveProperty('AuthorizerId')
      expect(rest.node.tryFindChild('CountersignAuthorizer')).toBe(undefined)
      expect(synthesis.environment('Rest/CountersignResourceMetadata/Function')).toMatchObject({
        AUDIENCE: `${audience}/v1`,
        SCOPES_SUPPORTED: 'orders:read orders:write',
      })
    })

    it('is called by that method alone', () => {
      const { apiStack } = published()
      const permissions = [...new Synthesis(apiStack).ofType('AWS::Lambda::Permission').values()]
      expect(permissions.map(({ Properties }) => JSON.stringify(Properties.SourceArn))).toEqual([
        expect.stringContaining('/GET/.well-known/oauth-protected-resource"'),
      ])
    })

    it('is named in its challenges, wherever it is added (RFC 9728 §5.1)', () => {
      const { server, apiStack, rest } = published('/v1')
      const authorizer = server.authorizeRest({ audience: `${audience}/v1`, allOf: ['a'] })
      rest.root.addMethod('GET', new MockIntegration(), { authorizer })
      const late = twoStacks()
      const lateApi = new RestApi(late.apiStack, 'Rest')
      lateApi.root.addMethod('GET', new MockIntegration(), {
        authorizer: late.server.authorizeRest({ audience: `${audience}/v1`, allOf: ['a'] }),
      })
      late.server.addResourceMetadata(lateApi, { audience: `${audience}/v1` })
      const metadata = `, resource_metadata="${audience}/.well-known/oauth-protected-resource/v1"'`
      for (const stack of [apiStack, late.apiStack])
        expect(challenges(stack)).toEqual([
          expect.stringContaining(metadata),
          expect.stringContaining(metadata),
        ])
    })
  })

  it('refuses an audience that is not the API’s', () => {
    const { app, server, apiStack, api, integration } = twoStacks()
    const other = { audience: `${audience}/v1` }
    const rest = new RestApi(apiStack, 'Rest')
    api.addRoutes({ path: '/a', integration, authorizer: server.authorize({ audience, allOf: ['a'] }) })
    rest.root.addMethod('GET', new MockIntegration(), {
      authorizer: server.authorizeRest({ audience, allOf: ['a'] }),
    })
    server.addResourceMetadata(api, other)
    server.addResourceMetadata(rest, other)
    for (const path of ['Orders/Api', 'Orders/Rest'])
      expect(() => app.synth()).toThrow(
        `${path} must have one audience, got "${other.audience}" in its metadata beside "${audience}" in its authorizer: use the same in both`,
      )
  })

  it('takes an https URL only (RFC 9728 §1.2)', () => {
    const { server, api } = twoStacks()
    expect(() => server.addResourceMetadata(api, { audience: 'urn:example:orders' })).toThrow(
      'metadata of a protected resource needs an https URL as the audience (RFC 9728 §1.2), got "urn:example:orders"',
    )
  })
})
