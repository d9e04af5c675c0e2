import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, CfnOutput, Stack } from 'aws-cdk-lib'
import { MockIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpUrlIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { AccountPrincipal } from 'aws-cdk-lib/aws-iam'
import { AuthorizationServer } from '../../../lib/authorization-server.ts'
import { CountersignStack } from '../../../lib/countersign-stack.ts'
import { type Baseline, baselineOf, type StackTemplate } from './baseline.ts'

/** What people have deployed: a baseline, by stack, for each. */
export const deployments: Readonly<Record<string, (app: App) => void>> = {
  app: app => {
    new CountersignStack(app, 'Countersign')
  },
  'domain-and-envelope': app => {
    const certificateArn =
      'arn:aws:acm:us-east-1:111111111111:certificate/2c1f0a5c-0000-4000-8000-000000000000'
    new CountersignStack(app, 'Countersign', {
      domain: { domainName: 'auth.example.com', certificateArn },
      authorizationServer: { signingKeyCustody: 'envelope' },
      examples: false,
    })
  },
  'declared-clients': app => {
    const server = new AuthorizationServer(new Stack(app, 'Server'), 'AuthorizationServer')
    const grants = [{ audience: 'https://orders.example.com', scopes: ['orders:read'] }]
    server.addClient('Billing', { clientName: 'billing', grants })
    server.addClient('Robot', { clientName: 'robot', grants, jwksUri: 'https://robot.example.com/jwks.json' })
  },
  'throttled-rest-api': app => {
    const server = new AuthorizationServer(new Stack(app, 'Server'), 'AuthorizationServer')
    const api = new RestApi(new Stack(app, 'Orders'), 'Api')
    const authorizer = server.authorizeRest({
      audience: 'https://orders.example.com',
      allOf: ['orders:read'],
    })
    api.root.addResource('orders').addMethod('GET', new MockIntegration(), { authorizer })
    server.throttleClients(api, { throttle: { rateLimit: 10, burstLimit: 20 } })
  },
  'two-stacks': app => {
    const stack = new Stack(app, 'Server')
    const server = new AuthorizationServer(stack, 'AuthorizationServer')
    // Another account names the role.
    const assumedBy = new AccountPrincipal('444455556666')
    const { roleArn } = server.addRevocationReader('RevocationReader', { assumedBy })
    new CfnOutput(stack, 'RevocationReaderArn', { value: roleArn })
    const audience = 'https://orders.example.com'
    const orders = new HttpApi(new Stack(app, 'Orders'), 'Api')
    server.addResourceServer({ audience, scopes: { 'orders:read': 'Read orders' } })
    server.addResourceMetadata(orders, { audience })
    orders.addRoutes({
      path: '/orders',
      methods: [HttpMethod.GET],
      integration: new HttpUrlIntegration('Backend', 'https://backend.example.com'),
      authorizer: server.authorize({ audience, allOf: ['orders:read'] }),
    })
  },
}

/** Synthesises an app with the flags of cdk.json; gives the template of each of its stacks. */
export function synthesise(build: (app: App) => void): Record<string, StackTemplate> {
  const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'))
  const outdir = mkdtempSync(join(tmpdir(), 'countersign-baseline-'))
  try {
    process.env.CDK_VALIDATION = 'false'
    const app = new App({ outdir, context: { ...context, 'aws:cdk:enable-path-metadata': true } })
    build(app)
    return Object.fromEntries(app.synth().stacks.map(({ stackName, template }) => [stackName, template]))
  } finally {
    rmSync(outdir, { recursive: true })
  }
}

export function baselinesOf(templates: Readonly<Record<string, StackTemplate>>): Record<string, Baseline> {
  return Object.fromEntries(
    Object.entries(templates).map(([stackName, template]) => [stackName, baselineOf(template)]),
  )
}

export const baselineFile = (deployment: string) => new URL(`${deployment}.json`, import.meta.url)

/** @throws Error when there is none yet */
export function readBaselines(deployment: string): Record<string, Baseline> {
  return JSON.parse(readFileSync(baselineFile(deployment), 'utf8'))
}
