import { setTimeout as delay } from 'node:timers/promises'
import type { LocalStack } from './local-stack.ts'

/** The default of `maxRevocationDelay`, which the app is synthesised with. */
const defaultDelayMilliseconds = 5000

/** Calls until the call is refused, for as long as the promise allows, and gives the last status. */
export async function untilRefused(
  stack: LocalStack,
  url: string,
  token: string,
  maxRevocationDelayMilliseconds = defaultDelayMilliseconds,
): Promise<number> {
  const start = performance.now()
  for (;;) {
    const isLast = performance.now() - start > maxRevocationDelayMilliseconds
    const status = await stack.call('GET', url, token)
    if (status !== 200 || isLast) return status
    await delay(50)
  }
}
