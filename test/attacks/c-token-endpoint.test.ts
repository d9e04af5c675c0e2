import { beforeAll, describe, expect, it } from 'vitest'
import { basic, type RegisteredClient } from '../flow/local-stack.ts'
import {
  corsHeaders,
  endpointNames,
  endpoints,
  formType,
  grant,
  useAttackedEndpoints,
} from './support/attacked-endpoints.ts'

const attackedEndpoints = useAttackedEndpoints()
let client: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
})

const inBody = () => `client_id=${client.client_id}&client_secret=${client.client_secret}`
const typeField = `Content-Type: ${formType}`
const authorizationField = () => `Authorization: ${basic(client)}`

describe.each(endpointNames)('the %s endpoint', endpoint => {
  const { form } = endpoints[endpoint]
  const pathname = () => new URL(attackedEndpoints().url(endpoint)).pathname

  it('C1: takes no GET with its parameters in the query, and logs nothing of them (RFC 6749 §3.2)', async () => {
    for (const query of [`?${form}`, `?${form}&${inBody()}`, '']) {
      const answer = await attackedEndpoints().refused(
        endpoint,
        { method: 'GET', query, client },
        'method_not_allowed',
      )
      expect(answer.headers.get('allow')).toBe('POST')
      expect(answer.event).not.toHaveProperty('clientId')
    }
  })

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'C2: takes no %s, whatever it is said to stand for (RFC 9110 §15.5.6)',
    async method => {
      const headers = {
        'x-http-method-override': 'POST',
        'x-http-method': 'POST',
        'x-method-override': 'POST',
      }
      const request = { method, client, headers, and: '_method=POST' }
      const answer = await attackedEndpoints().refused(endpoint, request, 'method_not_allowed')
      expect(answer.headers.get('allow')).toBe('POST')
    },
  )

  it('C2: takes no HEAD, and answers it without content (RFC 9110 §9.3.2)', async () => {
    const { attacked, send } = attackedEndpoints()
    const answer = await attacked.refused(endpoints[endpoint].audit, () =>
      send.call(attackedEndpoints(), endpoint, { method: 'HEAD', client }),
    )
    expect([answer.status, answer.headers.get('allow'), answer.body]).toEqual([405, 'POST', ''])
    expect([answer.headers.get('cache-control'), answer.event.reason]).toEqual([
      'no-store',
      'method_not_allowed',
    ])
  })

  it.each(['TRACE', 'CONNECT', 'PROPFIND', 'post', 'Post', 'POSTS', 'P OST', 'GET\tPOST'])(
    'C2: lets no method %j through the gateway',
    async method => {
      const request = {
        startLine: `${method} ${pathname()} HTTP/1.1`,
        fields: [typeField, authorizationField()],
      }
      const { status } = await attackedEndpoints().attacked.answeredByGateway(() =>
        attackedEndpoints().sendRaw(endpoint, request),
      )
      expect([400, 404, 405]).toContain(status)
    },
  )

  it('C2: takes a POST that is said to stand for another method', async () => {
    const headers = { 'x-http-method-override': 'GET', 'x-original-url': '/admin/clients' }
    await attackedEndpoints().allowed(endpoint, { client, headers, and: '_method=DELETE' })
  })

  it('C3: takes nothing from the query of a POST, where logs would keep it (RFC 6749 §2.3.1)', async () => {
    for (const query of [`?${inBody()}`, `?${form}`, '?x', '?=', '?%', '?a=1?b=2', '??']) {
      await attackedEndpoints().refused(endpoint, { query, client }, 'query_not_allowed')
    }
    await attackedEndpoints().allowed(endpoint, { query: '?', client })
  })

  it.each(['/', '//', '/.', '/x', '%2f', '%20', ';x=1', '.json', '%00'])(
    'C3: is at no other path: with %j after it',
    async suffix => {
      const startLine = `POST ${pathname()}${suffix} HTTP/1.1`
      const request = { startLine, fields: [typeField, authorizationField()] }
      const answer = await attackedEndpoints().attacked.answeredByGateway(() =>
        attackedEndpoints().sendRaw(endpoint, request),
      )
      expect(answer.status).toBe(404)
    },
  )

  it.each([
    ['missing', []],
    ['empty', ['Content-Type:']],
    ['blank', ['Content-Type: \t ']],
  ])('C4: takes no form whose content type is %s (RFC 6749 §4.4.2)', async (_, fields) => {
    const request = { fields: [...fields, authorizationField()] }
    await attackedEndpoints().refusedRaw(endpoint, request, 'content_type_unsupported')
  })

  it.each([
    'application/json',
    'application/xml',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; application/x-www-form-urlencoded',
    `${formType}x`,
    `${formType}+json`,
    `${formType}/x`,
    `${formType} x`,
    `x${formType}`,
    `x-${formType}`,
    'application/x-www-form-urlencode',
    'application/ x-www-form-urlencoded',
    'x-www-form-urlencoded',
    '*/*',
  ])('C5: takes no form that is said to be %s (RFC 6749 Appendix B)', async type => {
    const headers = { 'content-type': type }
    await attackedEndpoints().refused(endpoint, { client, headers }, 'content_type_unsupported')
  })

  it('C5: takes neither JSON nor multipart, said to be a form or not (RFC 6749 Appendix B)', async () => {
    const members = Object.fromEntries(new URLSearchParams(form))
    const json = JSON.stringify({
      ...members,
      client_id: client.client_id,
      client_secret: client.client_secret,
    })
    const parts = Object.entries(members).map(
      ([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    const multipart = `${parts.join('')}--x--\r\n`
    for (const [type, body] of [
      ['application/json', json],
      ['multipart/form-data; boundary=x', multipart],
    ] as const) {
      const headers = { 'content-type': type }
      await attackedEndpoints().refused(endpoint, { client, body, headers }, 'content_type_unsupported')
      const reason = endpoint === 'token' ? 'grant_type_missing' : 'token_missing'
      await attackedEndpoints().refused(endpoint, { client, body }, reason)
    }
  })

  it.each([`${formType};charset=UTF-8`, `${formType} ; charset=utf-8`, 'Application/X-WWW-Form-URLencoded'])(
    'C6: takes a form that is said to be %s: a parameter means nothing, nor does case (RFC 9110 §8.3.1)',
    async type => {
      await attackedEndpoints().allowed(endpoint, { client, headers: { 'content-type': type } })
    },
  )

  it.each([
    [formType, formType],
    [formType, 'application/json'],
    ['application/json', formType],
    [`${formType};charset=UTF-8`, formType],
    [formType, ''],
  ])('C7: takes no form with two content types: %s and %s (RFC 9110 §5.3)', async (first, second) => {
    const repeated = [`Content-Type: ${first}`, `content-type: ${second}`, authorizationField()]
    await attackedEndpoints().refusedRaw(endpoint, { fields: repeated }, 'content_type_unsupported')
    const joined = [`Content-Type: ${first}, ${second}`, authorizationField()]
    await attackedEndpoints().refusedRaw(endpoint, { fields: joined }, 'content_type_unsupported')
  })

  it.each(['https://evil.example', 'null', 'http://127.0.0.1', 'https://auth.example.com.evil.example'])(
    'C22: lets no page of the origin %s read an answer, nor ask beforehand (RFC 7009 §2.3)',
    async origin => {
      const headers = {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
        'access-control-request-private-network': 'true',
      }
      const preflight = await attackedEndpoints().refused(
        endpoint,
        { method: 'OPTIONS', headers },
        'method_not_allowed',
      )
      const refused = await attackedEndpoints().refused(endpoint, { headers }, 'credentials_missing')
      const allowed = await attackedEndpoints().allowed(endpoint, { client, headers })
      for (const answer of [preflight, refused, allowed]) expect(corsHeaders(answer)).toEqual([])
    },
  )

  it('C23: knows no session: cookies neither authenticate nor come back', async () => {
    const cookie = `client_id=${client.client_id}; client_secret=${client.client_secret}; session=1`
    await attackedEndpoints().refused(endpoint, { headers: { cookie } }, 'credentials_missing')
    const { headers } = await attackedEndpoints().allowed(endpoint, { client, headers: { cookie } })
    expect(headers.getSetCookie()).toEqual([])
  })

  it('C24: trusts no header that speaks for the connection', async () => {
    const headers = {
      forwarded: 'for=203.0.113.9;proto=https',
      'x-forwarded-for': '203.0.113.9',
      'x-real-ip': '203.0.113.9',
      'x-client-cert': 'MIIB',
      'x-amzn-oidc-identity': client.client_id,
    }
    const { event } = await attackedEndpoints().refused(endpoint, { headers }, 'credentials_missing')
    expect(event.sourceIp).toBe('127.0.0.1')
  })
})

describe('the gateway before the token endpoint', () => {
  const fields = () => [typeField, authorizationField()]

  it('C25: passes HTTP/1.0, an expectation and a hundred headers on as they are', async () => {
    await attackedEndpoints().allowedRaw('token', { startLine: 'POST /token HTTP/1.0', fields: fields() })
    const many = Array.from({ length: 100 }, (_, index) => `X-Header-${index}: ${index}`)
    await attackedEndpoints().allowedRaw('token', { fields: [...many, ...fields()] })
    const absolute = `POST ${attackedEndpoints().url('token')} HTTP/1.1`
    await attackedEndpoints().allowedRaw('token', { startLine: absolute, fields: fields() })
    const { status, body } = await attackedEndpoints().sendRaw('token', {
      fields: ['Expect: 100-continue', ...fields()],
    })
    expect([status, body.split('\r\n')[0]]).toEqual([100, 'HTTP/1.1 200 OK'])
  })

  it.each<[string, number, () => string[]]>([
    ['headers of more than 10,240 bytes', 431, () => [`X-Long: ${'x'.repeat(10_240)}`]],
    ['a credential of more than 10,240 bytes', 431, () => [`Authorization: Basic ${'x'.repeat(10_240)}`]],
    [
      'many headers of more than 10,240 bytes',
      431,
      () => Array.from({ length: 600 }, (_, n) => `X-${n}: some value`),
    ],
    ['an expectation that nobody knows', 417, () => ['Expect: 200-ok']],
    ['a length and chunks', 400, () => ['Transfer-Encoding: chunked']],
    ['two lengths', 400, () => ['Content-Length: 1']],
    ['a space before the colon', 400, () => ['Transfer-Encoding : chunked']],
    ['a name with a space', 400, () => ['X Y: z']],
    ['a line without a colon', 400, () => ['nothing']],
    ['a NUL in a value', 400, () => ['X-Nul: a\0b']],
    ['a bare CR in a value', 400, () => ['X-Cr: a\rb']],
  ])('C25: refuses %s with %i', async (_, status, more) => {
    const answer = await attackedEndpoints().attacked.answeredByGateway(() =>
      attackedEndpoints().sendRaw('token', { fields: [...fields(), ...more()] }),
    )
    expect(answer.status).toBe(status)
  })

  it('C25: refuses a version of HTTP that it does not speak', async () => {
    for (const version of ['HTTP/1.2', 'HTTP/1.x', 'HTTP/9.9', 'HTTPS/1.1', 'http/1.1']) {
      const startLine = `POST /token ${version}`
      const answer = await attackedEndpoints().attacked.answeredByGateway(() =>
        attackedEndpoints().sendRaw('token', { startLine, fields: fields() }),
      )
      expect(answer.status).toBe(400)
    }
  })

  it('C25: does not take the rest of a request for another one', async () => {
    const smuggled = `${grant}\r\n\r\nPOST /token HTTP/1.1\r\n`
    await attackedEndpoints().refusedRaw(
      'token',
      { fields: fields(), body: smuggled },
      'grant_type_unsupported',
    )
  })
})
