import { Stack } from 'aws-cdk-lib'
import { MockIntegration, RestApi, type RestApiProps } from 'aws-cdk-lib/aws-apigateway'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import type { ClientThrottlingOptions } from '../../lib/client-throttling.ts'
import { audience } from './protected-api.ts'
import { newApp, Synthesis } from './synthesis.ts'

export const throttle = { rateLimit: 10, burstLimit: 20 }

/** A server, and a REST API in another stack. */
export function twoStacks(props: RestApiProps = {}) {
  const app = newApp()
  const serverStack = new Stack(app, 'Server')
  const server = new AuthorizationServer(serverStack, 'Countersign')
  const stack = new Stack(app, 'Orders')
  const api = new RestApi(stack, 'Api', props)
  const authorizer = () => server.authorizeRest({ audience, allOf: ['orders:read'] })
  const protect = (of = api) =>
    of.root.addResource('orders').addMethod('GET', new MockIntegration(), { authorizer: authorizer() })
  return { app, serverStack, server, stack, api, protect, authorizer }
}

export function throttled(options: ClientThrottlingOptions = { throttle }, props: RestApiProps = {}) {
  const made = twoStacks(props)
  made.server.throttleClients(made.api, options)
  made.protect()
  made.api.root.addResource('health').addMethod('GET', new MockIntegration())
  const [server, orders] = [new Synthesis(made.serverStack), new Synthesis(made.stack)]
  return { ...made, templates: { server, orders } }
}
