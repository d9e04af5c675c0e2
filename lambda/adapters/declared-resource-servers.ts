import type { DeclaredResourceServer } from '../oauth/administration/register-declared.ts'
import { parseResourceServer } from '../oauth/administration/resource-server-metadata.ts'

/**
 * The custom resource's properties as the constructs write them: CloudFormation turns numbers into text.
 *
 * @throws AdministrationError when they are not what the constructs write
 */
export function parseDeclared(properties: Readonly<Record<string, unknown>>): DeclaredResourceServer[] {
  const declared = Array.isArray(properties.ResourceServers) ? properties.ResourceServers : []
  return declared.map(server =>
    parseResourceServer({
      audience: server.Audience,
      scopes: (server.Scopes ?? []).map((entry: Record<string, unknown>) => ({
        scope: entry.Scope,
        description: entry.Description ?? '',
      })),
      ...(server.AccessTokenLifetimeSeconds === undefined
        ? {}
        : { access_token_lifetime: Number(server.AccessTokenLifetimeSeconds) }),
    }),
  )
}
