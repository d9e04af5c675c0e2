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

type Routes = ReadonlyArray<readonly [string, ...HttpMethod[]]>

const administration: Routes = [
  ['/admin/clients', POST, GET],
  ['/admin/clients/{client_id}', GET, PUT, DELETE],
  ['/admin/clients/{client_id}/disable', POST],
  ['/admin/clients/{client_id}/enable', POST],
  ['/admin/clients/{client_id}/revoke-tokens', POST],
  ['/admin/clients/{client_id}/secrets', POST],
  ['/admin/clients/{client_id}/secrets/{secret_id}', DELETE],
  ['/admin/tokens/revoke', POST],
  ['/admin/revoke-all', POST],
  ['/admin/resource-servers', POST, GET],
  ['/admin/resource-servers/{resource_server_id}', GET, PUT, DELETE],
]

/** The keeper's own: it alone writes the signing keys. */
const keyAdministration: Routes = [
  ['/admin/keys', GET],
  ['/admin/keys/rotate', POST],
  ['/admin/keys/{kid}/revoke', POST],
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

  const authorizer = new HttpIamAuthorizer()
  const administer = (routes: Routes, integration: HttpLambdaIntegration) =>
    routes.flatMap(([path, ...methods]) => api.addRoutes({ path, methods, integration, authorizer }))
  return [
    ...administer(administration, new HttpLambdaIntegration('Admin', functions.admin)),
    ...administer(keyAdministration, new HttpLambdaIntegration('Keeper', functions.keeper)),
  ]
}
