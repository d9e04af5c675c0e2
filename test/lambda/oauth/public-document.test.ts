import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { publicDocument } from '../../../lambda/oauth/public-document.ts'

const document = { keys: [] }
const tag = `"${createHash('sha256').update('{"keys":[]}').digest('base64url')}"`
const caching = {
  'access-control-allow-origin': '*',
  'cache-control': 'public, max-age=300',
  etag: tag,
}

function get(ifNoneMatch: string | undefined, value: object = document) {
  const headers = { 'if-none-match': ifNoneMatch }
  const request = {
    method: 'GET',
    rawQueryString: '',
    headers,
    body: undefined,
    isBase64Encoded: false,
    sourceIp: undefined,
  }
  return publicDocument(request, value, 300)
}

describe('a public document', () => {
  const whole = {
    status: 200,
    headers: { 'content-type': 'application/json', ...caching },
    body: '{"keys":[]}',
  }

  it('comes whole with its lifetime and a strong tag (RFC 9110 §8.8.3, RFC 9111 §5.2.2)', () => {
    expect(get(undefined)).toEqual(whole)
  })

  it('has another tag when it has changed (RFC 9110 §8.8.3)', () => {
    expect(get(tag, { keys: [1] })).toMatchObject({ status: 200, body: '{"keys":[1]}' })
    expect(get(undefined, { keys: [1] }).headers.etag).not.toBe(tag)
  })

  it.each([tag, `W/${tag}`, '*', `"old", ${tag}`, `${tag},"old"`, ` ${tag} `])(
    'is not sent again for If-None-Match %s (RFC 9110 §13.1.2)',
    ifNoneMatch => {
      expect(get(ifNoneMatch)).toEqual({ status: 304, headers: caching, body: '' })
    },
  )

  it.each(['', '"old"', tag.slice(1, -1), `${tag}x`, `w/${tag}`, '"*"'])(
    'is sent again for If-None-Match %j (RFC 9110 §13.1.2)',
    ifNoneMatch => {
      expect(get(ifNoneMatch)).toEqual(whole)
    },
  )
})
