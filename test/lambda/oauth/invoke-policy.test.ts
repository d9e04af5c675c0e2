import { describe, expect, it } from 'vitest'
import {
  InvokePolicies,
  inseparableRoutes,
  largestPolicyOctets,
} from '../../../lambda/oauth/invoke-policy.ts'
import type { ScopeRequirement } from '../../../lambda/oauth/route-table.ts'

const stageArn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/'
const [read, write, admin] = ['read', 'write', 'admin'].map(scope => ({ allOf: [scope] }))
const tableOf = (routes: Record<string, ScopeRequirement | undefined>) =>
  new Map(Object.entries(routes) as [string, ScopeRequirement][])

/** The paths that a policy allows and denies, without the ARN up to the stage. */
function paths(routes: Record<string, ScopeRequirement | undefined>, granted: string[], refused?: string) {
  const { Version, Statement } = new InvokePolicies(tableOf(routes)).policy(granted, stageArn, refused)
  expect(Version).toBe('2012-10-17')
  return Object.fromEntries(
    Statement.map(({ Effect, Action, Resource }) => {
      expect(Action).toBe('execute-api:Invoke')
      return [Effect, Resource.map(arn => arn.replace(stageArn, ''))]
    }),
  )
}

describe('the policy of a token', () => {
  it('lists every route that the scope allows, with and without a trailing slash, and no other', () => {
    const routes = {
      'GET /': read,
      'GET /orders': read,
      'POST /orders': write,
      'GET /payments': { allOf: ['read', 'admin'] },
      'GET /reports': { anyOf: ['admin', 'read'] },
    }
    expect(paths(routes, ['read'])).toEqual({
      Allow: ['GET/', 'GET/orders', 'GET/orders/', 'GET/reports', 'GET/reports/'],
    })
    expect(paths(routes, [])).toEqual({})
  })

  it('denies the routes that a variable would reach', () => {
    const routes = { 'GET /orders/{id}': read, 'GET /orders/{id}/secret': admin, 'GET /orders/all': write }
    expect(paths(routes, ['read'])).toEqual({
      Allow: ['GET/orders/*'],
      Deny: ['GET/orders/all', 'GET/orders/all/', 'GET/orders/*/secret', 'GET/orders/*/secret/'],
    })
    expect(paths(routes, ['read', 'admin', 'write'])).toEqual({
      Allow: [
        'GET/orders/*',
        'GET/orders/*/secret',
        'GET/orders/*/secret/',
        'GET/orders/all',
        'GET/orders/all/',
      ],
    })
  })

  it('denies nothing for a literal path, which a request with a variable never has', () => {
    const routes = { 'GET /orders/{id}': read, 'GET /orders/all': write, 'GET /orders/{id}/{part}': admin }
    expect(paths(routes, ['write'])).toEqual({ Allow: ['GET/orders/all', 'GET/orders/all/'] })
  })

  it('denies the path that ends where the variable begins, which is the request without one', () => {
    const routes = { 'GET /orders': admin, 'GET /orders/{id}': read, 'GET /': write, 'GET /{rest+}': read }
    expect(paths(routes, ['read'])).toEqual({
      Allow: ['GET/orders/*', 'GET/*'],
      Deny: ['GET/', 'GET/orders', 'GET/orders/', 'GET/orders/'],
    })
    const { 'GET /{rest+}': _, ...others } = routes
    expect(paths(others, ['read'])).toEqual({ Allow: ['GET/orders/*'], Deny: ['GET/orders/'] })
  })

  it('takes ANY for the methods that the resource has not, and never * for a method', () => {
    expect(paths({ 'ANY /a/{x}': read, 'GET /a/{x}': admin, 'PUT /a/b': admin }, ['read'])).toEqual({
      Allow: ['DELETE/a/*', 'HEAD/a/*', 'OPTIONS/a/*', 'PATCH/a/*', 'POST/a/*', 'PUT/a/*'],
      Deny: ['PUT/a/b', 'PUT/a/b/'],
    })
  })

  it('denies the request that it is made for where that is refused', () => {
    const arn = `${stageArn}GET/orders/x/s%65cret`
    const routes = { 'GET /orders/{id}': read, 'GET /orders/{id}/secret': admin }
    expect(paths(routes, ['read'], arn)).toMatchObject({
      Deny: ['GET/orders/*/secret', 'GET/orders/*/secret/', 'GET/orders/x/s%65cret'],
    })
    expect(paths(routes, [], arn)).toEqual({ Deny: ['GET/orders/x/s%65cret'] })
  })

  it('denies no other request for a * in the path of a refused one', () => {
    const refused = `${stageArn}GET/orders/*/secret*`
    expect(paths({ 'GET /{rest+}': read }, [], refused)).toEqual({ Deny: ['GET/orders/?/secret?'] })
  })

  it('denies a refused request with a policy variable in its path, which would be something else there', () => {
    const refused = `${stageArn}GET/orders/\${aws:username}`
    expect(paths({ 'GET /{rest+}': read }, [], refused)).toEqual({ Deny: ['GET/orders/?{aws:username}'] })
  })

  it('denies what begins as a refused request whose ARN is longer than a policy may name', () => {
    const longest = stageArn + 'x'.repeat(512 - stageArn.length)
    const [path = ''] = paths({ 'GET /{rest+}': read }, [], longest).Deny ?? []
    expect(stageArn + path).toBe(longest)
    const [cut = ''] = paths({ 'GET /{rest+}': read }, [], `${longest}x`).Deny ?? []
    expect(stageArn + cut).toBe(`${longest.slice(0, 511)}*`)
  })
})

describe('routes that a policy cannot tell apart', () => {
  const pairs = (routes: Record<string, ScopeRequirement | undefined>) => inseparableRoutes(tableOf(routes))

  it.each<[string, Record<string, ScopeRequirement | undefined>]>([
    ['a variable and what is below it', { 'GET /orders/{id}': read, 'GET /orders/{id}/secret': admin }],
    [
      'a collection and its items',
      { 'GET /orders': admin, 'GET /orders/{id}': read, 'POST /{rest+}': write },
    ],
    ['the rest and a branch with its own rest', { 'GET /{rest+}': read, 'GET /admin/{rest+}': admin }],
    ['variables side by side', { 'GET /{a}': read, 'GET /{a}/{b}': admin }],
    ['the same scopes', { 'GET /{rest+}': read, 'GET /admin/{id}': read }],
    ['another method', { 'GET /{rest+}': read, 'POST /admin/{id}': admin }],
    [
      'scopes of which none allows one route alone',
      {
        'GET /{rest+}': { anyOf: ['a', 'b'] },
        'GET /x/{id}': { anyOf: ['a', 'b', 'c'] },
        'GET /x/{id}/{rest+}': { anyOf: ['a', 'b', 'c'] },
      },
    ],
  ])('are not: %s', (_, routes) => {
    expect(pairs(routes)).toEqual([])
  })

  it('are a variable and a greedy one around it: a denial of the one hits what is below it', () => {
    expect(pairs({ 'GET /{rest+}': read, 'GET /admin/{id}': admin })).toEqual([
      { allowed: 'GET /admin/{id}', denied: 'GET /{rest+}' },
      { allowed: 'GET /{rest+}', denied: 'GET /admin/{id}' },
    ])
  })

  it('are three variables in a row, where the middle one alone is denied', () => {
    expect(pairs({ 'GET /{a}': read, 'GET /{a}/{b}': admin, 'GET /{a}/{b}/{c}': write })).toEqual([
      { allowed: 'GET /{a}/{b}/{c}', denied: 'GET /{a}/{b}' },
    ])
  })

  it('are two that get the same request, depending on which part API Gateway looks at first', () => {
    expect(pairs({ 'GET /{a}/{b}': read, 'GET /x/{rest+}': admin })).toEqual([
      { allowed: 'GET /x/{rest+}', denied: 'GET /{a}/{b}' },
      { allowed: 'GET /{a}/{b}', denied: 'GET /x/{rest+}' },
    ])
  })
})

describe('the largest policy', () => {
  it('is as large as any policy of the table, or larger', () => {
    const table = tableOf({ 'GET /': read, 'GET /a': read, 'ANY /{x}': write, 'GET /{x}/b': admin })
    const policies = new InvokePolicies(table)
    const refused = stageArn + 'x'.repeat(512 - stageArn.length)
    const sizes = [[], ['read'], ['write'], ['read', 'write', 'admin']].map(
      granted => JSON.stringify(policies.policy(granted, stageArn, refused)).length,
    )
    const largest = largestPolicyOctets(table, stageArn)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(largest)
    expect(largest).toBeLessThan(Math.max(...sizes) + 8 * 90)
  })
})
