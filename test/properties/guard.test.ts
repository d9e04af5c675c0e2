import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, vi } from 'vitest'
import { type AuditEvent, createGuard } from '../../guard/index.ts'
import { authorizerHandler } from '../../lambda/adapters/authorizer-handler.ts'
import { signatureVerifier } from '../../lambda/adapters/signature-verifier.ts'
import { systemClock } from '../../lambda/adapters/system-clock.ts'
import { ClockWatch } from '../../lambda/oauth/clock-watch.ts'
import { parseRouteTable } from '../../lambda/oauth/route-table.ts'
import { publishedKeys } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { VerifiedTokenMemory } from '../../lambda/oauth/verified-token-memory.ts'
import { startJwksServer } from '../attacks/support/jwks-server.ts'
import { ordersAudience as audience, issuer } from '../lambda/support/client-item.ts'
import { authorizerEvent } from '../lambda/support/http-event.ts'
import { nowSeconds, recordedLines } from '../lambda/support/recorded-lines.ts'
import { edited, singleEdit, stretchEdit } from './arbitrary-edits.ts'
import { anyAuthorization, anyToken, ringKeys, routes } from './arbitrary-requests.ts'
import { referenceAllows } from './reference-authorizer.ts'
import { itHolds } from './run-property.ts'

let jwks: Awaited<ReturnType<typeof startJwksServer>>
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: nowSeconds * 1000 })
  jwks = await startJwksServer()
  jwks.publish('/jwks.json', { keys: publishedKeys(ringKeys, nowSeconds) })
})
afterAll(async () => {
  vi.useRealTimers()
  await jwks.close()
})

type RouteKey = keyof typeof routes
type Outcome = Pick<AuditEvent, 'outcome' | 'reason' | 'clientId' | 'audience' | 'scope' | 'jti'>

/** The authorizer, put together as its handler does, and the event of its last decision. */
function newAuthorizer() {
  const ring = new SigningKeyRing(async () => ringKeys, systemClock)
  const recorded = recordedLines('authorizer')
  const api = {
    issuer,
    audience,
    routes: parseRouteTable(JSON.stringify(routes)),
    memory: new VerifiedTokenMemory(),
    findKey: (kid: string) => ring.findOrRead(kid),
    findKnownKey: (kid: string) => ring.find(kid),
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: async () => false,
  }
  const context = { clock: systemClock, records: recorded.records, watch: new ClockWatch(() => {}) }
  const handler = authorizerHandler(api, context)
  return async (event: unknown) => {
    recorded.clear()
    const result = await handler(event as Parameters<typeof handler>[0])
    return { isAllowed: 'isAuthorized' in result && result.isAuthorized, events: recorded.lines }
  }
}

function newGuard() {
  const events: AuditEvent[] = []
  const guard = createGuard({
    issuer,
    audience,
    revocations: 'none',
    keys: { jwksUri: `${jwks.origin}/jwks.json` },
    onDecision: event => events.push(event),
  })
  return async (routeKey: RouteKey, authorization: string) => {
    events.length = 0
    const decision = await guard.authorize({ authorization, require: routes[routeKey] })
    return { decision, events }
  }
}

/** Decides three times: as the authorizer, as the guard and as the reference, which shares no code with them. */
function newComparison() {
  let both: { authorizer: ReturnType<typeof newAuthorizer>; guard: ReturnType<typeof newGuard> } | undefined
  return async (routeKey: RouteKey, authorization: string): Promise<void> => {
    both ??= { authorizer: newAuthorizer(), guard: newGuard() }
    const event = authorizerEvent(routeKey, authorization)
    const authorizer = await both.authorizer(event)
    const guard = await both.guard(routeKey, authorization)
    const world = { nowSeconds, issuer, audience, routes, keys: ringKeys, revocations: [] }
    expect(guard.decision.allowed).toBe(await referenceAllows(event, world))
    expect(guard.decision.allowed).toBe(authorizer.isAllowed)
    expect(guard.events.map(outcomeOf)).toEqual(authorizer.events.map(outcomeOf))
    if (!guard.decision.allowed) expect([400, 401, 403]).toContain(guard.decision.status)
  }
}

function outcomeOf({ outcome, reason, clientId, audience: aud, scope, jti }: Partial<Outcome>) {
  return { outcome, reason, clientId, aud, scope, jti }
}

const routeKey = fc.constantFrom(...(Object.keys(routes) as RouteKey[]))

describe('guard and authorizer', () => {
  const expectAlike = newComparison()

  itHolds(
    'decide alike on tokens and headers of every kind, for the same reason (RFC 9068 §4, RFC 6750 §2.1)',
    300,
    fc.asyncProperty(routeKey, anyToken, anyAuthorization, (key, token, write) =>
      expectAlike(key, write(token)),
    ),
  )

  const expectAlikeWhenEdited = newComparison()
  itHolds(
    'decide alike on headers with any edit',
    150,
    fc.asyncProperty(
      edited(
        anyToken.map(token => `Bearer ${token}`),
        fc.oneof(singleEdit, stretchEdit),
      ),
      ({ after }) => expectAlikeWhenEdited('GET /orders', after),
    ),
  )
})
