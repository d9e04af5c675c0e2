import { createHash } from 'node:crypto'
import type { HttpRequest, HttpResponse } from './http.ts'

/**
 * A public JSON document with a cache lifetime and a strong ETag (RFC 9110 §8.8.3), readable from any origin: the
 * only documents of this server that may be.
 *
 * @param maxAgeSeconds how long anybody may reuse it
 * @returns 200, or 304 when `If-None-Match` has its tag
 */
export function publicDocument(
  request: Pick<HttpRequest, 'headers'>,
  document: object,
  maxAgeSeconds: number,
): HttpResponse {
  const body = JSON.stringify(document)
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
  const headers = {
    'access-control-allow-origin': '*',
    'cache-control': `public, max-age=${maxAgeSeconds}`,
    etag,
  }
  if (matches(request.headers['if-none-match'], etag)) return { status: 304, headers, body: '' }
  return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body }
}

/** RFC 9110 §13.1.2: a list of tags, compared weakly, or `*`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some(tag => ['*', etag, `W/${etag}`].includes(tag.trim()))
}
