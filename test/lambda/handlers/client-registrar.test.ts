import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { openResponseEndpoint } from '../../../local/deployment/response-endpoint.ts'
import { functionEnvironment, startFunction } from '../support/bundled-function.ts'
import { clientItem, ordersAudience, ordersServerItem } from '../support/client-item.ts'
import { startLocalStore } from '../support/local-store.ts'

const store = await startLocalStore()
const registrar = await startFunction('client-registrar', functionEnvironment({ dynamodb: store.url }))
afterAll(async () => {
  await Promise.all([registrar.stop(), store.close()])
})

const byHand = '0123456789abcdef0123456789abcdef'
beforeEach(async () => {
  await store.put('Clients', clientItem(byHand))
  await store.put('ResourceServers', ordersServerItem)
})

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const properties = {
  ServiceToken: 'arn',
  ClientMetadata: {
    client_name: 'robot',
    token_endpoint_auth_method: 'private_key_jwt',
    grants: [{ resource: ordersAudience, scope: 'orders:read' }],
    jwks: { keys: [publicKey.export({ format: 'jwk' })] },
  },
  TokenEndpoint: 'https://auth.example.com/token',
}

/** CloudFormation's request for a resource of a stack, and what it is told. */
async function request(
  RequestType: 'Create' | 'Update' | 'Delete',
  { stack = 'Orders', PhysicalResourceId }: { stack?: string; PhysicalResourceId?: string } = {},
) {
  const endpoint = await openResponseEndpoint()
  await registrar.invoke({
    RequestType,
    ResponseURL: endpoint.url,
    StackId: `arn:aws:cloudformation:us-east-1:000000000000:stack/${stack}/1`,
    RequestId: 'request-1',
    LogicalResourceId: 'Robot',
    ResourceType: 'Custom::CountersignClient',
    ResourceProperties: properties,
    ...(PhysicalResourceId !== undefined && { PhysicalResourceId }),
  })
  const answer = await endpoint.answer
  endpoint.close()
  return answer
}

describe('the client registrar', () => {
  it('keeps to the client of the place that the request comes from, through its life', async () => {
    const { Status, PhysicalResourceId = '' } = await request('Create')
    expect([Status, PhysicalResourceId]).toEqual(['SUCCESS', expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(await request('Update', { PhysicalResourceId })).toMatchObject({ Status, PhysicalResourceId })
    expect(await request('Delete', { PhysicalResourceId })).toMatchObject({ Status, PhysicalResourceId })
  })

  it.each(['Update', 'Delete'] as const)(
    'touches no client that was registered by hand or elsewhere, whatever the physical id of an %s says',
    async type => {
      const { PhysicalResourceId: elsewhere = '' } = await request('Create', { stack: 'Payments' })
      for (const PhysicalResourceId of [byHand, elsewhere]) {
        const before = await store.get('Clients', { client_id: { S: PhysicalResourceId } })
        expect(await request(type, { PhysicalResourceId })).toMatchObject({
          Status: 'FAILED',
          PhysicalResourceId,
          Reason: expect.stringContaining(
            `(conflict): client ${PhysicalResourceId} was not declared by this resource, and is not touched`,
          ),
        })
        expect(await store.get('Clients', { client_id: { S: PhysicalResourceId } })).toEqual(before)
      }
    },
  )

  it('withdraws the client of a create that timed out, under the id that CloudFormation made up', async () => {
    const { PhysicalResourceId = '' } = await request('Create')
    const { Status } = await request('Delete', { PhysicalResourceId: 'Orders-Robot-1ABCDEF' })
    const client = await store.get('Clients', { client_id: { S: PhysicalResourceId } })
    expect([Status, client?.status]).toEqual(['SUCCESS', { S: 'disabled' }])
  })
})
