import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { localSessionToken } from '../functions/environment.ts'
import { localCredentials } from '../local-credentials.ts'
import type { GatewayRequest } from './request.ts'

/** Where a signature must belong. */
export interface SignatureScope {
  accountId: string
  region: string
}

/** How far `X-Amz-Date` may be from the gateway's clock, either way. */
const clockToleranceMilliseconds = 5 * 60 * 1000

const authorizationPattern =
  /^AWS4-HMAC-SHA256 +Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request, *SignedHeaders=([a-z0-9!#$%&'*+.^_`|~;-]+), *Signature=([0-9a-f]{64})$/

/**
 * Verifies the signature (AWS Signature Version 4, in the `Authorization` header) of a request to a route with
 * IAM authorization against the fixed local credentials, and says who signed, as `requestContext.authorizer.iam`.
 *
 * `undefined`: there is no signature, it is malformed, too old, for another Region or service, does not cover
 * `host` and every `x-amz-` header, or is wrong. Signatures in the query string are not accepted.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifySignature(
  request: GatewayRequest,
  scope: SignatureScope,
  nowEpochMilliseconds: number = Date.now(),
): Record<string, unknown> | undefined {
  const { headers } = request
  const [, accessKey, day, region, service, signedHeaders, signature] =
    authorizationPattern.exec(headers.authorization ?? '') ?? []
  const timestamp = headers['x-amz-date'] ?? ''
  if (day === undefined || signedHeaders === undefined || signature === undefined) return undefined
  if (!constantTimeEqual(accessKey ?? '', localCredentials.accessKeyId)) return undefined
  if (region !== scope.region || service !== 'execute-api') return undefined
  if (!isCurrent(timestamp, nowEpochMilliseconds) || !timestamp.startsWith(day)) return undefined
  const sessionToken = headers['x-amz-security-token']
  if (sessionToken !== undefined && !constantTimeEqual(sessionToken, localSessionToken)) return undefined
  const names = signedHeaders.split(';')
  if (!coversRequest(names, headers)) return undefined

  const payloadHash = sha256(request.body)
  const statedHash = headers['x-amz-content-sha256']
  if (statedHash !== undefined && statedHash !== payloadHash) return undefined
  const canonicalRequest = [
    request.method,
    canonicalPath(request.rawPath),
    canonicalQuery(request.rawQueryString),
    ...names.map(name => `${name}:${(headers[name] ?? '').trim().replace(/[ \t]+/g, ' ')}`),
    '',
    signedHeaders,
    payloadHash,
  ].join('\n')
  const credentialScope = `${day}/${region}/${service}/aws4_request`
  const stringToSign = ['AWS4-HMAC-SHA256', timestamp, credentialScope, sha256(canonicalRequest)].join('\n')
  const expected = hmac(signingKey(day, region, service), stringToSign).toString('hex')
  return constantTimeEqual(signature, expected) ? localCaller(scope) : undefined
}

/** The identity of the local credentials. */
function localCaller({ accountId }: SignatureScope): Record<string, unknown> {
  return {
    accessKey: localCredentials.accessKeyId,
    accountId,
    callerId: 'AIDACOUNTERSIGNLOCAL',
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: `arn:aws:iam::${accountId}:user/local`,
    userId: 'AIDACOUNTERSIGNLOCAL',
  }
}

function isCurrent(timestamp: string, nowEpochMilliseconds: number): boolean {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp) ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Math.abs(nowEpochMilliseconds - time) <= clockToleranceMilliseconds
}

function coversRequest(names: readonly string[], headers: Record<string, string>): boolean {
  const inOrder = names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name)
  const present = names.every(name => headers[name] !== undefined)
  const amazonHeaders = Object.keys(headers).filter(name => name.startsWith('x-amz-'))
  return inOrder && present && ['host', ...amazonHeaders].every(name => names.includes(name))
}

// Every service but S3 wants the path normalised and, as it is sent, encoded once more.
function canonicalPath(rawPath: string): string {
  const segments: string[] = []
  for (const segment of rawPath.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  const trailing = segments.length > 0 && rawPath.endsWith('/') ? '/' : ''
  return `/${segments.map(encode).join('/')}${trailing}`
}

function canonicalQuery(rawQueryString: string): string {
  return [...new URLSearchParams(rawQueryString)]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : x > y ? 1 : 0) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    found => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function signingKey(...scope: string[]): Buffer {
  return [...scope, 'aws4_request'].reduce<Buffer>(
    hmac,
    Buffer.from(`AWS4${localCredentials.secretAccessKey}`),
  )
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

// Hashed first, so that values of different lengths take the same time as well.
function constantTimeEqual(left: string, right: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(left).digest(),
    createHash('sha256').update(right).digest(),
  )
}
