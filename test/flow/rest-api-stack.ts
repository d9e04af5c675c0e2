import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duration } from 'aws-cdk-lib'
import { LambdaIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp } from '../lib/synthesis.ts'

/** Answers with what it is told. */
const backend = `export const handler = async event => ({
  statusCode: 200,
  headers: { 'WWW-Authenticate': 'Bearer', 'content-type': 'application/json' },
  body: JSON.stringify({
    resource: event.resource,
    pathParameters: event.pathParameters,
    authorizer: event.requestContext.authorizer ?? null,
  }),
})`

export const audience = 'https://library.example.com'

/** A server with a decision cache and a REST API `library`, synthesised; gives the folder of its cloud assembly. */
export function synthesisedRestApi(): string {
  const app = newApp()
  const authorizationServer = {
    decisionCacheTtl: Duration.seconds(4),
    maxRevocationDelay: Duration.seconds(5),
  }
  const stack = new CountersignStack(app, 'Countersign', { authorizationServer })
  const server = stack.node.findChild('AuthorizationServer')
  if (!(server instanceof AuthorizationServer)) throw new Error('the stack has no server')
  server.addResourceServer({
    audience,
    scopes: { 'books:read': 'Read books', 'books:write': 'Change books', 'books:admin': 'Read loans' },
  })
  const folder = mkdtempSync(join(tmpdir(), 'countersign-backend-'))
  writeFileSync(join(folder, 'index.mjs'), backend)
  const handler = new LambdaFunction(stack, 'Backend', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromAsset(folder),
  })
  const needs = (allOf: string) => ({ authorizer: server.authorizeRest({ audience, allOf: [allOf] }) })
  const integration = new LambdaIntegration(handler)
  const api = new RestApi(stack, 'Api', { restApiName: 'library' })
  api.root.addResource('health').addMethod('GET', integration)
  const books = api.root.addResource('books')
  books.addMethod('GET', integration, needs('books:read'))
  const book = books.addResource('{isbn}')
  book.addMethod('GET', integration, needs('books:read'))
  book.addMethod('ANY', integration, needs('books:write'))
  book.addResource('loans').addMethod('GET', integration, needs('books:admin'))
  server.addResourceMetadata(api, { audience })
  const { directory } = app.synth()
  rmSync(folder, { recursive: true })
  return directory
}
