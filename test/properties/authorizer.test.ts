import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { authorizerHandler } from '../../lambda/adapters/authorizer-handler.ts'
import { Records } from '../../lambda/adapters/records.ts'
import { ClockWatch } from '../../lambda/oauth/clock-watch.ts'
import { type Revocation, revocationSubject } from '../../lambda/oauth/revocation.ts'
import { RevocationFeed } from '../../lambda/oauth/revocation-feed.ts'
import { parseRouteTable } from '../../lambda/oauth/route-table.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { VerifiedTokenMemory } from '../../lambda/oauth/verified-token-memory.ts'
import { fakeRevocations, shards, virtualClock } from '../lambda/oauth/support/fake-revocations.ts'
import { ordersAudience as audience, issuer } from '../lambda/support/client-item.ts'
import { anyRequest, anyToken, clientIds, ringKeys, routes } from './arbitrary-requests.ts'
import { referenceAllows } from './reference-authorizer.ts'
import { itHolds } from './run-property.ts'
import { signatureVerifierAt } from './verifier-at.ts'

/** How many seconds a revocation may take with a snapshot. */
const refreshSeconds = 5

const retryMilliseconds = 1000

/** An execution environment of the authorizer, put together as its handler does, with everything around it in memory. */
function newEnvironment(hasSnapshot: boolean) {
  const clock = virtualClock()
  const store = fakeRevocations(clock)
  const lines: string[] = []
  const records = new Records('authorizer', line => lines.push(line), clock.now)
  const ring = new SigningKeyRing(async () => ringKeys, clock)
  const options = {
    shards,
    refreshSeconds: hasSnapshot ? refreshSeconds : 0,
    outageGraceSeconds: 0,
    onOutage: () => undefined,
    onRefresh: () => undefined,
  }
  const feed = new RevocationFeed(store, options, clock)
  const api = {
    issuer,
    audience,
    routes: parseRouteTable(JSON.stringify(routes)),
    memory: new VerifiedTokenMemory(),
    findKey: (kid: string) => ring.findOrRead(kid),
    findKnownKey: (kid: string) => ring.find(kid),
    verifySignature: signatureVerifierAt(clock.now, issuer, audience),
    isRevoked: feed.isRevoked.bind(feed),
  }
  const handler = authorizerHandler(api, { clock, records, watch: new ClockWatch(() => {}) })
  const decide = async (event: unknown): Promise<unknown> => {
    try {
      return await handler(event as Parameters<typeof handler>[0])
    } catch (error) {
      return String(error)
    }
  }
  return { clock, store, lines, decide }
}

const refusals = [
  { isAuthorized: false },
  { errorMessage: 'Unauthorized' },
  'Error: internal_error',
  'Error: store_unavailable',
]

const token = fc.nat(3)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ step: fc.constant('ask' as const), token, request: anyRequest }) },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('revoke' as const),
      kind: fc.constantFrom('jti', 'jti', 'client', 'client', 'kid', 'all'),
      which: fc.nat(2),
      offset: fc.integer({ min: -600, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('outage' as const), isDown: fc.boolean() }) },
)

function revocationOf(kind: string, which: number, now: number, offset: number): Revocation {
  const revokedUpTo = now + offset
  const expiresAt = revokedUpTo + 3670
  if (kind === 'jti') return { kind, jti: `token-${which + 1}`, expiresAt: now + 60 * which }
  if (kind === 'client') return { kind, clientId: clientIds[which] ?? 'nobody', revokedUpTo, expiresAt }
  if (kind === 'kid') return { kind, kid: ringKeys[which]?.kid ?? '', expiresAt: now + 300 }
  return { kind: 'all', revokedUpTo, expiresAt }
}

describe('the authorizer, whatever happens to one execution environment', () => {
  itHolds(
    'allows what the reference allows and nothing else, at any event (RFC 9068 §4, RFC 6750 §3.1)',
    150,
    fc.asyncProperty(
      fc.boolean(),
      fc.array(anyToken, { minLength: 4, maxLength: 4 }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      async (hasSnapshot, tokens, steps) => {
        const { clock, store, lines, decide } = newEnvironment(hasSnapshot)
        const revocations: Revocation[] = []
        for (const each of steps) {
          const now = Math.floor(clock.now() / 1000)
          if (each.step === 'wait') clock.advance(each.seconds * 1000)
          if (each.step === 'outage') {
            store.state.isDown = each.isDown
            // A feed whose reading failed asks the store again after that long, and not before.
            if (!each.isDown) clock.advance(retryMilliseconds)
          }
          if (each.step === 'revoke') {
            const revocation = revocationOf(each.kind, each.which, now, each.offset)
            // As the table does it: what reaches further is never lowered.
            const isCovered = revocations.some(
              other =>
                revocationSubject(other) === revocationSubject(revocation) &&
                other.expiresAt > revocation.expiresAt,
            )
            if (!isCovered) store.revoke(revocation)
            revocations.push(revocation)
            // With a snapshot it takes that long, and no longer.
            if (hasSnapshot) clock.advance(refreshSeconds * 1000 + 1)
          }
          if (each.step !== 'ask') continue
          const event = each.request(tokens[each.token] ?? '')
          const world = { nowSeconds: now, issuer, audience, routes, keys: ringKeys, revocations }
          const allows = await referenceAllows(event, world)
          const answer = await decide(event)
          if (!allows) expect(refusals).toContainEqual(answer)
          else if (!store.state.isDown) expect(answer).toMatchObject({ isAuthorized: true })
        }
        const decisions = lines.filter(line => line.includes('"audit":"api.authorize"'))
        expect(decisions).toHaveLength(steps.filter(each => each.step === 'ask').length)
        const printed = lines.join('')
        for (const text of tokens) {
          const signature = text.split('.')[2] ?? ''
          if (signature.length > 20) expect(printed).not.toContain(signature)
        }
      },
    ),
  )
})
