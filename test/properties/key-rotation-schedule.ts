import fc from 'fast-check'
import { currentSigningKey } from '../../lambda/oauth/signing-key.ts'
import { jwksMaxAgeSeconds, publishingRingRefreshSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { KeyRotationWorld, policy } from './key-rotation-world.ts'

/** What happens next, and after how long. A run that is late, or crashes, is one among others. */
const event = fc.record({
  wait: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 600 }) },
    { weight: 1, arbitrary: fc.integer({ min: 600, max: 2 * policy.rotationSeconds }) },
  ),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('keep' as const) },
    { weight: 2, arbitrary: fc.constant('keep twice' as const) },
    { weight: 2, arbitrary: fc.constant('rotate' as const) },
    { weight: 1, arbitrary: fc.constant('revoke' as const) },
    { weight: 1, arbitrary: fc.constant('outage' as const) },
  ),
  /** At which step the keeper crashes; most do not get that far. */
  crashAt: fc.integer({ min: 1, max: 12 }),
  crashesBefore: fc.boolean(),
  lifetime: fc.integer({ min: 60, max: 3600 }),
})

export const schedule = fc.array(event, { minLength: 5, maxLength: 25 })

/** What a schedule showed: how many questions were asked, and which answers were wrong. */
export interface RotationFindings {
  /** Whether a verifier accepts a valid token. */
  validAsked: number
  /** Whether a verifier accepts a token of a key that is retired or revoked. */
  endedAsked: number
  readonly wrong: string[]
}

/** How long a copy of the ring or of the JWKS may outlive a change. */
const staleSeconds = jwksMaxAgeSeconds + publishingRingRefreshSeconds

type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never

/** Plays a schedule in a world of its own. */
export async function playSchedule(events: readonly Event[]): Promise<RotationFindings> {
  const findings: RotationFindings = { validAsked: 0, endedAsked: 0, wrong: [] }
  const world = new KeyRotationWorld()
  await world.keeper(0, false).keep()
  let crashes = 0
  for (const each of events) {
    // Time passes in steps no longer than a copy is kept, as it does where requests come in.
    const until = world.seconds + each.wait
    while (world.seconds < until) {
      world.seconds = Math.min(until, world.seconds + jwksMaxAgeSeconds)
      await world.refreshJwks()
    }
    crashes += await happen(world, each)
    await world.issue(each.lifetime)
    await askVerifiers(world, findings)
    world.isStoreDown = false
  }
  // Whatever happened, one more run makes the ring whole, and only a crash leaves a key that nobody knows of.
  world.seconds += 3600
  await world.keeper(0, false).keep()
  findings.wrong.push(...problemsOf(world, crashes))
  return findings
}

/** @returns how many keepers did not come to their end */
async function happen(
  world: KeyRotationWorld,
  { what, wait, crashAt, crashesBefore }: Event,
): Promise<number> {
  world.isStoreDown = what === 'outage' && wait < jwksMaxAgeSeconds
  if (world.isStoreDown) world.lastOutage = world.seconds
  const keeper = world.keeper(crashAt, crashesBefore)
  const runs: Promise<unknown>[] = []
  if (what === 'keep' || what === 'keep twice') runs.push(keeper.keep())
  if (what === 'keep twice') runs.push(world.keeper(0, false).keep())
  if (what === 'rotate') runs.push(keeper.rotate())
  const kid = world.tokens.at(-1)?.kid
  if (what === 'revoke' && kid !== undefined) runs.push(keeper.revoke(kid).then(() => keeper.keep()))
  const ends = await Promise.all(runs.map(run => world.survives(run)))
  return ends.filter(survived => !survived).length
}

/** A valid token is accepted by everybody, one of a key whose end has come by nobody. */
async function askVerifiers(world: KeyRotationWorld, findings: RotationFindings): Promise<void> {
  const live = new Set(world.tokens.filter(token => world.seconds < token.exp).map(token => token.kid))
  for (const kid of new Set([...live, ...world.ended.keys()])) {
    const { authorizers, jwks } = await world.acceptance(kid)
    const isRevoked = world.revoked.has(kid) || world.rows.get(kid)?.state === 'revoked'
    if (live.has(kid) && !isRevoked && !isNew(world, kid)) {
      // A key that signs at once, in an emergency, is one that others do not know.
      const everybody = world.early.has(kid) ? authorizers : [...authorizers, ...jwks]
      findings.validAsked += everybody.length
      if (everybody.includes(false)) findings.wrong.push(`a valid token of ${kid} is refused`)
    }
    // In an outage the last good copy serves; what is revoked, and for how long that holds then, is the revocations' part.
    if (world.isStoreDown) continue
    const over = [
      ...(isOver(world, kid, 0) ? authorizers : []),
      // A JWKS does not say when a key ends, so that others go by what was published before.
      ...(isOver(world, kid, staleSeconds) ? jwks : []),
    ]
    findings.endedAsked += over.length
    if (over.includes(true)) findings.wrong.push(`a token of ${kid}, whose end has come, is accepted`)
  }
}

/** Ours know a key that signs at once after their next reading, ten seconds after the last one at most. */
function isNew(world: KeyRotationWorld, kid: string): boolean {
  const readableSince = Math.max(world.rows.get(kid)?.createdAt ?? 0, world.lastOutage)
  return world.early.has(kid) && world.seconds < readableSince + 10
}

function isOver(world: KeyRotationWorld, kid: string, after: number): boolean {
  const end = world.ended.get(kid)
  const revokedAt = world.revoked.get(kid)
  if (revokedAt !== undefined && world.seconds >= revokedAt + staleSeconds) return true
  return end !== undefined && world.seconds >= Math.max(end.verifyUntil + after, end.decidedAt + staleSeconds)
}

function problemsOf(world: KeyRotationWorld, crashes: number): string[] {
  const keys = [...world.rows.values()]
  const known = new Set([...world.rows.keys(), ...[...world.pending.values()].map(key => key.kmsKeyArn)])
  const unknown = [...world.keysMade].filter(kid => !known.has(kid))
  return [
    ...(currentSigningKey(keys, world.seconds) === undefined ? ['no key signs in the end'] : []),
    ...(keys.some(({ state }) => state === 'standby') ? [] : ['no key waits in the end']),
    ...(unknown.length > crashes ? [`${unknown.length} keys are lost after ${crashes} crashes`] : []),
  ]
}
