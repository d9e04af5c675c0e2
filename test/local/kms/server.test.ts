import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { kmsForTest } from './kms-client.ts'

async function post(url: string, target: string | undefined, body: string) {
  const headers = { 'content-type': 'application/x-amz-json-1.1' }
  const response = await fetch(url, {
    method: 'POST',
    headers: target === undefined ? headers : { ...headers, 'x-amz-target': target },
    body,
  })
  const answer = (await response.json()) as { __type: string; message: string }
  return { status: response.status, type: response.headers.get('content-type'), body: answer }
}

describe('the KMS server', () => {
  it('answers an unknown operation as AWS JSON 1.1 does', async () => {
    const { url } = await kmsForTest()
    for (const target of ['TrentService.ImportKeyMaterial', 'DynamoDB_20120810.ListTables', undefined]) {
      expect(await post(url, target, '{}')).toEqual({
        status: 400,
        type: 'application/x-amz-json-1.1',
        body: {
          __type: 'UnknownOperationException',
          message: `The local KMS does not know ${target ?? 'this request'}.`,
        },
      })
    }
  })

  it.each(['', '{', '[]', 'null', '"text"'])('refuses the body %j', async body => {
    const { url } = await kmsForTest()
    const answered = await post(url, 'TrentService.ListKeys', body)
    expect([answered.status, answered.body.__type]).toEqual([400, 'SerializationException'])
  })

  it('refuses a member of the wrong type', async () => {
    const { url } = await kmsForTest()
    const answered = await post(url, 'TrentService.DescribeKey', '{"KeyId":7}')
    expect(answered.body).toEqual({
      __type: 'ValidationException',
      message: "1 validation error detected: value at 'KeyId' is not a string",
    })
  })

  it.each([
    ['evil.example.com', 'AccessDeniedException'],
    ['evil.example.com:80', 'AccessDeniedException'],
    ['127.0.0.1.example.com', 'AccessDeniedException'],
    ['localhost', 'UnknownOperationException'],
  ])(
    'answers a request for the host %s with %s: nothing to a name that was made to lead here',
    async (host, code) => {
      const { url } = await kmsForTest()
      const sent = request(url, { method: 'POST', headers: { host } }).end('{}')
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      expect(await json(response)).toMatchObject({ __type: code })
    },
  )

  it('listens on loopback only', async () => {
    const { url } = await kmsForTest()
    expect(new URL(url).hostname).toBe('127.0.0.1')
  })
})
