import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import { SignCommand } from '@aws-sdk/client-kms'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { deadline, dynamoDbClient, kmsClient } from '../../../lambda/adapters/aws-clients.ts'
import { call } from '../../../lambda/adapters/store-call.ts'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { type Fault, failing, startFaultServer, throttled } from '../support/fault-server.ts'
import { region } from '../support/local-store.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const server = await startFaultServer()
const recorded = recordedLines()
const watch = new ClockWatch(() => {})

afterAll(() => server.close())
beforeEach(() => {
  server.reset()
  recorded.clear()
  vi.stubEnv('AWS_REGION', region)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example')
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', server.url)
  vi.stubEnv('AWS_ENDPOINT_URL_KMS', server.url)
})

const get = new GetItemCommand({ TableName: 'Clients', Key: { client_id: { S: 'a' } } })
const sign = new SignCommand({
  KeyId: 'key',
  Message: new Uint8Array(32),
  MessageType: 'DIGEST',
  SigningAlgorithm: 'ECDSA_SHA_256',
})

describe('the date in an answer of the store', () => {
  it.each([
    ['an hour ahead', 3_600_000, true],
    ['the same', 0, false],
  ])('that is %s shows whether the clock is right (RFC 9110 §6.6.1)', async (_, difference, isWrong) => {
    const date = new Date(Date.now() + difference).toUTCString()
    // A clock that differs makes the SDK correct its own and ask once more.
    server.always({ status: 400, type: 'ResourceNotFoundException', headers: { date } })
    const own = new ClockWatch(() => {})
    await expect(dynamoDbClient(own).send(get)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    expect(own.isWrong).toBe(isWrong)
  })
})

/** How a call ends, and how often it was tried before its deadline. */
async function ending(client: 'store' | 'kms', milliseconds?: number) {
  const end = deadline(milliseconds)
  const send = () => (client === 'store' ? dynamoDbClient(watch).send(get, end) : kmsClient().send(sign, end))
  const error = await call(client, send, recorded.records).catch((thrown: unknown) => thrown)
  return { isUnavailable: error instanceof Unavailable, attempts: server.operations.length }
}

/** Long enough for every attempt: the pause before a repetition is random. */
const neverMilliseconds = 15_000

describe('a call to AWS that goes wrong', () => {
  it.each<[string, number, Fault]>([
    ['is never answered', 2, 'hang'],
    ['loses its connection', 2, 'reset'],
    ['fails', 2, failing],
    ['is throttled', 2, throttled],
    ['is denied', 1, { status: 400, type: 'AccessDeniedException' }],
    ['finds no table', 1, { status: 400, type: 'ResourceNotFoundException' }],
  ])('is unavailable when it %s, after %i attempts', async (_, attempts, fault) => {
    server.always(fault)
    expect(await ending('store', neverMilliseconds)).toEqual({ isUnavailable: true, attempts })
    expect(recorded.lines).toMatchObject([{ message: 'store call failed', StoreErrors: 1 }])
  })

  it.each<[string, number, Fault]>([
    ['stops in the middle of the answer', 1, 'stall'],
    [
      'is told to wait half a minute',
      1,
      { status: 500, type: 'InternalServerError', headers: { 'retry-after': '30' } },
    ],
  ])('ends at the deadline when it %s, after %i attempt', async (_, attempts, fault) => {
    server.always(fault)
    expect(await ending('store')).toEqual({ isUnavailable: true, attempts })
    expect(recorded.lines).toMatchObject([{ message: 'store call failed', StoreErrors: 1 }])
  })

  it.each<[string, number, Fault]>([
    ['is never answered', 2, 'hang'],
    ['is throttled', 2, throttled],
    ['finds the key disabled', 1, { status: 400, type: 'DisabledException' }],
  ])('is unavailable when KMS’s %s, after %i attempts', async (_, attempts, fault) => {
    server.always(fault)
    expect(await ending('kms', neverMilliseconds)).toEqual({ isUnavailable: true, attempts })
    expect(recorded.lines).toMatchObject([{ message: 'kms call failed', KmsErrors: 1 }])
  })

  it('ends at once when nobody listens', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'http://127.0.0.1:9')
    expect(await ending('store')).toEqual({ isUnavailable: true, attempts: 0 })
  })

  it('succeeds when one repetition is enough', async () => {
    server.next('reset', { status: 200, type: 'none' })
    const answer = await call('store', () => dynamoDbClient(watch).send(get, deadline()), recorded.records)
    expect(answer.Item).toBe(undefined)
    expect(server.operations).toEqual(['GetItem', 'GetItem'])
    expect(recorded.texts).toEqual([])
  })

  it('passes the one error that the caller expects, uncounted', async () => {
    server.always({ status: 400, type: 'ConditionalCheckFailedException' })
    const expected = 'ConditionalCheckFailedException'
    const send = () => dynamoDbClient(watch).send(get, deadline())
    await expect(call('store', send, recorded.records, expected)).rejects.toMatchObject({ name: expected })
    expect(recorded.texts).toEqual([])
  })
})
