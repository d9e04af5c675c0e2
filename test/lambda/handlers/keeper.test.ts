import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DescribeKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type FunctionName, functionEnvironment, ring, startFunction } from '../support/bundled-function.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { startLocalKms } from '../support/local-kms.ts'
import { startLocalStore } from '../support/local-store.ts'
import { signingKeyItem, signingKeyPair } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const kms = await startLocalKms()
const storeProxy = await startFaultServer(store.url)
const kmsProxy = await startFaultServer(kms.url)

/** CloudFormation's end: what was put to the answer's URL. */
const answers: { method: string; contentType: string | undefined; body: Record<string, unknown> }[] = []
let status = 200
const cloudFormation = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method = '', headers } = request
  answers.push({
    method,
    contentType: headers['content-type'],
    body: JSON.parse(Buffer.concat(chunks).toString()),
  })
  response.writeHead(status).end()
}).listen(0, '127.0.0.1')
await once(cloudFormation, 'listening')
const ResponseURL = `http://127.0.0.1:${(cloudFormation.address() as AddressInfo).port}/answer?signature=s3cret`

const start = (ringName: string) => {
  const environment = functionEnvironment({ dynamodb: storeProxy.url, kms: kmsProxy.url })
  const name: FunctionName = 'keeper'
  return startFunction(name, {
    ...environment,
    SIGNING_KEY_RING: ringName,
    SIGNING_ALGORITHM: 'ES256',
    SIGNING_KEY_CUSTODY: 'kms',
    SIGNING_KEY_ROTATION_SECONDS: '86400',
  })
}
const keeper = await start(ring)

afterAll(async () => {
  await Promise.all([keeper.stop(), storeProxy.close(), kmsProxy.close(), store.close(), kms.close()])
  cloudFormation.close()
  cloudFormation.closeAllConnections()
})
beforeEach(() => {
  answers.length = 0
  status = 200
  storeProxy.reset()
  kmsProxy.reset()
})

const event = (RequestType: 'Create' | 'Update' | 'Delete') => ({
  RequestType,
  ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:keeper',
  ResponseURL,
  StackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/Countersign/1',
  RequestId: 'request-1',
  LogicalResourceId: 'SigningKeyRing',
  ResourceType: 'Custom::SigningKeyRing',
  ResourceProperties: { ServiceToken: 'arn' },
})
const scheduled = { version: '0', source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} }

const success = {
  Status: 'SUCCESS',
  PhysicalResourceId: ring,
  StackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/Countersign/1',
  RequestId: 'request-1',
  LogicalResourceId: 'SigningKeyRing',
}

describe('the keeper function', () => {
  it('reaches nothing while it is loaded', () => {
    expect(keeper.start).toEqual({
      result: 'function',
      failure: undefined,
      texts: [],
      lines: [],
      fetches: [],
    })
    expect([storeProxy.operations, kmsProxy.operations]).toEqual([[], []])
  })

  it('makes a key that signs and one that waits, once, however often it is asked', async () => {
    const { lines, texts } = await keeper.invoke(event('Create'))
    expect(answers).toEqual([{ method: 'PUT', contentType: '', body: success }])
    expect(kmsProxy.operations).toEqual(['CreateKey', 'GetPublicKey', 'CreateKey', 'GetPublicKey'])
    const writes = storeProxy.bodies.flatMap(({ Item }) =>
      Item ? [Item as Record<string, { S: string }>] : [],
    )
    expect(writes.map(({ state }) => state?.S)).toEqual(['pending', 'active', 'pending', 'standby'])
    const [first, second] = [writes[1], writes[3]]
    const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId: first?.kms_key_arn?.S }))
    expect(KeyMetadata?.KeySpec).toBe('ECC_NIST_P256')
    const decision = { outcome: 'allowed', requestId: 'invocation-1', actor: 'cloudformation' }
    expect(lines).toMatchObject([
      { message: 'KMS key created', kmsKeyArn: first?.kms_key_arn?.S },
      { audit: 'key.create', subject: first?.kid?.S, ...decision },
      { message: 'KMS key created', kmsKeyArn: second?.kms_key_arn?.S },
      { audit: 'key.create', subject: second?.kid?.S, ...decision },
    ])
    expect(texts.join('')).not.toContain('s3cret')
    await keeper.invoke(event('Create'))
    await keeper.invoke(event('Update'))
    expect(answers.slice(1).map(answer => answer.body)).toEqual([success, success])
    expect((await kms.client.send(new ListKeysCommand({}))).Keys).toHaveLength(2)
  })

  it('does the same on schedule, and says how old the key is', async () => {
    const { result, lines } = await keeper.invoke(scheduled)
    expect([result, answers]).toEqual([undefined, []])
    expect(lines).toMatchObject([{ SigningKeyAgeDays: expect.any(Number) }])
    expect(kmsProxy.operations).toEqual(['DescribeKey', 'DescribeKey'])
  })

  it('fails on schedule when KMS or the store does, so that Lambda tries again and the alarm goes off', async () => {
    storeProxy.always({ status: 500, type: 'InternalServerError' })
    expect((await keeper.invoke(scheduled)).failure).toMatch(/Unavailable/)
  })

  it('deletes nothing with the stack: tokens may still need the keys', async () => {
    await keeper.invoke(event('Delete'))
    expect(answers.map(answer => answer.body)).toEqual([success])
    expect([storeProxy.operations, kmsProxy.operations]).toEqual([[], []])
  })

  it('tells CloudFormation of a failure instead of letting it wait, and says nothing private', async () => {
    const fresh = await start('ring-that-fails')
    kmsProxy.always({ status: 400, type: 'AccessDeniedException' })
    const { lines } = await fresh.invoke(event('Create'))
    await fresh.stop()
    expect(answers.map(answer => answer.body)).toEqual([
      {
        ...success,
        PhysicalResourceId: 'ring-that-fails',
        Status: 'FAILED',
        Reason:
          'the signing keys could not be made (kms_unavailable): see the log of the keeper function, then deploy again',
      },
    ])
    expect(lines.at(-1)).toMatchObject({ audit: 'key.create', outcome: 'failed', reason: 'kms_unavailable' })
  })

  it('fails when CloudFormation does not take the answer, so that Lambda asks it again', async () => {
    status = 500
    const { failure } = await keeper.invoke(event('Update'))
    expect(failure).toBe('Error: CloudFormation did not take the answer: 500')
  })

  it('makes no second first key when the one there is cannot be read', async () => {
    const damaged = signingKeyItem('damaged', signingKeyPair().key, { public_jwk: { S: '{}' } })
    await store.put('SigningKeys', damaged)
    const fresh = await start('damaged')
    await fresh.invoke(event('Update'))
    await fresh.stop()
    expect(kmsProxy.operations).toEqual([])
  })
})
