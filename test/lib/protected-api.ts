import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type App, Stack } from 'aws-cdk-lib'
import { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpUrlIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { bundleOf, type FunctionName } from '../lambda/support/bundled-function.ts'
import { newApp, type Synthesis } from './synthesis.ts'

export const audience = 'https://orders.example.com'
/** An integration of one API; CDK refuses it to a second one. */
export const backend = () => new HttpUrlIntegration('Backend', 'https://backend.example.com')

/** A server in one stack and an API in another. */
export function twoStacks(app: App = newApp()) {
  const serverStack = new Stack(app, 'Server')
  const server = new AuthorizationServer(serverStack, 'Countersign')
  const apiStack = new Stack(app, 'Orders')
  const api = new HttpApi(apiStack, 'Api')
  return { app, serverStack, server, apiStack, api, integration: backend() }
}

/** The route table that lies beside the code of the authorizer of an API. */
export function routeTable(app: App, synthesis: Synthesis, apiPath = 'Api'): string {
  return authorizerFile(app, synthesis, 'routes.json', apiPath)
}

/** Which of the bundled functions the authorizer of an API is. */
export function authorizerBundle(app: App, synthesis: Synthesis, apiPath = 'Api'): FunctionName | undefined {
  const code = authorizerFile(app, synthesis, 'index.mjs', apiPath)
  const names = ['authorizer', 'rest-authorizer', 'remote-authorizer', 'remote-rest-authorizer'] as const
  return names.find(name => readFileSync(bundleOf(name), 'utf8') === code)
}

function authorizerFile(app: App, synthesis: Synthesis, file: string, apiPath: string): string {
  const { Metadata } = synthesis.at(`${apiPath}/CountersignAuthorizer/Function`)
  const asset = Metadata['aws:asset:path'] ?? ''
  return readFileSync(join(app.outdir, asset, file), 'utf8')
}
