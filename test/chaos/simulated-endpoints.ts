import type { ClientAuthenticationPorts } from '../../lambda/oauth/client-authentication.ts'
import { epochSeconds } from '../../lambda/oauth/clock.ts'
import type { DecisionFacts } from '../../lambda/oauth/decision-facts.ts'
import { errorResponse } from '../../lambda/oauth/endpoint-response.ts'
import type { HttpRequest, HttpResponse } from '../../lambda/oauth/http.ts'
import { introspectToken } from '../../lambda/oauth/introspect-token.ts'
import { issueToken } from '../../lambda/oauth/issue-token.ts'
import { OAuthError } from '../../lambda/oauth/oauth-error.ts'
import { type RevocableToken, type Revocation, revokes, subjectsOf } from '../../lambda/oauth/revocation.ts'
import { revokeOwnToken } from '../../lambda/oauth/revoke-token.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import { signingRingRefreshSeconds } from '../../lambda/oauth/signing-key-times.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import { jwtBearer } from '../attacks/support/client-assertion.ts'
import type { Random } from './random.ts'
import { issuer, type Surroundings, shards, simulatedVerification } from './simulated-authorizer.ts'
import type { Login } from './system.ts'

export type Endpoint = (login: Login, parameters: Record<string, string>) => Promise<HttpResponse>

const accessTokenLifetimeSeconds = 600

/** The endpoints that clients call, of the functions of lambda/oauth and a store in memory. */
export function simulatedEndpoints(
  surroundings: Surroundings,
  writeRevocation: (revocation: Revocation) => Promise<void>,
  random: Random,
): { token: Endpoint; revoke: Endpoint; introspect: Endpoint } {
  const { keys, clock, store, wrappers } = surroundings
  const ports = authenticationPorts(surroundings)
  const signingRing = new SigningKeyRing(() => keys.read(), clock, {
    refreshSeconds: signingRingRefreshSeconds,
  })
  const tokenEndpoint = {
    ...ports,
    accessTokenLifetimeSeconds,
    findResourceServer: async ({ audience, scope }: { audience: string; scope: readonly string[] }) => ({
      audience,
      scopes: new Set(scope),
      accessTokenLifetimeSeconds: undefined,
    }),
    findSigningKeys: (nowSeconds: number) => signingRing.signingKeys(nowSeconds),
    sign: async (...args: Parameters<typeof keys.sign>) => keys.sign(...args),
    newTokenId: () => Buffer.from(random.bytes(16)).toString('base64url'),
  }
  const { verification } = simulatedVerification(surroundings, undefined)
  const revocations = wrappers.revocationStore(
    store.revocationStore(shards, 'consistent'),
    store.revocationStore(shards, 'eventual'),
  )
  const isRevoked = wrappers.isRevoked(async token => {
    const found = await revocations.lookUp(subjectsOf(token))
    return found.some(revocation => revokes(revocation, token, epochSeconds(clock)))
  })
  const endpointOf =
    (decide: (request: HttpRequest, nowSeconds: number, facts: DecisionFacts) => Promise<HttpResponse>) =>
    async (login: Login, parameters: Record<string, string>): Promise<HttpResponse> => {
      try {
        return await decide(requestOf(login, parameters), epochSeconds(clock), {})
      } catch (error) {
        return errorResponse(toOAuthError(error))
      }
    }
  return {
    token: endpointOf((request, now, facts) => issueToken(request, tokenEndpoint, now, facts)),
    revoke: endpointOf(async (request, now, facts) => {
      const endpoint = { ...ports, ...verification, writeRevocation }
      return (await revokeOwnToken(request, endpoint, now, facts)).response
    }),
    introspect: (login, { token = '' }) =>
      endpointOf(async (request, now, facts) => {
        const lookUp = (revocable: RevocableToken) => isRevoked(revocable, token)
        const endpoint = { ...ports, ...verification, isRevoked: lookUp }
        return (await introspectToken(request, endpoint, now, facts)).response
      })(login, { token }),
  }
}

function authenticationPorts({ store, wrappers }: Surroundings): ClientAuthenticationPorts {
  return {
    issuer,
    failureLimit: { failures: 1000, windowSeconds: 60 },
    findClient: wrappers.findClient(async ({ clientId }) => ({
      client: await store.findClient(clientId),
      failures: undefined,
    })),
    recordFailure: async () => undefined,
    fetchClientKeys: async () => 'unavailable',
    claimAssertion: (clientId, { jti }) => {
      const use = wrappers.assertionUse(clientId, jti)
      let isFirst: boolean | undefined
      return store.call(() => {
        // A repetition of one claim is recognised as the first.
        isFirst ??= !store.claims.has(use)
        store.claims.add(use)
        return isFirst
      })
    },
    recordSecretUse: async () => undefined,
  }
}

function requestOf(login: Login, parameters: Record<string, string>): HttpRequest {
  const assertion: Record<string, string> =
    'assertion' in login ? { client_assertion_type: jwtBearer, client_assertion: login.assertion } : {}
  const authorization =
    'secret' in login
      ? `Basic ${Buffer.from(`${login.clientId}:${login.secret}`).toString('base64')}`
      : undefined
  return {
    method: 'POST',
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization },
    body: new URLSearchParams({ ...parameters, ...assertion }).toString(),
    isBase64Encoded: false,
    sourceIp: '192.0.2.1',
  }
}

function toOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  if (error instanceof Unavailable) return new OAuthError('store_unavailable', { cause: error })
  throw error
}
