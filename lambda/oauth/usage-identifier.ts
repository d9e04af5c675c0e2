import { createHash } from 'node:crypto'

/** What API Gateway takes as the value of an API key. */
const apiKeyValue = /^[A-Za-z0-9]{20,128}$/

/**
 * The value of a client's API key, by which API Gateway's usage plans count its requests. No credential: an API whose
 * keys come from its authorizer does not look at what a caller sends. It is the `client_id`, or the digest of one that
 * cannot be the value of a key.
 */
export function usageIdentifier(clientId: string): string {
  return apiKeyValue.test(clientId) ? clientId : createHash('sha256').update(clientId).digest('hex')
}
