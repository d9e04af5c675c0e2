import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { revokeToken } from '../../lambda/oauth/revocation.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import { newFeed } from '../lambda/oauth/support/fake-revocations.ts'
import { clientId, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import {
  denied,
  type Fault,
  failing,
  noTable,
  overloaded,
  throttled,
} from '../lambda/support/fault-server.ts'
import { itHolds } from '../properties/run-property.ts'
import { waitLimitMilliseconds } from './support/faulted-functions.ts'
import { defaultBounds, shards, useVirtualAuthorizer } from './support/virtual-authorizer.ts'

const { refreshSeconds, outageGraceSeconds } = defaultBounds
const queries = { operation: 'Query', table: 'Revocations' }

/** The first moment at which the snapshot is too old, in milliseconds from its reading. */
const dueAfter = refreshSeconds * 1000 + 1
const bound = (refreshSeconds + outageGraceSeconds) * 1000

const authorizer = useVirtualAuthorizer()

/** What of an outage is printed for the alarm. */
const outages = () => authorizer().recorded.lines.filter(line => line.RevocationStoreUnreachable === 1)

/** What the store does, how often it is asked then, and the row that is about it. */
const faults: [row: string, what: string, fault: Fault, attempts: number][] = [
  ['F2', 'throttles', throttled, 2],
  ['F4', 'fails', failing, 2],
  ['F4', 'is overloaded', overloaded, 2],
  ['F4', 'breaks connections', 'reset', 2],
  ['F4', 'truncates its answers', 'truncate', 2],
  ['F12', 'denies access', denied, 1],
  ['F12', 'has no such table', noTable, 1],
]

describe('the authorizer, while the store of revocations', () => {
  it.each(faults)(
    '%s: %s, serves from its last snapshot until the grace is over, and then nothing',
    async (_, __, fault, attempts) => {
      const { clock, proxy, token, ask } = authorizer()
      const live = token('live')
      expect(await ask(live)).toBe('allowed')
      proxy.on(fault, queries)
      clock.advance(dueAfter)
      expect(await ask(live)).toBe('allowed')
      expect(proxy.operations.length).toBeLessThanOrEqual(attempts * shards)
      expect(outages()).toMatchObject([{ ageSeconds: 5 }])
      clock.advance(bound - dueAfter)
      expect(await ask(live)).toBe('allowed')
      clock.advance(1)
      expect(await ask(live)).toBe('failed')
      proxy.reset()
      clock.advance(1000)
      expect(await ask(live)).toBe('allowed')
    },
  )

  it.each(faults)(
    '%s: %s, refuses what it knew to be revoked, and what was revoked meanwhile as soon as it can read',
    async (_, __, fault) => {
      const { clock, proxy, token, ask, revoke } = authorizer()
      await revoke('before')
      clock.advance(dueAfter)
      expect(await ask(token('before'))).toBe('refused')
      proxy.on(fault, queries)
      await revoke('meanwhile')
      clock.advance(dueAfter)
      expect(await ask(token('before'))).toBe('refused')
      expect(await ask(token('meanwhile'))).toBe('allowed')
      proxy.reset()
      clock.advance(1000)
      expect(await ask(token('meanwhile'))).toBe('refused')
    },
  )

  it.each(faults.filter(([, , , attempts]) => attempts === 2))(
    '%s: %s once, is none the worse for it',
    async (_, __, fault) => {
      const { clock, proxy, token, ask, revoke } = authorizer()
      await revoke('revoked')
      proxy.on(fault, { ...queries, count: 1 })
      clock.advance(dueAfter)
      expect(await ask(token('revoked'))).toBe('refused')
      expect([proxy.operations.length, outages()]).toEqual([shards + 1, []])
    },
  )

  it('F12: is not to be read, asks once a second and no more, however many requests there are', async () => {
    const { clock, proxy, token, ask } = authorizer()
    const live = token('live')
    proxy.on(denied, queries)
    clock.advance(dueAfter)
    for (let request = 0; request < 30; request++) {
      expect(await ask(live)).toBe('allowed')
      clock.advance(100)
    }
    // A failure of one shard does not wait for the requests to the others, which are under way.
    await expect.poll(() => proxy.operations.length).toBe(3 * shards)
  })

  it('F3: never answers, decides within 1.5 s: once for the attempt, and at once until the next', async () => {
    const { clock, proxy, token, ask } = authorizer()
    const live = token('live')
    proxy.on('hang', queries)
    clock.advance(dueAfter)
    const start = performance.now()
    expect(await ask(live)).toBe('allowed')
    expect(performance.now() - start).toBeLessThan(waitLimitMilliseconds)
    expect(proxy.operations).toHaveLength(2 * shards)
    for (let request = 0; request < 10; request++) expect(await ask(live)).toBe('allowed')
    expect(proxy.operations).toHaveLength(2 * shards)
  })

  it('F3: never answers, refuses within 1.5 s when the grace is over', async () => {
    const { clock, proxy, token, ask } = authorizer()
    proxy.on('hang', queries)
    clock.advance(bound + 1)
    const start = performance.now()
    expect(await ask(token('live'))).toBe('failed')
    expect(performance.now() - start).toBeLessThan(waitLimitMilliseconds)
  })
})

describe('the authorizer without a snapshot', () => {
  const authorizer = useVirtualAuthorizer({ refreshSeconds: 0, outageGraceSeconds: 0 })

  it.each<[string, string, Fault]>([
    ...faults.map(([row, what, fault]): [string, string, Fault] => [row, what, fault]),
    ['F3', 'never answers', 'hang'],
  ])('%s: allows nothing while the store %s, and again from the next answer on', async (_, __, fault) => {
    const { proxy, token, ask } = authorizer()
    proxy.always(fault)
    const start = performance.now()
    expect(await ask(token('live'))).toBe('failed')
    expect(performance.now() - start).toBeLessThan(waitLimitMilliseconds)
    proxy.reset()
    expect(await ask(token('live'))).toBe('allowed')
  })
})

/** What happens to three tokens and their store. */
const history = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), token: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        seconds: fc.double({ max: 1, min: 0, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), token: fc.nat(2) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('store' as const),
        state: fc.constantFrom('up', 'down', 'stale'),
      }),
    },
  ),
  { minLength: 20, maxLength: 80, size: 'max' },
)

type Step =
  | { kind: 'ask' | 'revoke'; token: number }
  | { kind: 'wait'; seconds: number }
  | { kind: 'store'; state: string }

/** Plays a history, and tells of each answer: whether the token is revoked, or why it is not known. */
async function play(
  steps: readonly Step[],
  onAnswer: (answer: 'allowed' | 'refused' | 'failed', token: number, nowMilliseconds: number) => void,
  onChange: (step: Step, nowMilliseconds: number) => void,
): Promise<void> {
  const { feed, store, clock } = newFeed(defaultBounds)
  await feed.start(2000)
  const { read } = store
  let isStale = false
  store.read = async (...page) => (isStale ? { revocations: [], next: undefined } : read(...page))
  for (const step of steps) {
    if (step.kind !== 'ask') onChange(step, clock.now())
    if (step.kind === 'wait') clock.advance(Math.round(step.seconds * 1000))
    if (step.kind === 'revoke') store.revoke(revokeToken(`token-${step.token}`, nowSeconds + 7200))
    if (step.kind === 'store') {
      store.state.isDown = step.state === 'down'
      isStale = step.state === 'stale'
    }
    if (step.kind === 'ask') {
      const token = { jti: `token-${step.token}`, clientId, kid: 'key-1', iat: nowSeconds }
      const revoked = await feed.isRevoked(token).catch((thrown: unknown) => thrown)
      if (typeof revoked !== 'boolean') expect(revoked).toBeInstanceOf(Unavailable)
      onAnswer(
        typeof revoked !== 'boolean' ? 'failed' : revoked ? 'refused' : 'allowed',
        step.token,
        clock.now(),
      )
    }
  }
}

describe('whatever happens to the store of revocations', () => {
  itHolds(
    'F2: no token is allowed later than the delay after its revocation, and the grace while the store is away',
    300,
    fc.asyncProperty(history, async steps => {
      const revokedAt = new Map<number, number>()
      const isInOutage = new Set<number>()
      let isDown = false
      const honest = steps.filter(step => !(step.kind === 'store' && step.state === 'stale'))
      await play(
        honest,
        (answer, token, now) => {
          const since = now - (revokedAt.get(token) ?? now)
          if (!revokedAt.has(token)) expect(answer).not.toBe('refused')
          if (answer !== 'allowed') return
          expect(since).toBeLessThanOrEqual(isInOutage.has(token) ? bound : refreshSeconds * 1000)
        },
        (step, now) => {
          if (step.kind === 'store') isDown = step.state === 'down'
          if (step.kind === 'revoke' && !revokedAt.has(step.token)) revokedAt.set(step.token, now)
          if (isDown) for (const token of revokedAt.keys()) isInOutage.add(token)
        },
      )
    }),
  )

  itHolds(
    'F5: no token that was refused is ever allowed again, though the store forgets or is away',
    300,
    fc.asyncProperty(history, async steps => {
      const refused = new Set<number>()
      await play(
        steps,
        (answer, token) => {
          if (answer === 'refused') refused.add(token)
          if (refused.has(token)) expect(answer).not.toBe('allowed')
        },
        () => undefined,
      )
    }),
  )
})
