import { setTimeout as delay } from 'node:timers/promises'
import type { AdminClient } from '../admin-client.ts'
import { type Finding, fail, ok } from './finding.ts'
import { callApi, isAllowed, type ProtectedApi } from './protected-api.ts'

const check = 'api.revocation'

/** So many calls at a time, so that they reach more than one execution environment. */
const lanes = 4
const everyMilliseconds = 250
/** How long is looked after the promised time. */
const afterwardsSeconds = 1

/**
 * Revokes a token and calls with it until after the promised time, from several connections at once: the delay is the
 * time from the acknowledgement to the start of the last call that was let through.
 */
export async function checkRevocationDelay(
  api: ProtectedApi,
  {
    admin,
    token,
    promisedSeconds,
    signal,
  }: { admin: AdminClient; token: string; promisedSeconds: number; signal: AbortSignal },
): Promise<Finding> {
  await admin({ method: 'POST', path: ['tokens', 'revoke'], body: { token } })
  const revokedAt = performance.now()
  const elapsed = () => (performance.now() - revokedAt) / 1000
  let lastAllowed = 0
  let calls = 0
  let last = 0
  const stopSaying = sayProgress(api, elapsed, promisedSeconds)
  const call = async () => {
    while (!signal.aborted && elapsed() < promisedSeconds + afterwardsSeconds) {
      const startedAt = elapsed()
      const answer = await callApi(api, token)
      calls++
      last = answer.status
      if (isAllowed(answer)) lastAllowed = Math.max(lastAllowed, startedAt)
      await delay(everyMilliseconds, undefined, { signal }).catch(() => {})
    }
  }
  try {
    await Promise.all(Array.from({ length: lanes }, call))
  } finally {
    stopSaying()
  }
  const seconds = Math.round(lastAllowed * 10) / 10
  const found = `a revoked token was last let through after ${seconds.toFixed(1)} s, promised are ${promisedSeconds} s`
  return { ...judge({ found, isLate: lastAllowed > promisedSeconds, last, calls }), seconds }
}

function judge({
  found,
  isLate,
  last,
  calls,
}: {
  found: string
  isLate: boolean
  last: number
  calls: number
}) {
  if (isLate)
    return fail(
      check,
      found,
      'See the alarm RevocationStoreUnreachable. Where maxRevocationDelay is longer: --revocation-delay.',
    )
  if (last !== 401)
    return fail(
      check,
      `a revoked token is refused with ${last}, not 401`,
      "See the log of the API's authorizer.",
    )
  return ok(check, `${found} (${calls} calls)`)
}

/** A line a second, from the second one on. */
function sayProgress({ io }: ProtectedApi, elapsed: () => number, promisedSeconds: number): () => void {
  const timer = setInterval(() => {
    if (elapsed() < 1.9) return
    const total = promisedSeconds + afterwardsSeconds
    io.stderr.write(`measuring the revocation delay: ${Math.round(elapsed())} of ${total} s …\n`)
  }, 1000)
  return () => clearInterval(timer)
}
