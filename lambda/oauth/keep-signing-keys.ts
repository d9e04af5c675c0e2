import type { JwsAlgorithm } from './public-key.ts'
import {
  type Custody,
  currentSigningKey,
  custodyOf,
  isPublishedLongEnough,
  isTrusted,
  type SigningKey,
  standbyKeys,
} from './signing-key.ts'
import { retirementSeconds } from './signing-key-times.ts'

/** What the deployment wants of its ring. */
export interface RingPolicy {
  readonly algorithm: JwsAlgorithm
  readonly custody: Custody
  /** How long a key signs. */
  readonly rotationSeconds: number
}

/** One change of the ring: a single write, after which the next one is found from what is there. */
export type RingStep =
  | { readonly kind: 'create'; readonly state: 'active' | 'standby' }
  | { readonly kind: 'activate'; readonly key: SigningKey; readonly signFrom: number }
  | { readonly kind: 'retire'; readonly key: SigningKey; readonly verifyUntil: number }
  | { readonly kind: 'remove'; readonly key: SigningKey }

/**
 * The next change that a ring needs; undefined = none. It follows from the rows and the time alone, so it does not
 * matter how often, how late or by how many keepers at once it is asked, nor after which change one of them crashed.
 *
 * @param unusable the identifiers of keys that KMS does not sign with: disabled, or to be deleted
 */
export function nextRingStep(
  ring: readonly SigningKey[],
  policy: RingPolicy,
  nowSeconds: number,
  unusable: ReadonlySet<string> = new Set(),
): RingStep | undefined {
  const current = currentSigningKey(ring, nowSeconds)
  const waiting = standbyKeys(ring)
  const suits = (key: SigningKey) => key.algorithm === policy.algorithm && custodyOf(key) === policy.custody
  const successors = waiting.filter(key => suits(key) && !unusable.has(key.kid))

  // Without a key that signs there is no token at all: that is worse than a verifier which has to read the JWKS again.
  if (current === undefined)
    return start(
      waiting.find(key => !unusable.has(key.kid)),
      nowSeconds,
    )
  const isDue =
    !suits(current) ||
    unusable.has(current.kid) ||
    nowSeconds >= (current.signFrom ?? 0) + policy.rotationSeconds
  const successor = successors.find(key => isPublishedLongEnough(key, nowSeconds))
  if (isDue && successor !== undefined) return activationOf(successor, current, nowSeconds)

  const former = ring.find(key => key.state === 'active' && key !== current && isPast(key, nowSeconds))
  if (former !== undefined) return retire(former, current.signFrom ?? nowSeconds)
  if (successors.length === 0) return { kind: 'create', state: 'standby' }
  // One that was published may have signed in an emergency: its tokens run out like any other's.
  const misfit = waiting.find(key => !successors.includes(key))
  if (misfit !== undefined) return retire(misfit, nowSeconds)
  const expired = ring.find(key => key.verifyUntil !== undefined && key.verifyUntil <= nowSeconds)
  return expired === undefined ? undefined : { kind: 'remove', key: expired }
}

/** A key signs after another: never before it has begun, whatever the clock of this keeper says. */
export function activationOf(key: SigningKey, current: SigningKey | undefined, nowSeconds: number) {
  return { kind: 'activate', key, signFrom: Math.max(nowSeconds, (current?.signFrom ?? 0) + 1) } as const
}

/** A key signs from now on in the place of one that is revoked: at once, whoever may not know it yet. */
export function replacementStep(ring: readonly SigningKey[], revoked: SigningKey, nowSeconds: number) {
  const others = ring.filter(key => key.kid !== revoked.kid && isTrusted(key, nowSeconds))
  if (currentSigningKey(others, nowSeconds) !== undefined) return undefined
  const [key] = standbyKeys(others)
  return key === undefined ? undefined : ({ kind: 'activate', key, signFrom: nowSeconds } as const)
}

function start(standby: SigningKey | undefined, nowSeconds: number): RingStep {
  return standby === undefined
    ? { kind: 'create', state: 'active' }
    : { kind: 'activate', key: standby, signFrom: nowSeconds }
}

/** @param signedUntil since when another key signs */
function retire(key: SigningKey, signedUntil: number): RingStep {
  return { kind: 'retire', key, verifyUntil: signedUntil + retirementSeconds }
}

/** A key that starts later than now has been activated by a keeper whose clock is ahead. */
function isPast({ signFrom }: SigningKey, nowSeconds: number): boolean {
  return (signFrom ?? 0) <= nowSeconds
}
