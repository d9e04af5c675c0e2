import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Revocation, revocationSubject, revokeToken, shardOf } from '../../../lambda/oauth/revocation.ts'
import { RevocationFeed } from '../../../lambda/oauth/revocation-feed.ts'
import { tokenIds } from './support/token-ids.ts'
import { clientId, nowSeconds } from './support/token-maker.ts'

const million = 1_000_000
const shards = 4
/** A page of a query is 1 MB. */
const rowsInPage = 4000
const pagesOfShard = Math.ceil(million / shards / rowsInPage) + 1

const expiresAt = nowSeconds + 3600
const ids = tokenIds(million)
/** The rows of each shard, in the order of their index. */
const rows: string[][] = Array.from({ length: shards }, () => [])
for (const jti of ids) rows[Number(shardOf(`jti#${jti}`, shards))]?.push(jti)

const tokenWith = (jti: string) => ({ jti, clientId, kid: 'key-1', iat: nowSeconds })
const [honest = ''] = tokenIds(1, 2)
const revoked = [ids[0] ?? '', ids[million / 2] ?? '', ids[million - 1] ?? '']

/** A table of a million rows that answers after a while; reading it may take a part of a minute. */
function slowTable(pageMilliseconds: (page: number) => number) {
  const later: { readonly at: number; readonly revocation: Revocation }[] = []
  const lookUpMilliseconds = 8
  const counts = { read: 0, lookUp: 0, underWay: 0, mostUnderWay: 0 }
  const laterThan = (since: number) => later.filter(({ at }) => at >= since).map(row => row.revocation)
  return {
    counts,
    revoke: (revocation: Revocation) => later.push({ at: Date.now(), revocation }),
    async read(shard: string, since: number, cursor: unknown) {
      counts.read++
      counts.mostUnderWay = Math.max(counts.mostUnderWay, ++counts.underWay)
      const page = Number(cursor ?? 0)
      await passing(pageMilliseconds(counts.read))
      counts.underWay--
      const all = since < nowSeconds * 1000 - 60_000 ? (rows[Number(shard)] ?? []) : []
      const next = (page + 1) * rowsInPage < all.length ? page + 1 : undefined
      const old = all.slice(page * rowsInPage, (page + 1) * rowsInPage)
      const revocations = old.map((jti): Revocation => ({ kind: 'jti', jti, expiresAt }))
      const isHere = (revocation: Revocation) => shardOf(revocationSubject(revocation), shards) === shard
      if (next === undefined) revocations.push(...laterThan(since).filter(isHere))
      return { revocations, next }
    },
    async lookUp(subjects: readonly string[]) {
      counts.lookUp++
      await passing(lookUpMilliseconds)
      const found = revoked.filter(jti => subjects.includes(`jti#${jti}`))
      return [
        ...found.map((jti): Revocation => ({ kind: 'jti', jti, expiresAt })),
        ...laterThan(0).filter(revocation => subjects.includes(revocationSubject(revocation))),
      ]
    },
  }
}

const passing = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

/** What comes of something, and how many milliseconds of virtual time it took. */
async function timed<T>(work: Promise<T>): Promise<{ readonly value: T; readonly milliseconds: number }> {
  const start = performance.now()
  let end: number | undefined
  const watched = work.finally(() => {
    end = performance.now()
  })
  while (end === undefined) await vi.advanceTimersByTimeAsync(1)
  return { value: await watched, milliseconds: end - start }
}

function newFeed(table: ReturnType<typeof slowTable>) {
  const outages: number[] = []
  const options = {
    shards,
    refreshSeconds: 5,
    outageGraceSeconds: 60,
    onOutage: (age: number) => outages.push(age),
    onRefresh: () => undefined,
    random: () => 0,
  }
  const clock = { now: () => Date.now(), monotonic: () => performance.now() }
  return { outages, feed: new RevocationFeed(table, options, clock) }
}

describe('an environment that starts with a million live revocations', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: nowSeconds * 1000 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each<[string, (page: number) => number, number]>([
    ['answers a page in 90 ms', () => 90, 1],
    ['answers each seventh page after the step limit', page => (page % 7 === 0 ? 400 : 90), 3],
  ])(
    'decides by look-ups, each right and in time, until all is read from a table that %s',
    async (_, pageMilliseconds, decisionsOfStep) => {
      const table = slowTable(pageMilliseconds)
      const { feed, outages } = newFeed(table)
      const init = await timed(feed.start(2000))
      expect(init.milliseconds).toBeLessThanOrEqual(2000)

      const halfway = revokeToken('halfway', expiresAt)
      const answers = new Map<string, Set<boolean>>()
      let decisions = 0
      let slowest = 0
      let isWhole = false
      for (let round = 0; !isWhole; round++) {
        if (round === 8) table.revoke(halfway)
        const known = round < 8 ? revoked : [...revoked, 'halfway']
        for (const jti of [honest, known[round % known.length] ?? '']) {
          const before = table.counts.lookUp
          const { value, milliseconds } = await timed(feed.isRevoked(tokenWith(jti)))
          isWhole = table.counts.lookUp === before
          if (isWhole) break
          decisions++
          slowest = Math.max(slowest, milliseconds)
          answers.set(jti, (answers.get(jti) ?? new Set()).add(value))
        }
      }

      expect(slowest).toBeLessThanOrEqual(251)
      expect([...answers]).toHaveLength(5)
      for (const [jti, values] of answers) expect([jti, ...values]).toEqual([jti, jti !== honest])
      // A page a shard with each decision, where the table keeps up with them.
      expect(decisions).toBeGreaterThan(15)
      expect(decisions).toBeLessThanOrEqual(pagesOfShard * decisionsOfStep)
      expect(table.counts.read).toBeLessThanOrEqual(shards * (pagesOfShard + 2))
      expect(table.counts.mostUnderWay).toBe(shards)

      const { lookUp } = table.counts
      for (const jti of [...revoked, 'halfway', ids[123_456] ?? '']) {
        expect([jti, (await timed(feed.isRevoked(tokenWith(jti)))).value]).toEqual([jti, true])
      }
      expect((await timed(feed.isRevoked(tokenWith(honest)))).value).toBe(false)
      expect([table.counts.lookUp, outages]).toEqual([lookUp, []])
    },
    60_000,
  )
})
