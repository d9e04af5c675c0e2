import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { RevocationsTable } from '../../lambda/adapters/revocations-table.ts'
import { shardOf } from '../../lambda/oauth/revocation.ts'
import { shards } from '../lambda/oauth/support/fake-revocations.ts'
import { makeToken, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import type { Attributes } from '../lambda/support/local-store.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'
import { bounds, VirtualEnvironments } from './support/virtual-environments.ts'

/** A row as it should be, which revokes `jti`. */
const rowOf = (jti: string, changes: Attributes = {}): Attributes => ({
  shard: { S: shardOf(`jti#${jti}`, shards) },
  subject: { S: `jti#${jti}` },
  revoked_at: { N: String(nowSeconds * 1000) },
  expires_at: { N: String(nowSeconds + 7200) },
  ...changes,
})

/** An authorizer over the real adapter, on a table that holds these rows and answers whatever page is asked for. */
async function newAuthorizer(rows: Attributes[], options: { outageGraceSeconds?: number } = {}) {
  const world = new VirtualEnvironments()
  const recorded = recordedLines('authorizer')
  const state = { rows, pageSize: 10_000, pages: 0, millisecondsPerPage: 0 }
  type Asked = { input: { ExpressionAttributeValues?: Attributes; ExclusiveStartKey?: { at: number } } }
  const client = {
    send: async ({ input }: Asked) => {
      state.pages++
      // Two shards are read beside each other.
      world.clock.advance(state.millisecondsPerPage / shards)
      const shard = input.ExpressionAttributeValues?.[':shard']?.S
      const found = state.rows.filter(row => row.shard?.S === shard)
      const start = input.ExclusiveStartKey?.at ?? 0
      const end = start + state.pageSize
      const LastEvaluatedKey = end < found.length ? { at: end } : undefined
      const Items = found.slice(start, end)
      return { Items, Count: Items.length, LastEvaluatedKey }
    },
  }
  const table = new RevocationsTable(client as never, 'Revocations', shards, recorded.records)
  world.reading.read = (shard, since, cursor) => table.read(shard, since, cursor)
  const { ask } = await world.start(options)
  return { world, state, recorded, ask }
}

const bound = (bounds.refreshSeconds + bounds.outageGraceSeconds) * 1000
const due = bounds.refreshSeconds * 1000 + 1

const live = makeToken({ jti: 'live' })
const revoked = makeToken({ jti: 'revoked' })
const late = makeToken({ jti: 'late' })

const without = (name: string): Attributes => {
  const { [name]: _, ...others } = rowOf('damaged')
  return others
}

const damaged: [string, Attributes][] = [
  ['without an end', without('expires_at')],
  ['with an end that is text', rowOf('damaged', { expires_at: { S: '9999999999' } })],
  ['with an end before all time', rowOf('damaged', { expires_at: { N: '-1' } })],
  ['with an end that no number holds', rowOf('damaged', { expires_at: { N: '1e300' } })],
  ['with an end that is nothing', rowOf('damaged', { expires_at: { NULL: true } })],
  ['of a kind that nobody knows', rowOf('damaged', { subject: { S: 'sub#somebody' } })],
  ['of a later version', rowOf('damaged', { subject: { S: 'grant#1' }, version: { N: '2' } })],
  ['of no token', rowOf('damaged', { subject: { S: 'jti#' } })],
  ['of nothing', rowOf('damaged', { subject: { S: '' } })],
  ['of a client, without a moment', rowOf('damaged', { subject: { S: 'client#somebody' } })],
  ['of everything, without a moment', rowOf('damaged', { subject: { S: 'all' } })],
  [
    'of everything, up to no moment',
    rowOf('damaged', { subject: { S: 'all' }, revoked_up_to: { N: '0.5' } }),
  ],
  [
    'that is a megabyte of something else',
    { ...rowOf('damaged'), subject: { B: new Uint8Array(1_000_000) } },
  ],
]

describe('a row of revocations', () => {
  it.each(damaged)(
    'F26: %s spoils its reading: the last good snapshot decides until the grace is over',
    async (_, row) => {
      const { world, state, recorded, ask } = await newAuthorizer([rowOf('revoked')])
      expect([await ask(live), await ask(revoked)]).toEqual(['allowed', 'token_revoked'])
      recorded.clear()
      // What is sound beside it is not taken either, in whichever order they come.
      state.rows = [rowOf('late'), row, rowOf('later')]
      world.clock.advance(due)
      expect([await ask(live), await ask(revoked), await ask(late)]).toEqual([
        'allowed',
        'token_revoked',
        'allowed',
      ])
      const key = row.subject?.S ?? '?'
      expect(recorded.lines[0]).toMatchObject({
        message: 'malformed record',
        table: 'Revocations',
        key,
        StoreErrors: 1,
      })
      world.clock.advance(bound - due)
      expect([await ask(live), await ask(revoked)]).toEqual(['allowed', 'token_revoked'])
      world.clock.advance(1)
      expect([await ask(live), await ask(revoked)]).toEqual(Array(2).fill('store_unavailable'))
      // Once it is mended the next reading counts, which is a second later at most.
      state.rows = [rowOf('late')]
      world.clock.advance(1000)
      expect([await ask(live), await ask(revoked), await ask(late)]).toEqual([
        'allowed',
        'token_revoked',
        'token_revoked',
      ])
    },
  )

  it.each(damaged)(
    'F26: %s leaves an authorizer that starts without a snapshot: it looks up, token by token',
    async (_, row) => {
      const { world, ask } = await newAuthorizer([row])
      expect(await ask(live)).toBe('allowed')
      expect(world.revocations.counts.lookUp).toBe(1)
      world.revocations.state.isDown = true
      expect(await ask(live)).toBe('store_unavailable')
    },
  )
})

describe('the rows of revocations', () => {
  it('F26: that come twice, and in any order, are one: the one that reaches furthest counts', async () => {
    const client = (upTo: number, until: number): Record<string, AttributeValue> => ({
      ...rowOf('any', { subject: { S: 'client#0123456789abcdef0123456789abcdef' } }),
      revoked_up_to: { N: String(upTo) },
      expires_at: { N: String(until) },
    })
    const rows = [client(nowSeconds, nowSeconds + 900), client(nowSeconds - 900, nowSeconds + 10)]
    for (const order of [rows, rows.toReversed(), [...rows, ...rows]]) {
      const { ask } = await newAuthorizer(order)
      expect(await ask(live)).toBe('token_revoked')
    }
  })

  it('F26: are taken ten times as many as ever, page after page', async () => {
    const many = Array.from({ length: 50_000 }, (_, index) => rowOf(`other-${index}`))
    const { world, state, ask } = await newAuthorizer([])
    state.rows = [...many, rowOf('late')]
    state.pageSize = 5000
    world.clock.advance(due)
    expect([await ask(late), await ask(live)]).toEqual(['token_revoked', 'allowed'])
  })

  it('F26: that are more than can be read in a second are not taken in part', async () => {
    const { world, state, ask } = await newAuthorizer([rowOf('revoked')])
    state.rows = Array.from({ length: 400 }, (_, index) => rowOf(`other-${index}`))
    state.pageSize = 10
    state.millisecondsPerPage = 100
    world.clock.advance(due)
    expect([await ask(live), await ask(revoked)]).toEqual(['allowed', 'token_revoked'])
    expect(state.pages).toBeLessThan(40)
    world.clock.advance(bound)
    expect([await ask(live), await ask(revoked)]).toEqual(['allowed', 'token_revoked'])
  })

  it('F26: that are more than can be read in a second are read in more than one', async () => {
    const { world, state, ask } = await newAuthorizer([])
    state.rows = Array.from({ length: 400 }, (_, index) => rowOf(`other-${index}`))
    state.pageSize = 10
    state.millisecondsPerPage = 100
    const answers: string[] = []
    for (let second = 0; second < 600; second += 5) {
      world.clock.advance(5001)
      answers.push(await ask(makeToken({ exp: nowSeconds + 3600 })))
    }
    expect(answers.slice(-10)).toEqual(Array(10).fill('allowed'))
  })
})
