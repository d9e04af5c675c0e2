import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { afterAll, describe, expect, it } from 'vitest'
import { answerCloudFormation } from '../../../lambda/adapters/custom-resource.ts'

let status = 200
const received: unknown[] = []
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method, url, headers } = request
  const document: unknown = JSON.parse(Buffer.concat(chunks).toString())
  received.push({ method, url, type: headers['content-type'], length: headers['content-length'], document })
  response.writeHead(status).end()
}).listen(0, '127.0.0.1')
await once(server, 'listening')
afterAll(() => server.close().closeAllConnections())

const event = {
  RequestType: 'Create',
  ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket/key?X-Amz-Signature=abc%2F`,
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Ring',
} as CloudFormationCustomResourceEvent
const ids = {
  PhysicalResourceId: 'ring-1',
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Ring',
}

describe('answerCloudFormation', () => {
  it('puts a success to the signed URL, with an empty content type and a length', async () => {
    received.length = 0
    await answerCloudFormation(event, 'ring-1')
    const document = { Status: 'SUCCESS', ...ids }
    const length = String(JSON.stringify(document).length)
    const url = '/bucket/key?X-Amz-Signature=abc%2F'
    expect(received).toEqual([{ method: 'PUT', url, type: '', length, document }])
  })

  it('puts a failure with its reason', async () => {
    received.length = 0
    await answerCloudFormation(event, 'ring-1', 'no key could be made')
    expect(received).toMatchObject([
      { document: { Status: 'FAILED', Reason: 'no key could be made', ...ids } },
    ])
  })

  it('puts what the template may ask of the resource', async () => {
    received.length = 0
    await answerCloudFormation(event, 'ring-1', undefined, { SecretArn: 'arn' })
    expect(received).toMatchObject([{ document: { Status: 'SUCCESS', ...ids, Data: { SecretArn: 'arn' } } }])
  })

  it('fails when the answer is not taken, and does not quote the URL', async () => {
    status = 403
    await expect(answerCloudFormation(event, 'ring-1')).rejects.toThrow(
      new Error('CloudFormation did not take the answer: 403'),
    )
  })
})
