import type { LocalStack, RegisteredClient } from '../flow/local-stack.ts'
import { orders } from '../flow/local-stack.ts'

/** What was seen of revocations on a whole stack. */
export interface RevocationFigures {
  readonly revocations: number
  /** Calls with a revoked token. */
  readonly calls: number
  /** From an acknowledged revocation to the start of the last call that was allowed, milliseconds; 0 = none was. */
  readonly largestDelay: number
  /** Calls that were allowed later than the promise says. */
  readonly late: number
}

const maxRevocationDelay = 5000

/** How long calls go on after the promised time, to see that nothing is allowed any more. */
const afterwards = 2000

type Revoke = (stack: LocalStack, client: RegisteredClient, token: string) => Promise<unknown>

const ways: readonly Revoke[] = [
  (stack, client, token) => stack.revoke(client, token),
  (stack, client) => stack.admin('POST', `/clients/${client.client_id}/disable`),
  (stack, client) => stack.admin('POST', `/clients/${client.client_id}/revoke-tokens`),
  (stack, client) => stack.admin('DELETE', `/clients/${client.client_id}`),
]

/** Revokes tokens in every way there is, and calls with each without a pause until long after. */
export async function measureRevocationDelay(stack: LocalStack, rounds: number): Promise<RevocationFigures> {
  const delays: { calls: number; delay: number; late: number }[] = []
  for (let round = 0; round < rounds; round++)
    delays.push(...(await Promise.all(ways.map(revoke => measureOnce(stack, revoke)))))
  return {
    revocations: delays.length,
    calls: delays.reduce((sum, { calls }) => sum + calls, 0),
    largestDelay: Math.max(...delays.map(({ delay }) => delay)),
    late: delays.reduce((sum, { late }) => sum + late, 0),
  }
}

async function measureOnce(stack: LocalStack, revoke: Revoke) {
  const client = await stack.register()
  const token = await stack.token(client, { resource: orders })
  const url = stack.url('orders', '/orders')
  if ((await stack.call('GET', url, token)) !== 200) throw new Error('a valid token was refused')
  await revoke(stack, client, token)
  const acknowledgedAt = performance.now()
  const seen = { calls: 0, delay: 0, late: 0 }
  for (;;) {
    const sentAt = performance.now() - acknowledgedAt
    if (sentAt > maxRevocationDelay + afterwards) return seen
    const status = await stack.call('GET', url, token)
    seen.calls++
    if (status !== 200) continue
    seen.delay = sentAt
    if (sentAt > maxRevocationDelay) seen.late++
  }
}
