import type { Facts, TokenFacts } from './facts.ts'
import type { Milliseconds, Operation } from './history.ts'

/** A verifier reads the ring again for a key that it does not know, at most once in ten seconds. */
const ringRetry: Milliseconds = 12_000

/** From a key's publication to its first signature where nothing hurries it. */
const publicationLead: Milliseconds = 380_000

/**
 * Whether a verifier may not have known the key of a token: one that signs at once, as when two keys are revoked in a
 * row, is news to those that have read the ring before, until they can read it again.
 */
export function isByYoungKey({ token }: TokenFacts, operation: Operation, facts: Facts): boolean {
  const createdAt = facts.keysCreatedAt.get(token.kid)
  if (createdAt === undefined) return false
  const { invokedAt, completedAt } = operation
  const age = facts.wall(completedAt) - createdAt * 1000
  return (
    age < ringRetry ||
    (age < publicationLead && facts.faultDuring(['store', 'pause'], invokedAt, completedAt, ringRetry))
  )
}
