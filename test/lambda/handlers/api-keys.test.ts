import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openResponseEndpoint } from '../../../local/deployment/response-endpoint.ts'
import { apiGatewayForTest, planOf } from '../../local/api-gateway/api-gateway-client.ts'
import { accessDenied, limitExceeded, startApiGatewayProxy } from '../support/api-gateway-proxy.ts'
import { functionEnvironment, startFunction } from '../support/bundled-function.ts'
import { startFaultServer, throttled } from '../support/fault-server.ts'
import { startLocalStore } from '../support/local-store.ts'

const store = await startLocalStore()
const storeProxy = await startFaultServer(store.url)
const gateway = await apiGatewayForTest({}, afterAll)
const proxy = await startApiGatewayProxy(gateway.server.url)
const { usagePlans } = gateway.server
const apiKeys = await startFunction('api-keys', {
  ...functionEnvironment({ dynamodb: storeProxy.url, apiGateway: proxy.url }),
  API_KEY_PREFIX: 'countersign/ring/',
})
usagePlans.define(planOf('plan', { name: 'countersign/ring/Orders' }))

afterAll(async () => {
  await apiKeys.stop()
  await Promise.all([proxy.close(), storeProxy.close(), store.close()])
})

const ids = ['a', 'b'].map(letter => letter.repeat(32)) as [string, string]
const put = (clientId: string, status = 'active') =>
  store.put('Clients', { client_id: { S: clientId }, status: { S: status } })
/** Who has a key, and is in the plan with it. */
const served = () =>
  usagePlans.keys
    .keys()
    .filter(({ planIds }) => planIds.includes('plan'))
    .map(({ value }) => value)

beforeEach(async () => {
  for (const { id } of usagePlans.keys.keys()) await usagePlans.keys.remove(id)
  for (const clientId of ids) await put(clientId, 'deleted')
  storeProxy.reset()
  proxy.reset()
})

const changed = (...clientIds: string[]) => ({
  Records: clientIds.map((clientId, index) => ({
    eventName: 'MODIFY',
    eventSource: 'aws:dynamodb',
    dynamodb: { Keys: { client_id: { S: clientId } }, SequenceNumber: String(index + 1) },
  })),
})
const scheduled = { version: '0', source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} }

/** What CloudFormation is told, and what the function printed. */
async function deploy(RequestType: 'Create' | 'Update' | 'Delete', UsagePlanId = 'plan', remaining?: number) {
  const endpoint = await openResponseEndpoint()
  const event = {
    RequestType,
    ResponseURL: endpoint.url,
    StackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/Orders/1',
    RequestId: 'request-1',
    LogicalResourceId: 'Keys',
    PhysicalResourceId: UsagePlanId,
    ResourceType: 'Custom::CountersignApiKeys',
    ResourceProperties: { ServiceToken: 'arn', UsagePlanId },
  }
  const { lines, failure } = await apiKeys.invoke(event, remaining)
  expect(failure).toBe(undefined)
  const answer = await endpoint.answer
  endpoint.close()
  return { answer, lines }
}

describe('the function that keeps API keys', () => {
  it('reaches nothing while it is loaded', () => {
    expect(apiKeys.start).toEqual({
      result: 'function',
      failure: undefined,
      lines: [],
      texts: [],
      fetches: [],
    })
  })

  it('makes the key of a client that is new, and removes that of one that was deleted', async () => {
    await put(ids[0])
    const first = await apiKeys.invoke(changed(ids[0], ids[0]))
    expect(first.result).toEqual({ batchItemFailures: [] })
    expect(served()).toEqual([ids[0]])
    expect(first.lines).toMatchObject([
      {
        audit: 'api-key.create',
        outcome: 'allowed',
        reason: 'ok',
        requestId: 'invocation-1',
        actor: 'dynamodb',
        clientId: ids[0],
      },
    ])
    await put(ids[0], 'deleted')
    const second = await apiKeys.invoke(changed(ids[0]))
    expect([second.result, served()]).toEqual([{ batchItemFailures: [] }, []])
    expect(second.lines).toMatchObject([{ audit: 'api-key.remove', clientId: ids[0] }])
  })

  it('names the first change that it could not deal with, and has dealt with those before', async () => {
    for (const clientId of ids) await put(clientId)
    proxy.refuse(new RegExp(`name=.*${ids[1]}`), accessDenied)
    const { result, lines } = await apiKeys.invoke(changed(...ids))
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] })
    expect(served()).toEqual([ids[0]])
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'ERROR',
        audit: 'api-key.keep',
        outcome: 'failed',
        reason: 'api_gateway_unavailable',
        clientId: ids[1],
      }),
    )
  })

  it('completes on schedule what is missing, removes what is left over, and counts what it could not do', async () => {
    await put(ids[0])
    await apiKeys.invoke(changed(ids[0]))
    await put(ids[0], 'deleted')
    await put(ids[1])
    const { failure, lines } = await apiKeys.invoke(scheduled)
    expect([failure, served()]).toEqual([undefined, [ids[1]]])
    expect(lines).toMatchObject([
      { audit: 'api-key.create', actor: 'schedule', clientId: ids[1] },
      { audit: 'api-key.remove', actor: 'schedule', clientId: ids[0] },
      { ApiKeysMissing: 0 },
    ])
  })

  it('fails on schedule when the account has as many keys as it may have, and says how many are missing', async () => {
    await put(ids[0])
    proxy.refuse(/^POST \/apikeys/, limitExceeded)
    const { failure, lines } = await apiKeys.invoke(scheduled)
    expect(failure).toBe('Unavailable: api_gateway unavailable')
    expect(lines).toMatchObject([
      { level: 'WARN', message: 'api_gateway call failed', error: 'LimitExceededException' },
      {
        ApiKeysMissing: 1,
        service: 'api-keys',
        _aws: {
          CloudWatchMetrics: [
            {
              Namespace: 'Countersign',
              Dimensions: [['service']],
              Metrics: [{ Name: 'ApiKeysMissing', Unit: 'Count' }],
            },
          ],
        },
      },
    ])
  }, 30_000)

  it('fails on schedule when the clients cannot be read, and removes nobody’s key', async () => {
    await put(ids[0])
    await apiKeys.invoke(changed(ids[0]))
    storeProxy.always(throttled)
    expect((await apiKeys.invoke(scheduled)).failure).toBe('Unavailable: store unavailable')
    expect(served()).toEqual([ids[0]])
  })

  it('makes the keys of the clients that exist when a plan is deployed, and waits for permissions', async () => {
    await put(ids[0])
    proxy.refuse(/^GET \/usageplans\/plan\/keys/, accessDenied, 2)
    const { answer, lines } = await deploy('Create')
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'plan' })
    expect(served()).toEqual([ids[0]])
    expect(lines.at(-1)).toMatchObject({ audit: 'api-key.create', actor: 'cloudformation' })
  })

  it('lets a deployment succeed that has more clients than time, and fails one that may do nothing', async () => {
    await put(ids[0])
    expect((await deploy('Update', 'plan', 19_999)).answer).toMatchObject({ Status: 'SUCCESS' })
    expect(served()).toEqual([])
    proxy.refuse(/^GET \/usageplans/, accessDenied)
    const { answer, lines } = await deploy('Update', 'plan', 19_999)
    expect(answer).toMatchObject({
      Status: 'FAILED',
      Reason:
        'the API keys of the clients could not be made (api_gateway_unavailable): see the log of the API keys function, then deploy again',
    })
    expect(lines.at(-1)).toMatchObject({
      audit: 'api-key.keep',
      outcome: 'failed',
      reason: 'api_gateway_unavailable',
    })
  })

  it('fails no deployment for one client whose key cannot be made', async () => {
    for (const clientId of ids) await put(clientId)
    // Somebody has put it into a plan of the same stage by hand.
    usagePlans.define(planOf('handmade', { stages: planOf('plan').stages }))
    await usagePlans.keys.add({
      id: 'key-by-hand',
      name: `countersign/ring/${ids[0]}`,
      value: ids[0],
      enabled: true,
      createdAt: 0,
      planIds: ['handmade'],
    })
    expect((await deploy('Update')).answer).toMatchObject({ Status: 'SUCCESS' })
    expect(served()).toEqual([ids[1]])
  })

  it('leaves to the next attempt what of a batch does not fit into its time', async () => {
    await put(ids[0])
    expect((await apiKeys.invoke(changed(ids[0]), 19_999)).result).toEqual({
      batchItemFailures: [{ itemIdentifier: '1' }],
    })
    expect(served()).toEqual([])
  })

  it('removes all keys when the last plan goes', async () => {
    await put(ids[0])
    await apiKeys.invoke(changed(ids[0]))
    const { answer } = await deploy('Delete')
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'plan' })
    expect(usagePlans.keys.keys()).toEqual([])
  })

  it('never holds up a deletion', async () => {
    await put(ids[0])
    await apiKeys.invoke(changed(ids[0]))
    const { answer } = await deploy('Delete', 'another')
    expect(answer).toMatchObject({ Status: 'SUCCESS' })
    expect(served()).toEqual([ids[0]])
    proxy.refuse(/^GET \/usageplans/, accessDenied)
    expect((await deploy('Delete', 'plan', 19_999)).answer).toMatchObject({ Status: 'SUCCESS' })
  })

  it('waits for no plan but its own: one that is about to go may not be readable any more', async () => {
    usagePlans.define(planOf('leaving', { name: 'countersign/ring/Leaving', stages: [] }))
    await put(ids[0])
    await apiKeys.invoke(changed(ids[0]))
    proxy.refuse(/usageplans\/leaving/, accessDenied)
    expect((await deploy('Update')).answer).toMatchObject({ Status: 'SUCCESS' })
    await put(ids[1])
    const { result } = await apiKeys.invoke(changed(ids[1]))
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
    expect(served().sort()).toEqual(ids)
  })
})
