import { afterAll, beforeEach, expect, vi } from 'vitest'
import { authorizerHandler } from '../../../lambda/adapters/authorizer-handler.ts'
import { dynamoDbClient } from '../../../lambda/adapters/aws-clients.ts'
import { RevocationsTable } from '../../../lambda/adapters/revocations-table.ts'
import { signatureVerifier } from '../../../lambda/adapters/signature-verifier.ts'
import { SigningKeysTable } from '../../../lambda/adapters/signing-keys-table.ts'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { revokeToken } from '../../../lambda/oauth/revocation.ts'
import { RevocationFeed } from '../../../lambda/oauth/revocation-feed.ts'
import { parseRouteTable } from '../../../lambda/oauth/route-table.ts'
import { SigningKeyRing } from '../../../lambda/oauth/signing-key-ring.ts'
import { VerifiedTokenMemory } from '../../../lambda/oauth/verified-token-memory.ts'
import { virtualClock } from '../../lambda/oauth/support/fake-revocations.ts'
import { functionEnvironment, ring } from '../../lambda/support/bundled-function.ts'
import { issuer, ordersAudience } from '../../lambda/support/client-item.ts'
import { startFaultServer } from '../../lambda/support/fault-server.ts'
import { authorizerEvent } from '../../lambda/support/http-event.ts'
import { startLocalStore } from '../../lambda/support/local-store.ts'
import { recordedLines } from '../../lambda/support/recorded-lines.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../../lambda/support/signing-key-pair.ts'
import type { Verdict } from './faulted-functions.ts'

export const shards = 4

/** In seconds, as the deployment's default makes them. */
export const defaultBounds = { refreshSeconds: 5, outageGraceSeconds: 60 }

const routes = JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } })

/**
 * The authorizer as its function composes it, on a store with real sockets and real faults, and on a clock that is told
 * what time it is: what takes minutes of an outage takes none of a test.
 */
export async function startVirtualAuthorizer(bounds: Partial<typeof defaultBounds> = {}) {
  const store = await startLocalStore()
  const proxy = await startFaultServer(store.url)
  const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
  await store.put('SigningKeys', signingKeyItem(ring, pair.key))
  const environment = functionEnvironment({ dynamodb: proxy.url })
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  // Answers come by the real clock.
  const watch = new ClockWatch(() => {})
  const client = dynamoDbClient(watch)
  const recorded = recordedLines('authorizer')
  const clock = virtualClock()
  // The library that verifies signatures reads the time of its own accord.
  clock.jumpWall(Date.now() - clock.now())
  const keys = new SigningKeysTable(client, 'SigningKeys', ring, recorded.records)
  const keyRing = new SigningKeyRing(() => keys.read(), clock)
  const revocations = new RevocationsTable(client, 'Revocations', shards, recorded.records)
  const writer = new RevocationsTable(store.client, 'Revocations', shards, recorded.records)
  const feed = new RevocationFeed(
    {
      read: (shard, since, cursor) => revocations.read(shard, since, cursor),
      lookUp: subjects => revocations.lookUp(subjects),
    },
    {
      shards,
      ...defaultBounds,
      ...bounds,
      onOutage: age => recorded.records.revocationStoreUnreachable(age),
      onRefresh: age => recorded.records.revocationSnapshotAge(age),
      // Each refresh as late as it may be.
      random: () => 0,
    },
    clock,
  )
  const handler = authorizerHandler(
    {
      issuer,
      audience: ordersAudience,
      findKey: kid => keyRing.findOrRead(kid),
      verifySignature: signatureVerifier(issuer, ordersAudience),
      routes: parseRouteTable(routes),
      memory: new VerifiedTokenMemory(),
      findKnownKey: kid => keyRing.find(kid),
      isRevoked: token => feed.isRevoked(token),
    },
    { clock, records: recorded.records, watch },
  )
  const issuedAt = Math.floor(clock.now() / 1000)
  /** A token that lives longer than the outages here. */
  const token = (jti: string) => accessToken(pair, tokenClaims(issuedAt, { jti, exp: issuedAt + 3600 }))

  async function ask(text: string): Promise<Verdict> {
    const event = authorizerEvent('GET /orders', `Bearer ${text}`) as never
    try {
      const result = await handler(event)
      if ('isAuthorized' in result && result.isAuthorized) return 'allowed'
      expect(result).toEqual({ errorMessage: 'Unauthorized' })
      return 'refused'
    } catch (error) {
      expect(error).toMatchObject({ message: 'store_unavailable' })
      return 'failed'
    }
  }

  // The SDK reads its settings from the environment with its first request.
  await feed.start(2000)
  const { refreshSeconds } = { ...defaultBounds, ...bounds }
  // However busy the machine is: until a decision asks nobody, where there is a snapshot.
  for (let asked = -1; asked !== proxy.operations.length && refreshSeconds > 0; ) {
    asked = proxy.operations.length
    await ask(token('first'))
  }

  return {
    store,
    proxy,
    clock,
    /** Lines that were printed since the test began. */
    recorded,
    token,
    /** Revokes a token by another way than the proxy. */
    revoke: (jti: string) => writer.write(revokeToken(jti, issuedAt + 3600), clock.now()),
    ask,
    async close(): Promise<void> {
      client.destroy()
      await proxy.close()
      await store.close()
    },
  }
}

export type VirtualAuthorizer = Awaited<ReturnType<typeof startVirtualAuthorizer>>

/** Starts an authorizer for each test: with a snapshot that is fresh, and no fault. */
export function useVirtualAuthorizer(bounds?: Partial<typeof defaultBounds>): () => VirtualAuthorizer {
  let authorizer: VirtualAuthorizer | undefined
  beforeEach(async () => {
    await authorizer?.close()
    authorizer = await startVirtualAuthorizer(bounds)
    authorizer.proxy.reset()
    authorizer.recorded.clear()
  })
  afterAll(() => authorizer?.close())
  return () => {
    if (authorizer === undefined) throw new Error('the authorizer did not start')
    return authorizer
  }
}
