import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterEach, describe, expect, it } from 'vitest'
import { localCredentials } from '../../../local/local-credentials.ts'
import { startApi, type TestApi } from './http-api.ts'

const credentials = { ...localCredentials }
const open: TestApi[] = []

/** SHA-256 as the signer wants it. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string)
  }
  update(data: Uint8Array) {
    this.#hash.update(data)
  }
  async digest() {
    return new Uint8Array(this.#hash.digest())
  }
  reset() {}
}

interface ToSign {
  method?: string
  path: string
  query?: Record<string, string | string[]>
  headers?: Record<string, string>
  body?: string
}

interface Signer {
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  region?: string
  service?: string
  signingDate?: Date
}

async function start() {
  const api = await startApi({ routes: { 'ANY /admin/{proxy+}': 'AWS_IAM' }, backend: () => ({ ok: true }) })
  open.push(api)
  return api
}

async function sign(api: TestApi, request: ToSign, signer: Signer = {}) {
  const { signingDate, ...settings } = signer
  const signature = new SignatureV4({
    credentials,
    region: 'eu-west-1',
    service: 'execute-api',
    sha256: Sha256,
    ...settings,
  })
  return signature.sign(
    {
      method: request.method ?? 'GET',
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: api.port,
      path: request.path,
      query: request.query ?? {},
      headers: { host: `127.0.0.1:${api.port}`, ...request.headers },
      body: request.body,
    },
    { signingDate },
  )
}

async function send(api: TestApi, request: ToSign, headers: Record<string, string>) {
  const query = Object.entries(request.query ?? {}).flatMap(([name, values]) =>
    [values].flat().map(value => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  )
  const target = `${request.path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const body = request.body ?? ''
  return api.raw(
    `${request.method ?? 'GET'} ${target} HTTP/1.1\r\n${lines.join('')}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function signAndSend(request: ToSign, signer?: Signer) {
  const api = await start()
  const signed = await sign(api, request, signer)
  return { answer: await send(api, request, signed.headers), api }
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

describe('a route with IAM authorization', () => {
  it.each<[string, ToSign]>([
    ['a plain request', { path: '/admin/clients' }],
    [
      'a query',
      { path: '/admin/clients', query: { limit: '10', next_token: 'a+b/c=', b: ['2', '1'], a: '' } },
    ],
    [
      'a query with spaces and reserved characters',
      { path: '/admin/clients', query: { "q'!(*)": "x y~-_.'" } },
    ],
    ['a body', { method: 'POST', path: '/admin/clients', body: '{"client_name":"ü"}' }],
    ['an escaped path', { path: '/admin/clients/a%20b%2Fc' }],
    ['a path with dots and doubled slashes', { path: '/admin/x/..//clients/./a/' }],
    ['headers with spaces', { path: '/admin/x', headers: { 'content-type': ' application/json  ; a=b ' } }],
  ])('takes what the AWS SDK signed: %s', async (_, request) => {
    const { answer, api } = await signAndSend(request)
    expect(answer.status).toBe(200)
    expect(api.backendEvents).toHaveLength(1)
  })

  it('takes a session token that belongs to the local credentials', async () => {
    const sessionToken = 'countersign-local-session'
    const { answer } = await signAndSend(
      { path: '/admin/x' },
      { credentials: { ...credentials, sessionToken } },
    )
    expect(answer.status).toBe(200)
  })

  it('says who signed in requestContext.authorizer.iam', async () => {
    const { api } = await signAndSend({ path: '/admin/clients' })
    expect(api.backendEvents[0].requestContext.authorizer).toEqual({
      iam: {
        accessKey: localCredentials.accessKeyId,
        accountId: '123456789012',
        callerId: 'AIDACOUNTERSIGNLOCAL',
        cognitoIdentity: null,
        principalOrgId: null,
        userArn: 'arn:aws:iam::123456789012:user/local',
        userId: 'AIDACOUNTERSIGNLOCAL',
      },
    })
  })

  it.each<[string, Signer]>([
    ['another secret', { credentials: { ...credentials, secretAccessKey: 'x' } }],
    ['another access key', { credentials: { ...credentials, accessKeyId: 'AKIA' } }],
    ['a foreign session token', { credentials: { ...credentials, sessionToken: 'x' } }],
    ['another Region', { region: 'us-east-1' }],
    ['another service', { service: 'lambda' }],
    ['a date more than 5 minutes ago', { signingDate: new Date(Date.now() - 301_000) }],
    ['a date more than 5 minutes ahead', { signingDate: new Date(Date.now() + 302_000) }],
  ])('answers 403 Forbidden for a signature with %s', async (_, signer) => {
    const { answer, api } = await signAndSend({ path: '/admin/clients' }, signer)
    expect([answer.status, answer.body]).toEqual([403, '{"message":"Forbidden"}'])
    expect(api.backendEvents).toEqual([])
  })

  it('takes a date within 5 minutes', async () => {
    const signingDate = new Date(Date.now() - 290_000)
    expect((await signAndSend({ path: '/admin/x' }, { signingDate })).answer.status).toBe(200)
  })

  const request: ToSign = { method: 'POST', path: '/admin/clients', query: { a: '1' }, body: '{"a":1}' }

  it.each<[string, (headers: Record<string, string>) => [ToSign, Record<string, string>]]>([
    ['another body', headers => [{ ...request, body: '{"a":2}' }, headers]],
    [
      'another body and its hash',
      headers => [
        { ...request, body: '' },
        { ...headers, 'x-amz-content-sha256': sha256('') },
      ],
    ],
    ['an unsigned payload', headers => [request, { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }]],
    ['another path', headers => [{ ...request, path: '/admin/other' }, headers]],
    ['another query', headers => [{ ...request, query: { a: '2' } }, headers]],
    ['another method', headers => [{ ...request, method: 'PUT' }, headers]],
    ['another host', headers => [request, { ...headers, host: 'evil.example' }]],
    ['another date', headers => [request, { ...headers, 'x-amz-date': '20200101T000000Z' }]],
    ['an x-amz- header that is not signed', headers => [request, { ...headers, 'x-amz-extra': '1' }]],
    ['no date', ({ 'x-amz-date': _, ...headers }) => [request, headers]],
    ['no signature', ({ authorization: _, ...headers }) => [request, headers]],
    ['a bearer token', headers => [request, { ...headers, authorization: 'Bearer x' }]],
    [
      'a signature cut short',
      headers => [request, { ...headers, authorization: headers.authorization?.slice(0, -1) ?? '' }],
    ],
    ['a signature twice', headers => [request, { ...headers, Authorization: headers.authorization ?? '' }]],
    ['host left out of the signed headers', headers => [request, withoutSigned('host', headers)]],
  ])('answers 403 Forbidden for %s', async (_, change) => {
    const api = await start()
    const signed = await sign(api, request)
    const [sent, headers] = change(signed.headers)
    const answer = await send(api, sent, headers)
    expect([answer.status, answer.body]).toEqual([403, '{"message":"Forbidden"}'])
    expect(api.backendEvents).toEqual([])
  })

  it('does not mind the order in which query parameters are sent', async () => {
    const api = await start()
    const signed = await sign(api, { path: '/admin/x', query: { Param2: 'value2', Param1: 'value1' } })
    const sent = { path: '/admin/x', query: { Param1: 'value1', Param2: 'value2' } }
    expect((await send(api, sent, signed.headers)).status).toBe(200)
  })
})

function sha256(text: string) {
  return createHash('sha256').update(text).digest('hex')
}

function withoutSigned(name: string, headers: Record<string, string>) {
  const authorization = (headers.authorization ?? '').replace(`${name};`, '')
  expect(authorization).not.toBe(headers.authorization)
  return { ...headers, authorization }
}
