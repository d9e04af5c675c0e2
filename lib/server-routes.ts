import { type HttpApi, HttpMethod, type HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { ServerFunctions } from './server-functions.ts'

const { ANY, DELETE, GET, POST, PUT } = HttpMethod

const metadataPaths = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/.well-known/jwks.json',
]

const administration: ReadonlyArray<readonly [string, ...HttpMethod[]]> = [
  ['/admin/clients', POST, GET],
  ['/admin/clients/{client_id}', GET, PUT, DELETE],
  ['/admin/clients/{client_id}/disable', POST],
  ['/admin/clients/{client_id}/enable', POST],
  ['/admin/clients/{client_id}/revoke-tokens', POST],
  ['/admin/clients/{client_id}/secrets', POST],
  ['/admin/clients/{client_id}/secrets/{secret_id}', DELETE],
  ['/admin/tokens/revoke', POST],
  ['/admin/resource-servers', POST, GET],
  ['/admin/resource-servers/{resource_server_id}', GET, PUT, DELETE],
]

/**
 * Adds the server's routes. `/token`, `/revoke` and `/introspect` take any method, so that their functions can answer a
 * wrong one with 405 and `Allow`; administration takes requests signed by an IAM principal and nothing else.
 *
 * @returns the routes of administration
 */
export function addServerRoutes(api: HttpApi, functions: ServerFunctions): readonly HttpRoute[] {
  api.addRoutes({
    path: '/token',
    methods: [ANY],
    integration: new HttpLambdaIntegration('Token', functions.token),
  })
  api.addRoutes({
    path: '/revoke',
    methods: [ANY],
    integration: new HttpLambdaIntegration('Revoke', functions.revoke),
  })
  api.addRoutes({
    path: '/introspect',
    methods: [ANY],
    integration: new HttpLambdaIntegration('Introspect', functions.introspect),
  })
  const metadata = new HttpLambdaIntegration('Metadata', functions.metadata)
  for (const path of metadataPaths) api.addRoutes({ path, methods: [GET], integration: metadata })

  const admin = new HttpLambdaIntegration('Admin', functions.admin)
  const authorizer = new HttpIamAuthorizer()
  return administration.flatMap(([path, ...methods]) =>
    api.addRoutes({ path, methods, integration: admin, authorizer }),
  )
}
