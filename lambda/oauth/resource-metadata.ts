/** RFC 9728 §3: where a protected resource says which authorization server it trusts. */
const wellKnown = '/.well-known/oauth-protected-resource'

/**
 * The path of a resource's metadata: the well-known one with the path of the resource after it (RFC 9728 §3.1).
 *
 * @returns undefined for a resource that is no https URL and can have no metadata
 */
export function resourceMetadataPath(resource: string): string | undefined {
  if (!URL.canParse(resource)) return undefined
  const { protocol, pathname, search } = new URL(resource)
  if (protocol !== 'https:' || search !== '') return undefined
  return pathname === '/' ? wellKnown : wellKnown + pathname
}

/** Protected resource metadata (RFC 9728 §2). */
export function protectedResourceMetadata(resource: string, issuer: string, scopes: readonly string[]) {
  return {
    resource,
    authorization_servers: [issuer],
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
  }
}
