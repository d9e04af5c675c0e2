import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildAccessTokenClaims } from '../../lambda/oauth/access-token-claims.ts'
import { revokeClientTokens, revokes } from '../../lambda/oauth/revocation.ts'
import { nextRevocationMoment } from '../../lambda/oauth/revocation-moment.ts'
import { clientItem } from '../lambda/support/client-item.ts'
import { itHolds } from '../properties/run-property.ts'
import { useKillableFunctions } from './support/killable-functions.ts'

const functions = useKillableFunctions()
let token: Awaited<ReturnType<ReturnType<typeof functions>['start']>>

beforeAll(async () => {
  token = await functions().start('token')
  return () => token.stop()
})
beforeEach(() => {
  functions().proxy.reset()
  functions().kmsProxy.reset()
})

const changes = [
  { name: 'disabled', routeKey: 'POST /admin/clients/{client_id}/disable' },
  { name: 'deleted', routeKey: 'DELETE /admin/clients/{client_id}' },
  { name: 'revoked', routeKey: 'POST /admin/clients/{client_id}/revoke-tokens' },
]

describe('a token request that is under way', () => {
  it.each(changes)(
    'F35: when its client is $name ends in a token that is refused at once',
    async ({ name, routeKey }) => {
      const { store, proxy, kmsProxy } = functions()
      const clientId = `signing-${name}`
      await store.put('Clients', clientItem(clientId))
      await functions().administer('GET /admin/clients')
      let acknowledged = false
      // After the client was read, before the signature is there: KMS's answer is lost for as long as the change takes.
      kmsProxy.next({
        before: async () => {
          expect(proxy.operations).toContain('BatchGetItem')
          const parts = { parameters: { client_id: clientId } }
          const { status } = await functions().administer(routeKey, parts)
          acknowledged = status < 300
        },
      })
      const { status, body } = await functions().requestToken(clientId, undefined, token)
      expect([status, acknowledged]).toEqual([200, true])
      expect(await functions().authorize(body.access_token)).toBe('token_revoked')
    },
  )

  it.each(changes.slice(0, 2))(
    'F35: and reads its client after that is $name ends without a token',
    async ({ name, routeKey }) => {
      const clientId = `read-${name}`
      await functions().store.put('Clients', clientItem(clientId))
      const { status } = await functions().administer(routeKey, { parameters: { client_id: clientId } })
      expect(status).toBeLessThan(300)
      expect((await functions().requestToken(clientId, undefined, token)).status).toBe(401)
    },
  )

  it('F35: while the client is disabled and enabled again ends in a token that stays refused', async () => {
    const clientId = 'signing-enabled'
    await functions().store.put('Clients', clientItem(clientId))
    const parts = { parameters: { client_id: clientId } }
    await functions().administer('GET /admin/clients')
    functions().kmsProxy.next({
      before: async () => {
        await functions().administer('POST /admin/clients/{client_id}/disable', parts)
        await functions().administer('POST /admin/clients/{client_id}/enable', parts)
      },
    })
    const during = await functions().requestToken(clientId, undefined, token)
    const after = await functions().requestToken(clientId, undefined, token)
    expect([during.status, after.status]).toEqual([200, 200])
    expect(await functions().authorize(during.body.access_token)).toBe('token_revoked')
    expect(await functions().authorize(after.body.access_token)).toBe('ok')
    const [first = 0, second = 0] = [during, after].map(
      ({ body }) => decodeJwt(String(body.access_token)).iat,
    )
    expect(second).toBeGreaterThan(first)
  })
})

describe('the moment of a client', () => {
  const milliseconds = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000 }))
  const skewMilliseconds = fc.oneof(fc.constantFrom(-2500, 2500), fc.integer({ min: -2500, max: 2500 }))

  itHolds(
    'F35: covers every token whose client was read before it, where the clocks differ by 5 s at most',
    1000,
    fc.property(
      fc.integer({ min: 3_400_000_000, max: 3_800_000_000 }).map(halves => halves * 500),
      fc.array(fc.record({ wait: milliseconds, skew: skewMilliseconds }), {
        minLength: 1,
      }),
      skewMilliseconds,
      (start, revocations, tokenSkew) => {
        let time = start
        let moment = 0
        for (const { wait, skew } of revocations) {
          const client = { clientId: 'c', tokensRevokedUpTo: moment }
          const now = Math.floor((time + tokenSkew) / 1000)
          const grant = { audience: 'https://a.example', scope: [] }
          const claims = buildAccessTokenClaims('https://i.example', client, grant as never, 600, now, 'j')
          // The client has been read; now all of it is revoked, and the token comes out only then.
          time += wait
          const next = nextRevocationMoment(time + skew, moment)
          const record = revokeClientTokens('c', next)
          expect(revokes(record, { jti: 'j', clientId: 'c', kid: 'k', iat: claims.iat }, claims.exp)).toBe(
            true,
          )
          expect(next).toBeGreaterThan(moment)
          moment = next
        }
      },
    ),
  )
})
