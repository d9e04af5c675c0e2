import { App, CfnOutput, Duration } from 'aws-cdk-lib'
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import type { AuthorizationServer } from '../../lib/authorization-server.ts'
import { readContextSettings } from '../../lib/context-settings.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import {
  ExampleApi,
  ordersRoutes,
  ordersScopes,
  paymentsRoutes,
  paymentsScopes,
} from '../../lib/example-api.ts'

// The app of bin/countersign-app.ts one release later: the payments API has a new route, which needs a new scope; and it
// declares a client, unless `--context withoutClient=true` says that it does so no longer.
const app = new App()
const settings = readContextSettings(app.node)
const stack = new CountersignStack(app, 'Countersign', { ...settings, examples: false })
const authorizationServer = stack.node.findChild('AuthorizationServer') as AuthorizationServer
const history = {
  path: '/payments/{id}/history',
  method: HttpMethod.GET,
  needs: { allOf: ['payments:audit'] },
}
const apis = [
  { id: 'Orders', scopes: ordersScopes, routes: ordersRoutes },
  {
    id: 'Payments',
    scopes: { ...paymentsScopes, 'payments:audit': 'Read the history of payments' },
    routes: [...paymentsRoutes, history],
  },
]
for (const { id, scopes, routes } of apis) {
  const apiName = id.toLowerCase()
  const audience = `https://${apiName}.example.com`
  const api = new ExampleApi(stack, id, { authorizationServer, apiName, audience, scopes, routes })
  new CfnOutput(stack, `${id}Endpoint`, { value: api.endpoint })
}
if (app.node.tryGetContext('withoutClient') === undefined) {
  const client = authorizationServer.addClient('Nightly', {
    clientName: 'nightly',
    grants: [{ audience: 'https://payments.example.com', scopes: ['payments:read'] }],
    secretOverlap: Duration.minutes(10),
  })
  // MiniStack knows no rotation schedules. The rotator stays.
  client.node.tryRemoveChild('Rotation')
}
