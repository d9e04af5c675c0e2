import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { dynamoDbClient } from '../../lambda/adapters/aws-clients.ts'
import { RevocationsTable } from '../../lambda/adapters/revocations-table.ts'
import { SigningKeysTable } from '../../lambda/adapters/signing-keys-table.ts'
import { shards } from '../lambda/oauth/support/fake-revocations.ts'
import { makeToken } from '../lambda/oauth/support/token-maker.ts'
import { functionEnvironment, ring, startFunction } from '../lambda/support/bundled-function.ts'
import { ordersAudience } from '../lambda/support/client-item.ts'
import { type Fault, startFaultServer } from '../lambda/support/fault-server.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { startLocalStore } from '../lambda/support/local-store.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import { VirtualEnvironments } from './support/virtual-environments.ts'

const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
const store = await startLocalStore()
const proxy = await startFaultServer(store.url)
await store.put('SigningKeys', signingKeyItem(ring, pair.key))

beforeEach(() => proxy.reset())
afterAll(async () => {
  await proxy.close()
  await store.close()
})

/** Seconds after which Lambda ends an authorizer, as the app deploys it. */
function authorizerTimeouts(): number[] {
  const text = readFileSync(join(inject('assemblyDir'), 'Countersign.template.json'), 'utf8')
  const resources: Record<string, { Properties: Record<string, never> }> = JSON.parse(text).Resources
  const functions = Object.values(resources).map(
    ({ Properties = {} }) => Properties as Record<string, unknown>,
  )
  return functions
    .filter(
      ({ Environment }) =>
        (Environment as { Variables?: { SERVICE?: string } })?.Variables?.SERVICE === 'authorizer',
    )
    .map(({ Timeout }) => Number(Timeout))
}

/** The longest that a decision may take, in milliseconds: two dependencies, one after the other. */
const decisionLimit = 2500

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const start = performance.now()
  const value = await work()
  return { value, milliseconds: performance.now() - start }
}

const startAuthorizer = (refreshSeconds: number) =>
  startFunction(
    'authorizer',
    {
      ...functionEnvironment({ dynamodb: proxy.url }),
      AUDIENCE: ordersAudience,
      REVOCATION_REFRESH_SECONDS: String(refreshSeconds),
      REVOCATION_OUTAGE_GRACE_SECONDS: '60',
    },
    { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
  )

const tokenOf = (jti: string) => accessToken(pair, tokenClaims(Math.floor(Date.now() / 1000), { jti }))
const event = (jti: string) => authorizerEvent('GET /orders', `Bearer ${tokenOf(jti)}`)

describe('an authorizer whose store', () => {
  it('F24: never answers has decided long before Lambda would end it, and API Gateway after 10 s', () => {
    const timeouts = authorizerTimeouts()
    expect(timeouts.length).toBeGreaterThan(1)
    for (const seconds of timeouts) {
      expect(seconds * 1000).toBeGreaterThanOrEqual(2 * decisionLimit)
      expect(seconds).toBeLessThan(10)
    }
  })

  const slow: [string, Fault][] = [
    ['never answers', 'hang'],
    ['breaks off its answers', 'stall'],
  ]

  it.each(slow)('F24: %s, refuses by itself within 2.5 s, each time', async (_, fault) => {
    const authorizer = await startAuthorizer(0)
    proxy.always(fault)
    for (const jti of ['first', 'second']) {
      const { value, milliseconds } = await timed(() => authorizer.invoke(event(jti)))
      expect([value.result, value.failure]).toEqual([undefined, 'Error: store_unavailable'])
      expect(milliseconds).toBeLessThan(decisionLimit)
    }
    proxy.reset()
    expect((await authorizer.invoke(event('first'))).result).toMatchObject({ isAuthorized: true })
    await authorizer.stop()
  })

  it.each(slow)(
    'F24: %s while it starts, starts within Lambda’s 10 s of init and refuses',
    async (_, fault) => {
      proxy.always(fault)
      const { value: authorizer, milliseconds } = await timed(() => startAuthorizer(600))
      expect(authorizer.start.failure).toBe(undefined)
      expect(milliseconds).toBeLessThan(5000)
      const decision = await timed(() => authorizer.invoke(event('cold')))
      expect(decision.value.failure).toBe('Error: store_unavailable')
      expect(decision.milliseconds).toBeLessThan(decisionLimit)
      await authorizer.stop()
    },
  )
})

describe('a decision for which everything is due', () => {
  it('F24: waits for the keys and for the revocations, and no longer than 2.5 s in all', async () => {
    const environment = functionEnvironment({ dynamodb: proxy.url })
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    const client = dynamoDbClient({ observe: () => {} })
    const { records } = recordedLines('authorizer')
    const world = new VirtualEnvironments()
    const authorizer = await world.start({ refreshSeconds: 0 })
    const keys = new SigningKeysTable(client, 'SigningKeys', ring, records)
    const revocations = new RevocationsTable(client, 'Revocations', shards, records)
    world.ring.read = () => keys.read()
    world.reading.lookUp = async () => {
      await revocations.lookUp(['jti#any'])
      return []
    }
    world.clock.advance(300_000)
    proxy.always('hang')
    const { value, milliseconds } = await timed(() => authorizer.ask(makeToken()))
    expect(value).toBe('store_unavailable')
    expect(milliseconds).toBeLessThan(decisionLimit)
    client.destroy()
  })
})
