import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { basic, type RegisteredClient } from '../flow/local-stack.ts'
import {
  type EndpointName,
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

const refused = (endpoint: EndpointName, body: string | Uint8Array<ArrayBuffer>, reason: RefusalReason) =>
  attackedEndpoints().refused(endpoint, { client, body }, reason)
const allowed = (endpoint: EndpointName, body: string) =>
  attackedEndpoints().allowed(endpoint, { client, body })

/** Bytes that no form encoder makes, at a place of a form. */
function bytesIn(form: string, bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...Buffer.from(`${form}&x=`), ...bytes])
}

describe.each(endpointNames)('a form at the %s endpoint', endpoint => {
  const { form } = endpoints[endpoint]

  it.each([
    ...['%', '%z', '%zz', '%e', '%1', '%%', '%%61', '% 61', '%u0041', '%+1', 'a%', '%2', '%-1', '%0x41'],
    ...['%c0%af', '%c0%80', '%c1%bf', '%e0%80%af', '%e0%9f%bf', '%f0%80%80%af', '%f8%88%80%80%80'],
    ...[
      '%ed%a0%80',
      '%ed%bf%bf',
      '%f4%90%80%80',
      '%f5%80%80%80',
      '%80',
      '%bf',
      '%ff',
      '%fe%ff',
      '%c3',
      '%e2%82',
    ],
    ...['%c3%28', '%00', 'a%00b', '%c3%bc%00'],
  ])('C17: has no malformed escape: %s (RFC 6749 Appendix B)', async text => {
    await refused(endpoint, `${form}&x=${text}`, 'parameter_malformed')
    await refused(endpoint, `${form}&${text}=x`, 'parameter_malformed')
  })

  it.each<[string, number[]]>([
    ['a byte that is none of UTF-8', [0xff]],
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a character cut off', [0xe2, 0x82]],
    ['UTF-16', [0xff, 0xfe, 0x61, 0x00]],
    ['more than Unicode has', [0xf4, 0x90, 0x80, 0x80]],
  ])('C17: is UTF-8: not %s (RFC 6749 Appendix B)', async (_, bytes) => {
    await refused(endpoint, bytesIn(form, bytes), 'body_encoding_invalid')
  })

  it('C18: has no NUL and is not compressed, but may have any other character', async () => {
    await refused(endpoint, bytesIn(form, [0x61, 0x00]), 'parameter_malformed')
    await refused(endpoint, new Uint8Array(gzipSync(form)), 'body_encoding_invalid')
    await allowed(endpoint, `${form}&x=ü%C3%BC%F0%9F%94%91%2B+%25`)
  })

  it.each([16_384, 16_385, 20_000, 1_048_576])(
    'C19: of %i bytes is read up to 16,384 and no further',
    async size => {
      const body = `${form}&x=`.padEnd(size, 'x')
      if (size <= 16_384) await allowed(endpoint, body)
      else await refused(endpoint, body, 'body_too_large')
    },
  )

  it('C19: is measured in bytes, and before anything in it is read', async () => {
    await allowed(endpoint, `${form}&x=${'ü'.repeat(8150)}`)
    await refused(endpoint, `${form}&x=${'ü'.repeat(8192)}`, 'body_too_large')
    for (const text of ['%', '&x', `&${form}`]) {
      await refused(endpoint, form + text.repeat(16_384), 'body_too_large')
    }
    await refused(endpoint, new Uint8Array(16_385).fill(0xff), 'body_too_large')
  })

  it('C20: has at most 64 parameters (HashDoS)', async () => {
    const parameters = (count: number) => Array.from({ length: count }, (_, index) => `&p${index}=`).join('')
    await allowed(endpoint, form + parameters(63))
    for (const count of [64, 65, 2000]) {
      await refused(endpoint, form + parameters(count), 'too_many_parameters')
    }
    await refused(endpoint, form + '&'.repeat(12_000), 'too_many_parameters')
    await refused(endpoint, '&'.repeat(64) + form, 'too_many_parameters')
  })

  it('C21: may have names and values of any length and depth, none of which is read', async () => {
    await allowed(endpoint, `${form}&${'n'.repeat(8000)}=${'v'.repeat(8000)}`)
    await allowed(endpoint, `${form}&${'a[b]'.repeat(2000)}=${'='.repeat(4000)}`)
  })
})

describe('a body at the gateway', () => {
  const mebibyte = 1024 * 1024
  it.each([6 * mebibyte, 10 * mebibyte, 10 * mebibyte + 1])(
    'C19: of %i bytes reaches no function',
    async size => {
      const body = `${grant}&x=`.padEnd(size, 'x')
      const answer = await attackedEndpoints().attacked.answeredByGateway(() =>
        attackedEndpoints().send('token', { client, body }),
      )
      expect(answer.status).toBe(413)
    },
  )

  it('C19: in chunks is measured as another (RFC 9112 §7.1)', async () => {
    const chunked = (size: number) => () => {
      const body = new Blob([`${grant}&x=`.padEnd(size, 'x')]).stream()
      const headers = { 'content-type': formType, authorization: basic(client) }
      const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body, duplex: 'half' }
      return fetch(attackedEndpoints().url('token'), init)
    }
    const { attacked } = attackedEndpoints()
    expect((await attacked.allowed('token.issue', chunked(16_384))).status).toBe(200)
    const answer = await attacked.refused('token.issue', chunked(16_385))
    expect([answer.status, answer.event.reason]).toEqual([400, 'body_too_large'])
  })
})
