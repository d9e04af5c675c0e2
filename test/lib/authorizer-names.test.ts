import { Stack } from 'aws-cdk-lib'
import { MockIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpMethod, HttpRoute, HttpRouteKey } from 'aws-cdk-lib/aws-apigatewayv2'
import { expect, it } from 'vitest'
import { audience, backend, twoStacks } from './protected-api.ts'
import { Synthesis } from './synthesis.ts'

it('an API that two stacks know by its id gets an authorizer of each, under names of their own', () => {
  const { app, server } = twoStacks()
  const stacks = ['Reading', 'Writing'].map(name => {
    const stack = new Stack(app, name)
    new HttpRoute(stack, 'Route', {
      httpApi: HttpApi.fromHttpApiAttributes(stack, 'Http', { httpApiId: 'abcdefghij' }),
      routeKey: HttpRouteKey.with(`/${name}`, HttpMethod.GET),
      integration: backend(),
      authorizer: server.authorize({ audience, allOf: ['a'] }),
    })
    RestApi.fromRestApiAttributes(stack, 'Rest', { restApiId: 'klmnopqrst', rootResourceId: 'r' })
      .root.addResource(name)
      .addMethod('GET', new MockIntegration(), {
        authorizer: server.authorizeRest({ audience, allOf: ['a'] }),
      })
    return stack
  })
  const types = ['AWS::ApiGatewayV2::Authorizer', 'AWS::ApiGateway::Authorizer']
  for (const type of types) {
    const [first, second] = stacks.flatMap(stack => [...new Synthesis(stack).ofType(type).values()])
    expect(first?.Properties.Name).not.toBe(second?.Properties.Name)
  }
})
