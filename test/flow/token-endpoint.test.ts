import { describe, expect, it } from 'vitest'
import { basic, orders, payments, type RegisteredClient, useLocalStack } from './local-stack.ts'

const stack = useLocalStack()
const form = 'application/x-www-form-urlencoded'

interface Answer {
  readonly status: number
  readonly error: unknown
  readonly headers: Headers
}

/** Sends a request to the token endpoint as it stands, and checks what every answer of it must have. */
async function send(init: RequestInit & { query?: string }): Promise<Answer> {
  const response = await fetch(stack().endpoints.tokenEndpoint + (init.query ?? ''), init)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('pragma')).toBe('no-cache')
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
  expect(response.headers.get('set-cookie')).toBeNull()
  const text = await response.text()
  if (text === '') return { status: response.status, error: undefined, headers: response.headers }
  expect(response.headers.get('content-type')).toBe('application/json')
  const { error, error_description } = JSON.parse(text)
  if (response.status !== 200) expect(error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  return { status: response.status, error, headers: response.headers }
}

function post(
  client: RegisteredClient | undefined,
  body: string | Uint8Array<ArrayBuffer>,
  more: Record<string, string> = {},
) {
  const authorization: Record<string, string> = client === undefined ? {} : { authorization: basic(client) }
  return send({ method: 'POST', body, headers: { 'content-type': form, ...authorization, ...more } })
}

describe('the token endpoint', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])(
    'answers %s with 405 and Allow (RFC 6749 §3.2)',
    async method => {
      const { status, headers } = await send({ method, headers: { 'x-http-method-override': 'POST' } })
      expect([status, headers.get('allow')]).toEqual([405, 'POST'])
    },
  )

  it('takes nothing from the query string (RFC 6749 §2.3.1, §3.2)', async () => {
    const client = await stack().register()
    const headers = { 'content-type': form, authorization: basic(client) }
    for (const query of ['?grant_type=client_credentials', `?client_id=${client.client_id}`, '?x']) {
      const answer = await send({ method: 'POST', query, headers, body: 'grant_type=client_credentials' })
      expect([answer.status, answer.error]).toEqual([400, 'invalid_request'])
    }
  })

  it.each([
    [undefined, 400],
    ['application/json', 400],
    ['text/plain', 400],
    ['multipart/form-data; boundary=x', 400],
    [`${form}, ${form}`, 400],
    [`${form};charset=UTF-8`, 200],
    ['Application/X-WWW-Form-Urlencoded', 200],
  ])('answers the content type %s with %i (RFC 6749 §4.4.2)', async (type, expected) => {
    const client = await stack().register()
    const headers: Record<string, string> = {
      authorization: basic(client),
      ...(type ? { 'content-type': type } : {}),
    }
    const body = new TextEncoder().encode('grant_type=client_credentials')
    expect((await send({ method: 'POST', headers, body })).status).toBe(expected)
  })

  it.each([
    ['grant_type=client_credentials&grant_type=client_credentials', 'invalid_request'],
    ['grant_type=client_credentials&scope=orders:read&scope=orders:read', 'invalid_request'],
    ['grant_type=client_credentials&x=1&x=2', 'invalid_request'],
    [`grant_type=client_credentials&resource=${orders}&resource=${payments}`, 'invalid_target'],
    ['grant_type=client_credentials&scope=%zz', 'invalid_request'],
    ['grant_type=client_credentials&scope=%', 'invalid_request'],
    ['grant_type=client_credentials&scope=%c0%af', 'invalid_request'],
    ['grant_type=client_credentials&scope=a%00', 'invalid_request'],
    ['grant_type[]=client_credentials', 'invalid_request'],
    ['', 'invalid_request'],
    ['grant_type=', 'invalid_request'],
    ['grant_type=password', 'unsupported_grant_type'],
    ['grant_type=client_credentials&scope=admin', 'invalid_scope'],
    ['grant_type=client_credentials&scope=orders:read admin', 'invalid_scope'],
    ['grant_type=client_credentials&scope=orders:read++orders:write', 'invalid_scope'],
    ['grant_type=client_credentials&scope=Orders:read', 'invalid_scope'],
    ['grant_type=client_credentials&scope=__proto__', 'invalid_scope'],
    [`grant_type=client_credentials&resource=${payments}`, 'invalid_target'],
    ['grant_type=client_credentials&resource=orders', 'invalid_target'],
    [`grant_type=client_credentials&resource=${orders}%23f`, 'invalid_target'],
    [`grant_type=client_credentials&resource=${orders}/`, 'invalid_target'],
  ])('refuses %s as %s (RFC 6749 §5.2, RFC 8707 §2)', async (body, error) => {
    const answer = await post(await stack().register(), body)
    expect([answer.status, answer.error]).toEqual([400, error])
  })

  it.each([16_384, 16_385, 1_048_576])('answers a body of %i bytes: 16384 are allowed', async size => {
    const start = 'grant_type=client_credentials&x='
    const answer = await post(await stack().register(), start + 'x'.repeat(size - start.length))
    expect([answer.status, answer.error]).toEqual(size > 16_384 ? [400, 'invalid_request'] : [200, undefined])
  })

  it.each([64, 65, 5000])('answers a body of %i parameters: 64 are allowed', async count => {
    const more = Array.from({ length: count - 1 }, (_, index) => `&${index}=`).join('')
    const answer = await post(await stack().register(), `grant_type=client_credentials${more}`)
    expect([answer.status, answer.error]).toEqual(count > 64 ? [400, 'invalid_request'] : [200, undefined])
  })

  it('refuses every failure of client authentication with one answer and a challenge (RFC 6749 §5.2)', async () => {
    const client = await stack().register()
    const disabled = await stack().register()
    await stack().admin('POST', `/clients/${disabled.client_id}/disable`)
    const secret = client.client_secret
    const unregisteredMethod = new URLSearchParams({ client_id: client.client_id, client_secret: secret })
    const requests: [RegisteredClient | undefined, string, Record<string, string>?][] = [
      [undefined, ''],
      [{ ...client, client_secret: 'wrong' }, ''],
      [{ ...client, client_secret: `${secret}x` }, ''],
      [{ ...client, client_id: '0'.repeat(32) }, ''],
      [{ ...client, client_id: '__proto__' }, ''],
      [{ ...client, client_id: 'x'.repeat(2049) }, ''],
      [disabled, ''],
      [undefined, `&${unregisteredMethod}`],
      [undefined, `&client_id=${client.client_id}`],
      [undefined, '', { authorization: 'Bearer x' }],
      [undefined, '', { authorization: 'Basic' }],
      [undefined, '', { authorization: 'Basic !!!' }],
      [undefined, '', { authorization: `Basic ${Buffer.from('nocolon').toString('base64')}` }],
    ]
    for (const [credentials, more, headers] of requests) {
      const answer = await post(credentials, `grant_type=client_credentials${more}`, headers)
      expect([answer.status, answer.error]).toEqual([401, 'invalid_client'])
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="/)
    }
  })

  it('takes client_secret_post from a client that is registered for it, and from no other (RFC 7591 §2)', async () => {
    const client = await stack().register({ token_endpoint_auth_method: 'client_secret_post' })
    const credentials = new URLSearchParams({
      client_id: client.client_id,
      client_secret: client.client_secret,
    })
    expect((await post(undefined, `grant_type=client_credentials&${credentials}`)).status).toBe(200)
    expect((await post(client, 'grant_type=client_credentials')).status).toBe(401)
    const both = await post(client, `grant_type=client_credentials&${credentials}`)
    expect([both.status, both.error]).toEqual([400, 'invalid_request'])
  })

  it('accepts the same client_id in the body and refuses another (RFC 6749 §2.3.1)', async () => {
    const client = await stack().register()
    expect((await post(client, `grant_type=client_credentials&client_id=${client.client_id}`)).status).toBe(
      200,
    )
    const other = await post(client, 'grant_type=client_credentials&client_id=other')
    expect([other.status, other.error]).toEqual([400, 'invalid_request'])
  })

  it('grants the registered scopes of the audience when none are named (RFC 6749 §3.3)', async () => {
    const response = await stack().requestToken(await stack().register(), { scope: '' })
    expect(await response.json()).toMatchObject({ scope: 'orders:read orders:write' })
  })

  it('asks a client of several resources which one it means (RFC 8707 §2)', async () => {
    const grants = [
      { resource: orders, scope: 'orders:read' },
      { resource: payments, scope: 'payments:read' },
    ]
    const client = await stack().register({ grants })
    expect(await (await stack().requestToken(client)).json()).toMatchObject({ error: 'invalid_target' })
    const mixed = await stack().requestToken(client, { resource: orders, scope: 'payments:read' })
    expect(await mixed.json()).toMatchObject({ error: 'invalid_scope' })
  })

  it('gives a client its own lifetime', async () => {
    const client = await stack().register({ access_token_lifetime: 60 })
    expect(await (await stack().requestToken(client)).json()).toMatchObject({ expires_in: 60 })
  })

  it('takes one token request as another whatever its source address', async () => {
    const client = await stack().register()
    expect((await stack().requestToken(client)).status).toBe(200)
  })
})
