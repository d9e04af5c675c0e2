import { describe, expect, it } from 'vitest'
import type { ResourceGrant } from '../../../lambda/oauth/client.ts'
import type { AuthenticatedClient } from '../../../lambda/oauth/client-authentication.ts'
import { grantAccess } from '../../../lambda/oauth/grant.ts'
import type { TokenRequest } from '../../../lambda/oauth/token-request.ts'
import { reasonOr } from './support/thrown-by.ts'
import { client } from './support/token-endpoint.ts'

const orders = { resource: 'https://orders.example.com', scope: ['read', 'write'] }
const payments = { resource: 'https://payments.example.com', scope: ['read', 'refund'] }

function grant(grants: readonly ResourceGrant[], request: Partial<TokenRequest> = {}) {
  const authenticated = { ...client, grants } as unknown as AuthenticatedClient
  return reasonOr(() =>
    grantAccess(authenticated, { requestedScope: undefined, resource: undefined, ...request }),
  )
}

describe('a grant', () => {
  it('is all that is registered for the only resource when nothing is requested (RFC 6749 §3.3)', () => {
    expect(grant([orders])).toEqual({ audience: orders.resource, scope: ['read', 'write'] })
  })

  it('is all that is registered for the resource that is named (RFC 8707 §2)', () => {
    expect(grant([orders, payments], { resource: payments.resource })).toEqual({
      audience: payments.resource,
      scope: ['read', 'refund'],
    })
  })

  it('is what was requested, in its order, when all of it is registered (RFC 6749 §3.3)', () => {
    const requestedScope = ['write', 'read']
    expect(grant([orders], { requestedScope })).toEqual({ audience: orders.resource, scope: requestedScope })
  })

  it.each([
    [['admin'], 'unknown'],
    [['read', 'admin'], 'unknown beside a registered one'],
    [['Read'], 'in another case'],
    [['rea'], 'a part of a registered one'],
    [['read write'], 'two in one'],
    [['refund'], 'registered for another resource alone'],
    [['constructor'], 'a name of every object'],
  ])('is nothing when %j is requested: %s (RFC 6749 §3.3)', requestedScope => {
    expect(grant([orders, payments], { requestedScope, resource: orders.resource })).toBe('scope_not_granted')
  })

  it('needs a resource when the client has several (RFC 8707 §2)', () => {
    expect(grant([orders, payments])).toBe('resource_missing')
    expect(grant([orders, payments], { requestedScope: ['refund'] })).toBe('resource_missing')
  })

  it.each([
    'https://other.example.com',
    `${orders.resource}/`,
    `${orders.resource}/v1`,
    orders.resource.toUpperCase(),
    orders.resource.slice(0, -1),
  ])('is nothing for %s: resources are compared as strings (RFC 8707 §2)', resource => {
    expect(grant([orders], { resource })).toBe('resource_not_granted')
  })

  it('is nothing for a client without grants', () => {
    expect(grant([])).toBe('resource_not_granted')
    expect(grant([], { resource: orders.resource })).toBe('resource_not_granted')
  })
})
