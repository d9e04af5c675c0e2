import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stack } from 'aws-cdk-lib'
import { LambdaIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { newApp } from '../lib/synthesis.ts'

export const audience = 'https://library.example.com'

/** Answers with what it is told of the key. */
const backend = `export const handler = async event => ({
  statusCode: 200,
  body: JSON.stringify(event.requestContext.identity.apiKey ?? null),
})`

/** Requests at once; the rate is so low that none comes back during a test. */
export const burst = 3

/** A server in one stack, and in another one the REST API `library`, which throttles by client. */
export function synthesisedThrottling(): string {
  const app = newApp()
  const server = new AuthorizationServer(new Stack(app, 'Server'), 'Countersign')
  server.addResourceServer({ audience, scopes: { 'books:read': 'Read books' } })
  const folder = mkdtempSync(join(tmpdir(), 'countersign-backend-'))
  writeFileSync(join(folder, 'index.mjs'), backend)
  const stack = new Stack(app, 'Library')
  const handler = new LambdaFunction(stack, 'Backend', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromAsset(folder),
  })
  const integration = new LambdaIntegration(handler)
  const api = new RestApi(stack, 'Api', { restApiName: 'library' })
  server.throttleClients(api, { throttle: { rateLimit: 0.001, burstLimit: burst } })
  const authorizer = server.authorizeRest({ audience, allOf: ['books:read'] })
  api.root.addResource('books').addMethod('GET', integration, { authorizer })
  api.root.addResource('health').addMethod('GET', integration)
  const { directory } = app.synth()
  rmSync(folder, { recursive: true })
  return directory
}
