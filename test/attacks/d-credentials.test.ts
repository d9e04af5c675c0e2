import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { basic, type RegisteredClient } from '../flow/local-stack.ts'
import {
  type ClientRequest,
  endpointNames,
  formType,
  useAttackedEndpoints,
} from './support/attacked-endpoints.ts'
import type { DecidedAnswer } from './support/attacked-stack.ts'

const attackedEndpoints = useAttackedEndpoints()
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const assertion = `client_assertion=${'eyJhbGciOiJFUzI1NiJ9.e30.AAAA'}`
let client: RegisteredClient
let post: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
  post = await attackedEndpoints().register({ token_endpoint_auth_method: 'client_secret_post' })
})

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const form = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString()
const inBody = ({ client_id, client_secret }: RegisteredClient) => form({ client_id, client_secret })

/** At all three endpoints. */
async function refused(request: () => ClientRequest, reason: RefusalReason): Promise<DecidedAnswer[]> {
  const answers: DecidedAnswer[] = []
  for (const endpoint of endpointNames)
    answers.push(await attackedEndpoints().refused(endpoint, request(), reason))
  return answers
}

async function allowed(request: () => ClientRequest): Promise<void> {
  for (const endpoint of endpointNames) await attackedEndpoints().allowed(endpoint, request())
}

describe('a request', () => {
  it.each<[string, () => ClientRequest]>([
    ['a header and a secret in the body', () => ({ client, and: inBody(client) })],
    ['a header and a secret alone', () => ({ client, and: 'client_secret=x' })],
    ['a header and the secret of another', () => ({ client, and: inBody(post) })],
    [
      'a header and an assertion',
      () => ({ client, and: `${form({ client_assertion_type: assertionType })}&${assertion}` }),
    ],
    ['a header and an assertion without its type', () => ({ client, and: assertion })],
    [
      'a header and the type of an assertion',
      () => ({ client, and: form({ client_assertion_type: assertionType }) }),
    ],
    ['a secret in the body and an assertion', () => ({ and: `${inBody(post)}&${assertion}` })],
    [
      'a secret in the body and the type of an assertion',
      () => ({ and: `${inBody(post)}&client_assertion_type=x` }),
    ],
    ['all three', () => ({ client, and: `${inBody(client)}&${assertion}` })],
    [
      'a header of no use and a secret in the body',
      () => ({ headers: { authorization: 'Bearer x' }, and: inBody(post) }),
    ],
    [
      'an empty header and a secret in the body',
      () => ({ headers: { authorization: '' }, and: inBody(post) }),
    ],
  ])('D7: does not authenticate in two ways: by %s (RFC 6749 §2.3)', async (_, request) => {
    await refused(request, 'credentials_repeated')
  })

  it('D7: may have what is empty, as it is not there (RFC 6749 §3.2)', async () => {
    await allowed(() => ({
      client,
      and: 'client_secret=&client_assertion=&client_assertion_type=&client_id=',
    }))
    await allowed(() => ({ and: `${inBody(post)}&client_assertion=` }))
  })

  it.each<[string, () => string]>([
    ['another client', () => post.client_id],
    ['no client', () => 'other'],
    ['upper case', () => client.client_id.toUpperCase()],
    ['a space more', () => `${client.client_id} `],
    ['a character less', () => client.client_id.slice(1)],
    ['two of them', () => `${client.client_id},${client.client_id}`],
  ])(
    'D8: has the client_id of its header in the body, if any: not %s (RFC 6749 §2.3.1)',
    async (_, other) => {
      await refused(() => ({ client, and: form({ client_id: other() }) }), 'client_id_mismatch')
    },
  )

  it('D8: may repeat the client_id of its header', async () => {
    await allowed(() => ({ client, and: form({ client_id: client.client_id }) }))
  })

  it.each<[string, () => string, RefusalReason?]>([
    ['no credentials', () => 'Basic'],
    ['an end', () => 'Basic:'],
    ['no space', () => `Basic${encode(`${client.client_id}:x`)}`],
    ['a tab', () => `Basic\t${encode(`${client.client_id}:x`)}`],
    ['a no-break space', () => `Basic\u00a0${encode(`${client.client_id}:x`)}`],
    ['a colon after the scheme', () => `Basic: ${encode(`${client.client_id}:x`)}`],
    ['quotes', () => `Basic "${encode(`${client.client_id}:x`)}"`],
    ['no base64', () => 'Basic !!!!'],
    ['plain text', () => `Basic ${client.client_id}:${client.client_secret}`],
    [
      'base64url',
      () => `Basic ${encode(`${client.client_id}:?>?>?>`).replaceAll('+', '-').replaceAll('/', '_')}`,
    ],
    ['two of them', () => `${basic(client)} ${encode('a:b')}`],
    ['two schemes', () => `Basic ${basic(client)}`],
    ['a parameter', () => `${basic(client)};realm=x`],
    ['no padding', () => `Basic ${encode('client:abc').replace(/=+$/, '')}`],
    ['half of the padding', () => 'Basic YTpiYw='],
    ['too much padding', () => `${basic(client).replace(/=+$/, '')}===`],
    ['padding in the middle', () => 'Basic YQ==OmI='],
    ['bits that are not zero', () => 'Basic YTpiYx=='],
    ['no colon', () => `Basic ${encode('nocolon')}`],
    ['an escaped colon', () => `Basic ${encode('client%3Asecret')}`],
    ['a colon alone', () => `Basic ${encode(':')}`],
    ['no identifier', () => `Basic ${encode(`:${client.client_secret}`)}`],
    ['no secret', () => `Basic ${encode(`${client.client_id}:`)}`],
    ['a CR and a LF', () => `Basic ${encode(`${client.client_id}:x\r\nX-Y: z`)}`],
    ['an escaped CR and LF', () => `Basic ${encode(`${client.client_id}:x%0d%0aX-Y:%20z`)}`],
    ['a CR and a LF in the identifier', () => `Basic ${encode('a\r\nb:c')}`],
    ['a tab in the identifier', () => `Basic ${encode('a%09b:c')}`],
    ['a DEL', () => `Basic ${encode('a:b\x7f')}`],
    ['bytes that are not UTF-8', () => `Basic ${encode(new Uint8Array([0x61, 0x3a, 0xff]))}`],
    ['UTF-16', () => `Basic ${encode(Buffer.from('a:b', 'utf16le'))}`, 'parameter_malformed'],
    ['a NUL', () => `Basic ${encode('a:b\0')}`, 'parameter_malformed'],
    ['an escaped NUL', () => `Basic ${encode('a:b%00')}`, 'parameter_malformed'],
    ['a malformed escape', () => `Basic ${encode('a:b%')}`, 'parameter_malformed'],
    ['an overlong escape', () => `Basic ${encode('a%c0%af:b')}`, 'parameter_malformed'],
  ])(
    'D11: does not authenticate by a Basic header with %s (RFC 7617 §2)',
    async (_, authorization, reason) => {
      await refused(
        () => ({ headers: { authorization: authorization() } }),
        reason ?? 'credentials_malformed',
      )
    },
  )

  it('D11: may write the scheme in any case, with more than one space after it (RFC 9110 §11.1)', async () => {
    const credentials = basic(client).slice(6)
    for (const scheme of ['basic', 'BASIC', 'bAsIc', 'Basic  ', ' Basic'])
      await allowed(() => ({ headers: { authorization: `${scheme} ${credentials}` } }))
  })

  it('D13: does not authenticate by a token, be it genuine', async () => {
    const token = await attackedEndpoints().attacked.stack.token(client)
    attackedEndpoints().attacked.keepSecret(token)
    for (const scheme of ['Bearer', 'bearer', 'DPoP', 'Basic'])
      await refused(() => ({ headers: { authorization: `${scheme} ${token}` } }), 'credentials_malformed')
    await refused(
      () => ({ headers: { authorization: `Basic ${encode(`token:${token}`)}` } }),
      'client_unknown',
    )
    await refused(() => ({ and: form({ access_token: token }) }), 'credentials_missing')
  })

  it.each([
    'Bearer',
    'DPoP',
    'Digest',
    'Negotiate',
    'NTLM',
    'HOBA',
    'Mutual',
    'Basicx',
    'xBasic',
    'Bas ic',
    'Ｂasic',
    '',
  ])('D13: does not authenticate by the scheme %j (RFC 6749 §2.3.1)', async scheme => {
    const credentials = basic(client).slice(6)
    for (const endpoint of endpointNames) {
      const authorization = Buffer.from(`Authorization: ${scheme} ${credentials}`).toString('latin1')
      const request = { fields: [`Content-Type: ${formType}`, authorization] }
      await attackedEndpoints().refusedRaw(endpoint, request, 'credentials_malformed')
    }
  })

  it.each<[string, () => string[]]>([
    ['the same twice', () => [basic(client), basic(client)]],
    ['a good and a bad one', () => [basic(client), basic({ ...client, client_secret: 'x' })]],
    ['a bad and a good one', () => [basic({ ...client, client_secret: 'x' }), basic(client)]],
    ['those of two clients', () => [basic(client), basic(post)]],
    ['another scheme and a good one', () => ['Bearer x', basic(client)]],
    ['a good one and an empty one', () => [basic(client), '']],
    ['an empty one and a good one', () => ['', basic(client)]],
    ['three', () => [basic(client), basic(client), basic(client)]],
    ['two in one line', () => [`${basic(client)}, ${basic(client)}`]],
    ['two in one line without a space', () => [`${basic(client)},Bearer x`]],
    ['an end', () => [`${basic(client)},`]],
    ['a beginning', () => [`,${basic(client)}`]],
    ['a signature of AWS', () => ['AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c']],
  ])('D14: has one Authorization header: not %s (RFC 9110 §5.3)', async (_, values) => {
    const names = ['Authorization', 'authorization', 'AUTHORIZATION']
    for (const endpoint of endpointNames) {
      const fields = values().map((value, index) => `${names[index]}: ${value}`)
      const request = { fields: [`Content-Type: ${formType}`, ...fields] }
      await attackedEndpoints().refusedRaw(endpoint, request, 'authorization_repeated')
    }
  })

  it('D15: does not authenticate by any other header (RFC 9110 §11.6.2)', async () => {
    const value = basic(client)
    const headers = {
      'proxy-authorization': value,
      'x-authorization': value,
      'x-forwarded-authorization': value,
      'x-amzn-remapped-authorization': value,
      'client-id': client.client_id,
      'client-secret': client.client_secret,
    }
    await refused(() => ({ headers }), 'credentials_missing')
  })

  it.each<[string, () => string]>([
    ['its identifier alone', () => form({ client_id: client.client_id })],
    ['its identifier alone, registered for the body', () => form({ client_id: post.client_id })],
    ['an empty secret', () => form({ client_id: post.client_id, client_secret: '' })],
    ['its secret alone', () => form({ client_secret: post.client_secret })],
    ['an empty identifier', () => form({ client_id: '', client_secret: post.client_secret })],
    ['other names', () => form({ clientId: post.client_id, clientSecret: post.client_secret })],
    ['names of another case', () => form({ Client_Id: post.client_id, Client_Secret: post.client_secret })],
    ['a list', () => form({ 'client_id[]': post.client_id, 'client_secret[]': post.client_secret })],
    ['a username', () => form({ username: post.client_id, password: post.client_secret })],
    ['an assertion that is empty', () => form({ client_id: post.client_id, client_assertion: '' })],
  ])('D16: does not authenticate by %s: every client is confidential (RFC 6749 §2.3.1)', async (_, and) => {
    await refused(() => ({ and: and() }), 'credentials_missing')
  })
})

describe('a client identifier', () => {
  const ids = [
    ...[
      '__proto__',
      'constructor',
      'hasOwnProperty',
      'toString',
      'prototype',
      'null',
      'undefined',
      '0',
      '-',
      '.',
      '..',
      '~',
    ],
    ...[
      '#',
      'CLIENT#a',
      'a#b',
      'failures#a',
      'secret-use#a#b',
      '*',
      '%',
      '+',
      ' ',
      'a b',
      'a/b',
      '../admin',
      'a\\b',
      "' OR 1=1--",
    ],
    ...[
      '$ne',
      '{"$gt":""}',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a text that others would expand
      '${jndi:ldap://x}',
      '<script>',
      'a;b',
      'a,b',
      'ü',
      '🔑',
      '\u202e',
      'ａ',
      '１',
      'a\u0301',
      '\ufeff',
    ],
  ]

  it.each(ids)('D17: %j is that of nobody, and is not looked at as anything else', async id => {
    for (const answers of [
      await refused(
        () => ({ headers: { authorization: `Basic ${encode(`${encodeURIComponent(id)}:secret`)}` } }),
        'client_unknown',
      ),
      await refused(() => ({ and: form({ client_id: id, client_secret: 'secret' }) }), 'client_unknown'),
    ])
      for (const { event } of answers) expect(event).not.toHaveProperty('clientId')
  })

  it.each([65, 1000, 2048, 2049, 6000])('D17: of %i characters is that of nobody', async length => {
    const id = 'a'.repeat(length)
    attackedEndpoints().attacked.keepSecret(id)
    await refused(() => ({ headers: { authorization: `Basic ${encode(`${id}:secret`)}` } }), 'client_unknown')
    await refused(() => ({ and: form({ client_id: id, client_secret: 'secret' }) }), 'client_unknown')
  })

  it('D17: has no control characters', async () => {
    for (const id of ['a\nb', 'a\rb', 'a\tb', '\x1b[31m', 'a\x7f']) {
      await refused(() => ({ and: form({ client_id: id, client_secret: 'secret' }) }), 'client_unknown')
    }
    await refused(() => ({ and: 'client_id=a%00&client_secret=b' }), 'parameter_malformed')
  })

  it.each<[string, (id: string) => string]>([
    ['upper case', id => id.toUpperCase()],
    ['a space after it', id => `${id} `],
    ['a space before it', id => ` ${id}`],
    ['a dot after it', id => `${id}.`],
    ['a # after it', id => `${id}#`],
    ['a character less', id => id.slice(0, -1)],
    ['full-width digits', id => id.replaceAll(/\d/g, digit => String.fromCodePoint(0xff10 + Number(digit)))],
    ['a soft hyphen in it', id => `${id.slice(0, 8)}\u00ad${id.slice(8)}`],
    ['its own escapes', id => `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`],
    ['the shape of a UUID', id => id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')],
  ])('D18: with %s is another', async (_, change) => {
    const { client_id, client_secret } = post
    // A registered identifier of digits alone has no upper case.
    if (change(client_id) === client_id) return
    await refused(() => ({ and: form({ client_id: change(client_id), client_secret }) }), 'client_unknown')
  })
})

describe('a secret in the body', () => {
  it.each([
    ...['null', 'undefined', 'true', '0', 'NaN', '[object Object]', '[]', '{}', ' ', '*', '%'],
    ...["' OR '1'='1", '__proto__', 'ctsn_', 'x'.repeat(256), 'x'.repeat(257), 'x'.repeat(8000)],
  ])('D19: %s is a text, and a wrong one', async client_secret => {
    const fresh = await attackedEndpoints().register({ token_endpoint_auth_method: 'client_secret_post' })
    await refused(() => ({ and: form({ client_id: fresh.client_id, client_secret }) }), 'secret_wrong')
  })

  it('D19: is one, and no longer than a body (CWE-400)', async () => {
    const { client_id, client_secret } = post
    await refused(() => ({ and: `${inBody(post)}&${form({ client_secret })}` }), 'parameter_repeated')
    await refused(() => ({ and: `${inBody(post)}&client_secret=` }), 'parameter_repeated')
    await refused(
      () => ({ and: form({ client_id, client_secret: 'x'.repeat(1_048_576) }) }),
      'body_too_large',
    )
  })

  it('D19: is not read from JSON, not even an array of secrets', async () => {
    for (const endpoint of endpointNames) {
      const body = JSON.stringify({ ...post, client_secret: [post.client_secret, null] })
      const headers = { 'content-type': 'application/json' }
      await attackedEndpoints().refused(endpoint, { body, headers }, 'content_type_unsupported')
    }
  })
})
