import { createHash, createHmac } from 'node:crypto'
import { localCredentials } from './local-credentials.ts'

/**
 * Calls a route with IAM authorization as the local administrator: signs with AWS Signature Version 4 and
 * the fixed local credentials. The URL has no query.
 *
 * @param body sent as JSON
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function fetchSigned(
  method: 'GET' | 'POST',
  url: string,
  region: string,
  body?: object,
): Promise<Response> {
  const { host, pathname } = new URL(url)
  const content = body === undefined ? '' : JSON.stringify(body)
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = [timestamp.slice(0, 8), region, 'execute-api', 'aws4_request']
  const canonicalRequest = [
    method,
    pathname.split('/').map(encodeURIComponent).join('/'),
    '',
    `host:${host}`,
    `x-amz-date:${timestamp}`,
    '',
    'host;x-amz-date',
    sha256(content),
  ].join('\n')
  const stringToSign = ['AWS4-HMAC-SHA256', timestamp, scope.join('/'), sha256(canonicalRequest)].join('\n')
  const key = scope.reduce(hmac, Buffer.from(`AWS4${localCredentials.secretAccessKey}`))
  const credential = `${localCredentials.accessKeyId}/${scope.join('/')}`
  const signature = hmac(key, stringToSign).toString('hex')
  return fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      'x-amz-date': timestamp,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    },
    body: body === undefined ? undefined : content,
  })
}

function hmac(key: Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}
