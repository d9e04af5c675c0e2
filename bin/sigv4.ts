import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from './aws-settings.ts'

export interface RequestToSign {
  method: string
  url: URL
  /** Every one of these is signed; `host` and `x-amz-date` are added. */
  headers: Readonly<Record<string, string>>
  body: string
}

export interface SigningScope {
  credentials: AwsCredentials
  region: string
  /** The service's signing name, such as `execute-api`. */
  service: string
  now: Date
}

/**
 * AWS Signature Version 4 in the Authorization header. Returns the headers to send, without `host`,
 * which the HTTP client sets from the URL.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signRequest(request: RequestToSign, scope: SigningScope): Record<string, string> {
  const timestamp = scope.now.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = timestamp.slice(0, 8)
  const { accessKeyId, secretAccessKey, sessionToken } = scope.credentials
  const sent: Record<string, string> = {
    ...request.headers,
    'x-amz-date': timestamp,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  }
  const { names, lines } = canonicalHeaders({ ...sent, host: request.url.host })
  const canonicalRequest = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    lines,
    names,
    sha256(request.body),
  ].join('\n')
  const credentialScope = `${day}/${scope.region}/${scope.service}/aws4_request`
  const stringToSign = ['AWS4-HMAC-SHA256', timestamp, credentialScope, sha256(canonicalRequest)].join('\n')
  const key = [day, scope.region, scope.service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${secretAccessKey}`,
  )
  const signature = hmac(key, stringToSign).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${credentialScope}, SignedHeaders=${names}, Signature=${signature}`
  return { ...sent, authorization }
}

function canonicalHeaders(headers: Record<string, string>): { names: string; lines: string } {
  const pairs = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/\s+/g, ' ')] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return {
    names: pairs.map(([name]) => name).join(';'),
    lines: pairs.map(([name, value]) => `${name}:${value}\n`).join(''),
  }
}

// Every service but S3 wants the path encoded once more than it is sent.
function canonicalPath(url: URL): string {
  return url.pathname.split('/').map(encode).join('/')
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    found => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
