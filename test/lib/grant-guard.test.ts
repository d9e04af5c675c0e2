import { Stack } from 'aws-cdk-lib'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { newApp, Synthesis } from './synthesis.ts'

it('lets a service with a guard read revocations and signing keys of the server, and nothing else', () => {
  const stack = new Stack(newApp(), 'Countersign')
  const server = new AuthorizationServer(stack, 'AuthorizationServer')
  server.grantGuard(new Role(stack, 'Orders', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') }))
  const synthesis = new Synthesis(stack)
  const { Properties } = synthesis.at('Orders/DefaultPolicy')
  const revocations = synthesis.arn('AuthorizationServer/Revocations')
  expect(Properties.PolicyDocument).toMatchObject({
    Statement: [
      {
        Effect: 'Allow',
        Action: ['dynamodb:BatchGetItem', 'dynamodb:Query'],
        Resource: [revocations, { 'Fn::Join': ['', [revocations, '/index/*']] }],
      },
      {
        Effect: 'Allow',
        Action: 'dynamodb:Query',
        Resource: synthesis.arn('AuthorizationServer/SigningKeys'),
      },
    ],
  })
  expect(server.signingKeyRing).toBe(synthesis.environment('AuthorizationServer/Token').SIGNING_KEY_RING)
})
