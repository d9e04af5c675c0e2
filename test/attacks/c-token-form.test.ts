import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { orders, payments, type RegisteredClient } from '../flow/local-stack.ts'
import {
  type EndpointName,
  endpointNames,
  endpoints,
  useAttackedEndpoints,
} from './support/attacked-endpoints.ts'

const attackedEndpoints = useAttackedEndpoints()
let client: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
})

const refused = (endpoint: EndpointName, body: string | Uint8Array<ArrayBuffer>, reason: RefusalReason) =>
  attackedEndpoints().refused(endpoint, { client, body }, reason)
const allowed = (endpoint: EndpointName, body: string) =>
  attackedEndpoints().allowed(endpoint, { client, body })
const missing = { token: 'grant_type_missing', revoke: 'token_missing', introspect: 'token_missing' } as const

describe.each(endpointNames)('a form at the %s endpoint', endpoint => {
  const { form } = endpoints[endpoint]
  const [name = ''] = form.split('=')

  it.each([
    'client_id=a&client_id=a',
    'client_id=a&client_id=b',
    'client_secret=a&client_secret=a',
    'client_secret=a&client_secret=b',
    'client_assertion=a&client_assertion=a',
    'client_assertion=a&client_assertion=b',
    'client_assertion_type=a&client_assertion_type=a',
    'scope=a&scope=b',
    'scope=a&scope=a',
    'scope=&scope=a',
    'scope=a&scope',
    'scope&scope',
    'token_type_hint=a&token_type_hint=b',
  ])('C10: has no parameter twice: %s (RFC 6749 §3.2)', async twice => {
    await refused(endpoint, `${form}&${twice}`, 'parameter_repeated')
    await refused(endpoint, `${twice}&${form}`, 'parameter_repeated')
  })

  it('C10: has its own parameter once, however the name is written (RFC 6749 §3.2)', async () => {
    const escaped = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`
    for (const again of [
      form,
      `${name}=other`,
      `${name}=`,
      name,
      `${escaped}=other`,
      `${escaped.toUpperCase().slice(0, 3)}${name.slice(1)}=x`,
    ]) {
      await refused(endpoint, `${form}&${again}`, 'parameter_repeated')
      await refused(endpoint, `${again}&${form}`, 'parameter_repeated')
    }
  })

  it.each([
    'x=1&x=2',
    'x=1&x=1',
    'x&x',
    'x=&x',
    '=&=',
    '=1&=2',
    '__proto__=1&__proto__=2',
    'constructor=1&constructor=1',
    'a+b=1&a%20b=2',
    'x=1&%78=2',
    '%C3%BC=1&%c3%bc=2',
    'x[]=1&x[]=2',
  ])('C11: has no unknown parameter twice either: %s (RFC 6749 §3.2)', async twice => {
    await refused(endpoint, `${form}&${twice}`, 'parameter_repeated')
  })

  it('C11: may have a resource once, and unknown parameters, which are ignored (RFC 6749 §3.1)', async () => {
    const twice = `resource=${orders}&resource=${payments}`
    await refused(endpoint, `${form}&${twice}`, 'resource_repeated')
    await refused(endpoint, `${form}&resource=${orders}&resource=${orders}`, 'resource_repeated')
    await allowed(endpoint, `${form}&x=1&X=2&y&=z`)
  })

  it('C12: has the names as they are spelled: case and spaces count (RFC 6749 §3.1)', async () => {
    const value = form.slice(name.length)
    for (const other of [
      name.toUpperCase(),
      `${name}+`,
      `+${name}`,
      `%20${name}`,
      `${name}%09`,
      `${name}.`,
      `?${name}`,
      `%EF%BB%BF${name}`,
      `\uFEFF${name}`,
      `"${name}"`,
    ]) {
      await refused(endpoint, `${other}${value}`, missing[endpoint])
    }
  })

  it.each(['[]', '[0]', '[x]', '%5B%5D', '.x', '[__proto__]', '{}', '%00', ';x'])(
    'C13: has names, not paths: %j after one makes another (CWE-1321)',
    async suffix => {
      const value = form.slice(name.length)
      const reason = suffix === '%00' ? 'parameter_malformed' : missing[endpoint]
      await refused(endpoint, `${name}${suffix}${value}`, reason)
    },
  )

  it('C13: changes nothing but itself, whatever its names are (CWE-1321)', async () => {
    const polluting = [
      'a[__proto__][x]=1',
      `__proto__=${encodeURIComponent('{"isAdmin":true}')}`,
      `__proto__[${name}]=${form.slice(name.length + 1)}`,
      `constructor[prototype][${name}]=x`,
      `prototype.${name}=x`,
      'toString=x&hasOwnProperty=x&valueOf=x&get=x&has=x',
    ]
    for (const parameters of polluting) {
      await allowed(endpoint, `${form}&${parameters}`)
      await refused(endpoint, parameters, missing[endpoint])
    }
    await refused(endpoint, '', missing[endpoint])
  })

  it('C14: must have what it is about: nothing and an empty text are missing (RFC 6749 §3.2)', async () => {
    for (const body of ['', `${name}=`, name, '=', 'x=1', `${name}=&x=1`, `x=${form}`])
      await refused(endpoint, body, missing[endpoint])
  })
})

describe('a grant type', () => {
  it.each([
    ...['password', 'authorization_code', 'refresh_token', 'implicit', 'none', 'null', 'undefined', '*'],
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:device_code',
    ...[
      'Client_Credentials',
      'CLIENT_CREDENTIALS',
      'client-credentials',
      'client_credential',
      'client_credentialss',
    ],
    ...['client_credentials ', ' client_credentials', 'client_credentials\n', 'client_credentials,password'],
    ...[
      'client_credentials password',
      'client_credentials;scope=x',
      'ｃlient_credentials',
      'cl\u0131ent_credentials',
    ],
    ...['__proto__', 'constructor', 'toString', '[object Object]', '["client_credentials"]'],
  ])('C15: is client_credentials and no other: not %j (RFC 6749 §4.4.2)', async type => {
    await refused('token', `grant_type=${encodeURIComponent(type)}`, 'grant_type_unsupported')
  })

  it('C16: is all that a client can be registered for, and asks for a grant (RFC 6749 §5.2)', async () => {
    const { stack } = attackedEndpoints().attacked
    for (const grant_types of [
      ['password'],
      ['client_credentials', 'refresh_token'],
      [],
      'client_credentials',
    ]) {
      const metadata = { client_name: 'x', grants: [{ resource: orders, scope: 'orders:read' }], grant_types }
      const { status, body } = await stack.admin('POST', '/clients', metadata)
      expect([status, body.error]).toEqual([400, 'invalid_client_metadata'])
    }
    const withoutGrants = await attackedEndpoints().register({ grants: [], resource_server: orders })
    for (const and of [undefined, `resource=${orders}`, 'scope=orders:read']) {
      const request = { client: withoutGrants, ...(and === undefined ? {} : { and }) }
      await attackedEndpoints().refused('token', request, 'resource_not_granted')
    }
  })

  it('C16: of another client is not touched by who asks: its token is not his to revoke (RFC 7009 §2.1)', async () => {
    const { stack } = attackedEndpoints().attacked
    const other = await attackedEndpoints().register()
    const token = await stack.token(other)
    attackedEndpoints().attacked.keepSecret(token)
    await refused('revoke', `token=${token}`, 'token_of_other_client')
    expect(await stack.call('GET', stack.url('orders', '/orders'), token)).toBe(200)
  })
})
