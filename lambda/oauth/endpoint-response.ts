import type { HttpResponse } from './http.ts'
import type { OAuthError } from './oauth-error.ts'

/** RFC 6749 §5.1: neither tokens nor errors may be cached. */
const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** A 200 of the token or introspection endpoint (RFC 6749 §5.1). */
export function jsonResponse(body: object): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...noStore },
    body: JSON.stringify(body),
  }
}

/** A 200 without content, as the revocation endpoint answers (RFC 7009 §2.2). */
export function emptyResponse(): HttpResponse {
  return { status: 200, headers: noStore, body: '' }
}

/** RFC 6749 §5.2. The only place that turns an error into what a client sees. */
export function errorResponse(error: OAuthError): HttpResponse {
  const headers: Record<string, string> = { 'content-type': 'application/json', ...noStore }
  if (error.status === 401) headers['www-authenticate'] = 'Basic realm="countersign", charset="UTF-8"'
  if (error.status === 405) headers.allow = 'POST'
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds)
  const body = JSON.stringify({ error: error.code, error_description: error.description })
  return { status: error.status, headers, body }
}
