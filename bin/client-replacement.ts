import type { JsonWebKey } from 'node:crypto'
import type { ClientDocument } from './client-document.ts'
import { bodyOf, type ClientSettings } from './client-settings.ts'
import { type AssertionAlgorithm, algorithmsOf, assertionAlgorithms } from './key-pair.ts'

const keyMembers = ['jwks', 'jwks_uri', 'token_endpoint_auth_signing_alg'] as const
const authenticationMembers = ['token_endpoint_auth_method', ...keyMembers] as const

/**
 * The body of a full replacement (RFC 7592 §2.2), bound to the version that was read: what the settings name, and the
 * rest as it was. The members about keys belong to `private_key_jwt`, and new keys replace the old, wherever they were.
 */
export function replacementOf(client: ClientDocument, settings: ClientSettings): Record<string, unknown> {
  const method = settings.token_endpoint_auth_method ?? client.token_endpoint_auth_method
  return bodyOf({
    client_name: client.client_name,
    grants: client.grants,
    resource_server: client.resource_server,
    access_token_lifetime: client.access_token_lifetime,
    ...(method === 'private_key_jwt' ? keysOf(client, settings) : {}),
    ...settings,
    token_endpoint_auth_method: method,
    version: client.version,
  })
}

/** The algorithm stays as long as the keys can be for it. */
function keysOf(client: ClientDocument, settings: ClientSettings) {
  const { token_endpoint_auth_signing_alg, jwks, jwks_uri } = client
  if (settings.jwks !== undefined)
    return settings.jwks.keys.every(key => canBeFor(key, token_endpoint_auth_signing_alg))
      ? { token_endpoint_auth_signing_alg }
      : {}
  if (settings.jwks_uri !== undefined) return { token_endpoint_auth_signing_alg }
  return { token_endpoint_auth_signing_alg, jwks, jwks_uri }
}

function canBeFor(key: JsonWebKey, algorithm: string | undefined): boolean {
  return typeof key === 'object' && key !== null && algorithmsOf(key).some(each => each === algorithm)
}

/** The algorithm of a key that is made for a client: the one it has registered, if that is one of ours. */
export function registeredAlgorithm(client: ClientDocument): AssertionAlgorithm | undefined {
  return assertionAlgorithms.find(each => each === client.token_endpoint_auth_signing_alg)
}

/** Whether somebody changed between two reads what the settings change too. */
export function touchesSame(before: ClientDocument, now: ClientDocument, settings: ClientSettings): boolean {
  const named = Object.keys(settings) as (keyof ClientSettings)[]
  // How a client authenticates is one thing.
  const isAboutKeys = named.some(name => authenticationMembers.some(member => member === name))
  return [...named, ...(isAboutKeys ? authenticationMembers : [])].some(
    member => JSON.stringify(before[member]) !== JSON.stringify(now[member]),
  )
}
