import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { parseLimit } from '../../lambda/adapters/page-limit.ts'
import { AdministrationError } from '../../lambda/oauth/administration/administration-error.ts'
import { parseRegistration, parseUpdate } from '../../lambda/oauth/administration/client-metadata.ts'
import {
  parseResourceServer,
  parseResourceServerUpdate,
} from '../../lambda/oauth/administration/resource-server-metadata.ts'
import { isResourceIndicator } from '../../lambda/oauth/resource-indicator.ts'
import { parseRouteTable } from '../../lambda/oauth/route-table.ts'
import { isScopeToken } from '../../lambda/oauth/scope.ts'
import { audience, publicJwk } from '../lambda/oauth/support/token-maker.ts'
import { anyJson, anyText, objectWith, textOf } from './arbitrary-json.ts'
import { itHolds } from './run-property.ts'

/** In the place of any value and any name: what is wrong must be said without it. */
const canary = 'canary-7c1f'

const resource = fc.oneof(
  fc.constantFrom(audience, 'https://payments.example.com', 'urn:x:y'),
  textOf(['https://', 'a', '#', canary]),
)
const lifetime = fc.oneof(fc.integer({ min: 0, max: 4000 }), fc.double())

/** The text that a caller is told, when it is refused by the error that is declared for it. */
function refusalOf(parse: () => unknown): string | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    if (error instanceof AdministrationError) return error.detail
    throw error
  }
}

function expectOwnWords(refusal: string | undefined): void {
  expect(refusal).not.toBe('')
  expect(refusal ?? '').not.toContain(canary)
  // No library’s message either.
  expect(refusal ?? '').not.toMatch(/Invalid|Expected|received/)
}

describe('client metadata', () => {
  const grants = fc.array(
    objectWith({ resource, scope: textOf(['orders:read', ' ', canary]), [canary]: anyJson }),
    { maxLength: 4 },
  )
  const members = {
    client_name: fc.oneof(fc.constant('billing'), anyText),
    grants: fc.oneof(fc.constant([{ resource: audience, scope: 'orders:read' }]), grants),
    access_token_lifetime: lifetime,
    grant_types: fc.constantFrom(['client_credentials'], [canary]),
  }
  const keys = {
    token_endpoint_auth_method: fc.constantFrom(
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      canary,
    ),
    token_endpoint_auth_signing_alg: fc.constantFrom('ES256', 'RS256', canary),
    jwks: fc.constantFrom<unknown>({ keys: [publicJwk] }, { keys: [{ kty: canary }] }, canary),
    jwks_uri: textOf(['https://', 'example.com', '/', canary]),
    resource_server: resource,
  }
  const body = fc.oneof(
    objectWith(members),
    objectWith({ ...members, ...keys }),
    objectWith({ ...members, version: fc.integer(), client_id: fc.constantFrom('id', canary), ...keys }),
    anyJson,
  )

  itHolds(
    'registers a client or is refused in words of ours, whatever the body is (RFC 7591 §2)',
    250,
    fc.property(body, value => {
      expectOwnWords(refusalOf(() => parseRegistration(value)))
    }),
  )

  itHolds(
    'updates a client or is refused in words of ours, whatever the body is (RFC 7592 §2.2)',
    250,
    fc.property(body, value => {
      expectOwnWords(refusalOf(() => parseUpdate(value, 'id')))
    }),
  )

  itHolds(
    'registers grants that a token can carry, and a lifetime that a verifier accepts (RFC 9068 §2.2)',
    250,
    fc.property(body, value => {
      if (refusalOf(() => parseRegistration(value)) !== undefined) return
      const metadata = parseRegistration(value)
      for (const grant of metadata.grants) {
        expect(isResourceIndicator(grant.resource)).toBe(true)
        expect(grant.scope.length > 0 && grant.scope.every(isScopeToken)).toBe(true)
      }
      const seconds = metadata.accessTokenLifetimeSeconds ?? 600
      expect(Number.isInteger(seconds) && seconds >= 60 && seconds <= 3600).toBe(true)
    }),
  )
})

describe('a resource server', () => {
  const members = {
    audience: resource,
    scopes: fc.array(objectWith({ scope: textOf(['orders:read', ' ', canary]), description: anyText }), {
      maxLength: 4,
    }),
    access_token_lifetime: lifetime,
    version: fc.integer(),
  }
  const { version, ...registration } = members
  const body = fc.oneof(objectWith(registration), objectWith(members), anyJson)

  itHolds(
    'is registered or refused in words of ours, whatever the body is (RFC 8707 §2)',
    250,
    fc.property(body, value => {
      expectOwnWords(refusalOf(() => parseResourceServer(value)))
      expectOwnWords(refusalOf(() => parseResourceServerUpdate(value, audience)))
    }),
  )
})

describe('other input of administration', () => {
  itHolds(
    'is a limit from 1 to 100 or refused, whatever the text is',
    150,
    fc.property(
      fc.oneof(anyText, textOf(['0', '1', '9', ' ', '-', '.', 'e']), fc.constant(undefined)),
      text => {
        if (refusalOf(() => parseLimit(text)) !== undefined) return
        expect([50, Number(text)]).toContain(parseLimit(text))
        expect(parseLimit(text) >= 1 && parseLimit(text) <= 100).toBe(true)
      },
    ),
  )
})

describe('a route table', () => {
  const entry = objectWith({
    allOf: fc.array(fc.constantFrom('orders:read', 'a b', '')),
    anyOf: fc.array(anyText),
  })
  const table = fc.oneof(
    fc.dictionary(fc.oneof(fc.constantFrom('GET /orders', '$default', '__proto__'), anyText), entry),
    fc.dictionary(fc.constant('GET /orders'), fc.record({ allOf: fc.array(fc.constant('orders:read')) })),
    anyJson,
  )

  itHolds(
    'has one requirement a route, of at least one scope, or is refused, whatever the file is',
    400,
    fc.property(
      fc.oneof(
        table.map(value => JSON.stringify(value)),
        anyText,
      ),
      json => {
        let routes: ReturnType<typeof parseRouteTable>
        try {
          routes = parseRouteTable(json)
        } catch (error) {
          const isDeclared = error instanceof Error && /^routes\.json/.test(error.message)
          expect(isDeclared || error instanceof SyntaxError).toBe(true)
          return
        }
        expect([...routes.keys()]).toEqual(Object.keys(JSON.parse(json)))
        for (const { allOf, anyOf } of routes.values()) {
          expect((allOf ?? anyOf ?? []).length).toBeGreaterThan(0)
          expect((allOf ?? anyOf ?? []).every(isScopeToken)).toBe(true)
          expect(allOf === undefined).not.toBe(anyOf === undefined)
        }
      },
    ),
  )
})
