import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RevocationsTable } from '../../lambda/adapters/revocations-table.ts'
import { SingleUseTable } from '../../lambda/adapters/single-use-table.ts'
import {
  type Revocation,
  revokeAllTokens,
  revokeClientTokens,
  revokes,
  revokeToken,
  shardOf,
} from '../../lambda/oauth/revocation.ts'
import { nextRevocationMoment } from '../../lambda/oauth/revocation-moment.ts'
import { useClientFunctions } from '../attacks/support/client-functions.ts'
import { newFeed } from '../lambda/oauth/support/fake-revocations.ts'
import { secretId } from '../lambda/support/client-item.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import { KeyRotationWorld } from '../properties/key-rotation-world.ts'
import { itHolds } from '../properties/run-property.ts'

/** Twice the skew of a clock, and a minute. */
const margin = 2 * 10 + 60
const nowSeconds = 1_767_323_045

describe('a row that DynamoDB has not deleted yet', () => {
  const functions = useClientFunctions()

  it('F28: of an assertion whose time is over lets it be used again, once', async () => {
    const { store } = functions()
    const table = new SingleUseTable(store.client, 'SingleUse', recordedLines().records)
    const use = { jti: 'kept', expiresAt: nowSeconds + 60 }
    const claim = (seconds: number) => table.claimAssertion('client', use, nowSeconds + seconds)
    expect(await claim(0)).toBe(true)
    for (const seconds of [0, 60, 61, 60 + margin]) expect(await claim(seconds)).toBe(false)
    const later = { jti: 'kept', expiresAt: nowSeconds + 600 }
    const again = Array.from({ length: 5 }, () =>
      table.claimAssertion('client', later, nowSeconds + 61 + margin),
    )
    expect((await Promise.all(again)).filter(Boolean)).toHaveLength(1)
  })

  it('F28: of a secret whose time is over is no secret', async () => {
    const now = Math.floor(Date.now() / 1000)
    const secretUntil = (expires: number) => ({
      secrets: {
        L: [
          { M: { secret_id: { S: secretId }, created_at: { N: '1' }, expires_at: { N: String(expires) } } },
        ],
      },
    })
    await functions().addClient('over', secretUntil(now - 1))
    await functions().addClient('live', secretUntil(now + 3600))
    const over = await functions().invoke('token', 'over')
    expect([over.status, over.event.reason]).toEqual([401, 'secret_expired'])
    expect((await functions().invoke('token', 'live')).status).toBe(200)
  })

  it('F28: of a revocation that is over revokes nothing, read as a list or looked up', async () => {
    const { store } = functions()
    const table = new RevocationsTable(store.client, 'Revocations', 4, recordedLines().records)
    const token = { jti: 'over', clientId: 'c', kid: 'k', iat: nowSeconds }
    await table.write(revokeToken('over', nowSeconds - margin), nowSeconds * 1000)
    const found = await table.lookUp(['jti#over'])
    expect(found).toHaveLength(1)
    expect(found.some(record => revokes(record, token, nowSeconds))).toBe(false)
    for (const refreshSeconds of [0, 5]) {
      const { feed, store: rows } = newFeed({ refreshSeconds })
      rows.revoke(revokeToken('over', nowSeconds - margin))
      await feed.start(2000)
      expect(await feed.isRevoked(token)).toBe(false)
    }
  })

  it('F28: of failures that are over counts nothing', async () => {
    await functions().addClient('guessed')
    for (let guess = 0; guess < 20; guess++) await functions().invoke('token', 'guessed', 'wrong')
    expect((await functions().invoke('token', 'guessed')).status).toBe(429)
    const rows = await functions().store.client.send(
      new (await import('@aws-sdk/client-dynamodb')).ScanCommand({ TableName: 'SingleUse' }),
    )
    const counter = rows.Items?.find(({ id }) => id?.S?.includes('guessed'))
    const { since } = counter ?? {}
    expect(since?.N).toBeDefined()
    // The same row, an hour older: it is there, and its window is over.
    const anHourAgo = { N: String(Number(since?.N) - 3600) }
    await functions().store.put('SingleUse', { ...counter, since: anHourAgo } as never)
    expect((await functions().invoke('token', 'guessed')).status).toBe(200)
  })
})

describe('a row with an end', () => {
  const token = fc.record({
    iat: fc.integer({ min: 1, max: 2 ** 40 }),
    lifetime: fc.integer({ min: 60, max: 3600 }),
  })

  /** Whether a record still revokes when the token is dead by every clock, and a minute after that. */
  const outlives = (revocation: Revocation, iat: number, exp: number) => {
    const revocable = { jti: 'j', clientId: 'c', kid: 'k', iat }
    return revokes(revocation, revocable, exp + margin - 1)
  }

  itHolds(
    'F29: outlives the token that it revokes by twice the skew and a minute',
    500,
    fc.property(token, ({ iat, lifetime }) => {
      const exp = iat + lifetime
      const moment = nextRevocationMoment(iat * 1000, 0)
      for (const revocation of [
        revokeToken('j', exp),
        revokeClientTokens('c', moment),
        revokeAllTokens(moment),
      ])
        expect(outlives(revocation, iat, exp)).toBe(true)
      // Also for the last token that the moment covers, which lives for as long as any.
      expect(outlives(revokeClientTokens('c', moment), moment, moment + 3600)).toBe(true)
      expect(outlives(revokeAllTokens(moment), moment, moment + 3600)).toBe(true)
    }),
  )

  it('F29: is written with that end, which is what DynamoDB deletes by', async () => {
    const sent: { input: Record<string, never> }[] = []
    const client = { send: async (command: never) => void sent.push(command) }
    const { records } = recordedLines()
    const revocations = new RevocationsTable(client as never, 'Revocations', 4, records)
    await revocations.write(revokeToken('j', nowSeconds + 600), nowSeconds * 1000)
    const singleUse = new SingleUseTable(client as never, 'SingleUse', records)
    await singleUse.claimAssertion('c', { jti: 'j', expiresAt: nowSeconds + 300 }, nowSeconds)
    const [write, claim] = sent.map(({ input }) => input as Record<string, Record<string, unknown>>)
    expect(write?.Key).toEqual({ shard: { S: shardOf('jti#j', 4) }, subject: { S: 'jti#j' } })
    expect(write?.ExpressionAttributeValues?.[':exp']).toEqual({ N: String(nowSeconds + 600 + margin) })
    expect(claim?.Item).toMatchObject({ expires_at: { N: String(nowSeconds + 300 + margin) } })
  })

  it('F29: of a key outlives every token that the key can have signed', async () => {
    const world = new KeyRotationWorld()
    await world.keeper(0, false).keep()
    const [key] = [...world.rows.values()]
    const written: Revocation[] = []
    const { RingKeeper } = await import('../../lambda/oauth/ring-keeper.ts')
    const keeper = new RingKeeper(
      {
        store: {
          readWithPending: async () => ({ keys: [...world.rows.values()], pending: [] }),
          activate: async () => undefined,
          revoke: async () => undefined,
        },
        writeRevocation: async (revocation: Revocation) => void written.push(revocation),
        now: () => world.seconds,
        onChange: () => undefined,
      } as never,
      { algorithm: 'ES256', custody: 'kms', rotationSeconds: 86_400 },
    )
    await keeper.revoke(key?.kid ?? '')
    // A function that cannot read the ring signs with it for five minutes more.
    const lastExpiry = world.seconds + 300 + 3600
    expect(written).toMatchObject([{ kind: 'kid', kid: key?.kid }])
    expect(written[0]?.expiresAt).toBeGreaterThanOrEqual(lastExpiry + margin)
  })
})
