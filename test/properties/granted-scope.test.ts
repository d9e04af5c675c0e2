import fc from 'fast-check'
import { decodeJwt } from 'jose'
import { describe, expect } from 'vitest'
import type { Client } from '../../lambda/oauth/client.ts'
import { issueToken } from '../../lambda/oauth/issue-token.ts'
import { OAuthError } from '../../lambda/oauth/oauth-error.ts'
import { ResourceServerDirectory } from '../../lambda/oauth/resource-server.ts'
import { virtualClock } from '../lambda/oauth/support/fake-revocations.ts'
import {
  basicHeader,
  formRequest,
  newTokenEndpoint,
  otherSecret,
  client as registeredClient,
  secret,
  storedSecret,
} from '../lambda/oauth/support/token-endpoint.ts'
import { audience, clientId, issuer, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import { anyText, textOf } from './arbitrary-json.ts'
import { settledOf } from './declared-errors.ts'
import { itHolds } from './run-property.ts'

const resources = [audience, 'https://payments.example.com', 'urn:example:ledger']
const scopes = ['orders:read', 'orders:write', 'ORDERS:READ', 'orders', 'a', '!']

const someScopes = fc.subarray(scopes, { minLength: 1 })
const resource = fc.constantFrom(...resources)
const lifetime = fc.option(fc.integer({ min: 60, max: 3600 }), { nil: undefined })

const anyClient: fc.Arbitrary<Client> = fc
  .record({
    status: fc.constantFrom<Client['status']>('active', 'active', 'active', 'disabled'),
    tokenEndpointAuthMethod: fc.constantFrom<Client['tokenEndpointAuthMethod']>(
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ),
    grants: fc.uniqueArray(fc.record({ resource, scope: someScopes }), {
      selector: grant => grant.resource,
      maxLength: 3,
    }),
    accessTokenLifetimeSeconds: lifetime,
    secrets: fc.subarray([storedSecret, { ...storedSecret, secretId: 'old', expiresAt: nowSeconds }]),
    tokensRevokedUpTo: fc.constantFrom(0, nowSeconds - 5, nowSeconds + 5),
  })
  .map(changes => ({ ...registeredClient, ...changes }))

/** Registered resource servers: an audience that is missing is not registered. */
const anyServers = fc.uniqueArray(
  fc.record({ audience: resource, scopes: someScopes, accessTokenLifetimeSeconds: lifetime }),
  { selector: server => server.audience, maxLength: 3 },
)

const anyRequest = fc
  .record(
    {
      grant_type: fc.oneof({ weight: 9, arbitrary: fc.constant('client_credentials') }, anyText),
      scope: fc.oneof(
        { weight: 3, arbitrary: someScopes.map(list => list.join(' ')) },
        textOf([...scopes, ' ']),
      ),
      resource: fc.oneof({ weight: 3, arbitrary: resource }, textOf([...resources, '/', '#', '?'])),
    },
    { requiredKeys: ['grant_type'] },
  )
  .chain(parameters => {
    const wrong = { ...parameters, client_id: clientId, client_secret: otherSecret }
    return fc.constantFrom(
      formRequest(parameters, basicHeader(clientId, secret)),
      formRequest({ ...parameters, client_id: clientId, client_secret: secret }),
      formRequest(wrong),
      formRequest(
        { ...parameters, client_id: clientId, client_secret: secret },
        basicHeader(clientId, secret),
      ),
      formRequest(parameters),
    )
  })

interface Registered {
  readonly client: Client
  readonly servers: readonly {
    readonly audience: string
    readonly scopes: readonly string[]
    readonly accessTokenLifetimeSeconds: number | undefined
  }[]
}

/** What the token endpoint answers, over directories with these entries: the body, or 'refused'. */
async function ask(http: ReturnType<typeof formRequest>, { client, servers }: Registered) {
  const { endpoint, calls } = newTokenEndpoint(client)
  const directory = new ResourceServerDirectory(async wanted => {
    const found = servers.find(server => server.audience === wanted)
    return found === undefined ? undefined : { ...found, scopes: new Set(found.scopes) }
  }, virtualClock())
  const atEndpoint = { ...endpoint, findResourceServer: directory.find }
  const answer = await settledOf(() => issueToken(http, atEndpoint, nowSeconds, {}), OAuthError)
  if (answer === 'refused') return { answer, signed: calls.includes('sign') }
  return { answer: JSON.parse(answer.body), signed: true }
}

describe('what the token endpoint grants', () => {
  itHolds(
    'is one audience of the client and a part of what is registered for both, to an active client alone (RFC 6749 §3.3)',
    400,
    fc.asyncProperty(anyRequest, anyClient, anyServers, async (http, client, servers) => {
      const { answer, signed } = await ask(http, { client, servers })
      if (answer === 'refused') {
        expect(signed).toBe(false)
        return
      }
      const parameters = new URLSearchParams(http.body)
      const claims = decodeJwt<{ client_id: string; scope: string }>(answer.access_token)
      const granted = claims.scope.split(' ')
      const registered = client.grants.find(grant => grant.resource === claims.aud)
      const server = servers.find(each => each.audience === claims.aud)
      expect(granted.filter(scope => !registered?.scope.includes(scope))).toEqual([])
      expect(granted.filter(scope => !server?.scopes.includes(scope))).toEqual([])
      // What was asked for is granted wholly; what was not is everything registered for the one audience.
      const requested = parameters.get('scope')?.split(' ') ?? registered?.scope ?? []
      expect(new Set(granted)).toEqual(new Set(requested))
      expect(claims.aud).toBe(parameters.get('resource') ?? client.grants[0]?.resource)
      expect(parameters.has('resource') || client.grants.length === 1).toBe(true)

      expect([claims.iss, claims.sub, claims.client_id]).toEqual([issuer, clientId, clientId])
      const { iat = 0, exp = 0 } = claims
      const seconds = client.accessTokenLifetimeSeconds ?? server?.accessTokenLifetimeSeconds ?? 600
      expect([exp - iat, answer.expires_in, answer.scope]).toEqual([seconds, seconds, claims.scope])
      expect(iat).toBe(Math.max(nowSeconds, client.tokensRevokedUpTo + 1))

      const method = http.headers.authorization === undefined ? 'client_secret_post' : 'client_secret_basic'
      expect([client.status, client.tokenEndpointAuthMethod]).toEqual(['active', method])
      expect(client.secrets).toContain(storedSecret)
      expect(parameters.get('client_secret')).not.toBe(otherSecret)
    }),
  )

  itHolds(
    'is exactly what a proper request asks for (RFC 6749 §5.1)',
    150,
    fc.asyncProperty(
      fc.uniqueArray(fc.record({ resource, scope: someScopes }), {
        selector: grant => grant.resource,
        minLength: 1,
      }),
      fc.boolean(),
      fc.nat(),
      async (grants, isWhole, choice) => {
        const client = { ...registeredClient, grants }
        const servers = grants.map(grant => ({
          audience: grant.resource,
          scopes: grant.scope,
          accessTokenLifetimeSeconds: undefined,
        }))
        const wanted = grants[choice % grants.length] ?? { resource: '', scope: [] }
        const scope = isWhole ? wanted.scope : wanted.scope.slice(0, 1)
        const parameters = {
          grant_type: 'client_credentials',
          resource: wanted.resource,
          scope: scope.join(' '),
        }
        const http = formRequest(parameters, basicHeader(clientId, secret))
        const { answer } = await ask(http, { client, servers })
        expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: scope.join(' ') })
      },
    ),
  )
})
