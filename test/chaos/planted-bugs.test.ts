import { describe, expect, it } from 'vitest'
import type { Invariant } from './findings.ts'
import { type PlantedBug, plantedBugs, wrappersWith } from './planted-bugs.ts'
import { simulate } from './simulated-run.ts'

/** By bug, what it violates first of all, and in how many virtual minutes. */
const caught: Record<PlantedBug, readonly [invariant: Invariant, minutes: number]> = {
  // One in a thousand needs its time.
  'drop 1/1000 revocations': ['I1', 10],
  'revocation keyed by token hash': ['I1', 1],
  'skip consistent read': ['I1', 1],
  'cache allow 60 s': ['I1', 1],
  '200 on failed revoke': ['I1', 1],
  'ignore client.disabled': ['I3', 1],
  'non-namespaced jti': ['I4', 1],
  'fail-open on timeout': ['I1', 1],
  'remove old kid early': ['I7', 1],
  'prefix scope match': ['I6', 1],
}

const seed = 2

describe('the load and kill -9 harness, simulated in virtual time', { timeout: 120_000 }, () => {
  it('finds nothing wrong with the system as it is, and has looked', async () => {
    const { violations, ...figures } = await simulate({ seed, minutes: 4 })
    expect(violations).toEqual([])
    expect(figures).toMatchObject({ acknowledgedWritesLost: 0, failOpens: 0, validTokensRefused: 0 })
    expect(figures.operations).toBeGreaterThan(5000)
    expect(figures.revocationChecks).toBeGreaterThan(1000)
    expect(figures.acknowledgedWrites).toBeGreaterThan(500)
    // Both bounds have been reached for, and neither is passed.
    expect(figures.largestRevocationDelayMs).toBeGreaterThan(4000)
    expect(figures.largestRevocationDelayMs).toBeLessThanOrEqual(5000)
    expect(figures.largestRevocationDelayInOutageMs).toBeGreaterThan(8000)
    expect(figures.largestRevocationDelayInOutageMs).toBeLessThanOrEqual(15_000)
  })

  it('has the same verdict for the same seed, and another history for another one', async () => {
    const [first, second, other] = [
      await simulate({ seed, minutes: 0.5 }),
      await simulate({ seed, minutes: 0.5 }),
      await simulate({ seed: seed + 1, minutes: 0.5 }),
    ]
    expect(second).toEqual(first)
    expect(other.operations).not.toBe(first.operations)
  })

  it('plants ten bugs', () => {
    expect(plantedBugs).toHaveLength(10)
    expect(Object.keys(caught).sort()).toEqual(plantedBugs.toSorted())
  })

  it.each(plantedBugs)('catches the planted bug: %s', async bug => {
    const [invariant, minutes] = caught[bug]
    const { violations } = await simulate({ seed, minutes, wrappers: wrappersWith(bug) })
    expect(violations.map(violation => violation.invariant)).toContain(invariant)
  })
})
