import { type HttpApi, HttpMethod, type HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { optionalEndpoints } from '../lambda/oauth/metadata.ts'
import { type AuthorizationServerFunctions, checkOneServer } from './server-functions.ts'

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
 * Adds the routes of the functions that there are. `/token`, `/revoke` and `/introspect` take any method, so that their
 * functions can answer a wrong one with 405 and `Allow`; administration takes requests signed by an IAM principal and
 * nothing else. The issuer is to be the API's endpoint, or the custom domain whose root is mapped to it.
 *
 * @returns the routes of administration
 * @throws Error when the functions are not of one storage, or not of one issuer
 */
export function addServerRoutes(api: HttpApi, functions: AuthorizationServerFunctions): readonly HttpRoute[] {
  checkOneServer(functions)
  const add = (paths: readonly string[], method: HttpMethod, id: string, handler: IFunction | undefined) => {
    if (handler === undefined) return
    const integration = new HttpLambdaIntegration(id, handler)
    for (const path of paths) api.addRoutes({ path, methods: [method], integration })
  }
  add(['/token'], ANY, 'Token', functions.token)
  add(['/revoke'], ANY, 'Revoke', functions.revocation)
  add(['/introspect'], ANY, 'Introspect', functions.introspection)
  add(metadataPaths, GET, 'Metadata', functions.metadata)
  const present = optionalEndpoints.filter(endpoint => functions[endpoint] !== undefined)
  if (present.length < optionalEndpoints.length) {
    functions.metadata.addEnvironment('OPTIONAL_ENDPOINTS', present.join(' ') || 'none')
  }
  if (functions.administration === undefined) return []

  const authorizer = new HttpIamAuthorizer()
  const administer = (routes: Routes, id: string, handler: IFunction) => {
    const integration = new HttpLambdaIntegration(id, handler)
    return routes.flatMap(([path, ...methods]) => api.addRoutes({ path, methods, integration, authorizer }))
  }
  return [
    ...administer(administration, 'Admin', functions.administration),
    ...administer(keyAdministration, 'Keeper', functions.keeper),
  ]
}
