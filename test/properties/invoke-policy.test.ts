import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { InvokePolicies, inseparableRoutes } from '../../lambda/oauth/invoke-policy.ts'
import { type RouteTable, type ScopeRequirement, satisfies } from '../../lambda/oauth/route-table.ts'
import { lets, type ModelRequest, routeOf } from './rest-api-model.ts'
import { itHolds } from './run-property.ts'

const stageArn = 'arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/'
const scopes = ['read', 'write', 'admin']
const someScopes = fc.subarray(scopes, { minLength: 1 })
const requirement: fc.Arbitrary<ScopeRequirement> = fc.oneof(
  someScopes.map(allOf => ({ allOf })),
  someScopes.map(anyOf => ({ anyOf })),
)
const word = fc.constantFrom('a', 'b', 'ab')
const part = fc.oneof({ weight: 2, arbitrary: word }, { weight: 1, arbitrary: fc.constant('{x}') })
const resource = fc
  .tuple(fc.array(part, { maxLength: 3 }), fc.integer({ min: 0, max: 3 }))
  .map(([parts, greedy]) => `/${[...parts, ...(greedy === 0 ? ['{rest+}'] : [])].join('/')}`)
const verb = fc.constantFrom('GET', 'GET', 'POST', 'ANY')
const routeKey = fc.tuple(verb, resource).map(([method, path]) => `${method} ${path}`)
const routes = fc
  .dictionary(routeKey, requirement, { minKeys: 1, maxKeys: 6 })
  .map((entries): RouteTable => new Map(Object.entries(entries)))
const sentPart = fc.oneof(word, fc.constantFrom('c', 'a:b', '*', '?', '%2F', 'GET'))
const request: fc.Arbitrary<ModelRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE'),
  path: fc
    .tuple(fc.array(sentPart, { maxLength: 5 }), fc.boolean())
    .map(([parts, slash]) => `/${parts.join('/')}${slash && parts.length > 0 ? '/' : ''}`),
})
const requests = fc.array(request, { minLength: 8, maxLength: 24 })

/** A request to each route, with and without a slash at the end. */
function requestsTo(table: RouteTable): readonly ModelRequest[] {
  return [...table.keys()].flatMap(key => {
    const [verb = '', template = ''] = key.split(' ')
    const path = template.replace(/\{[^}]+\}/g, 'c').replace(/\/$/, '')
    const method = verb === 'ANY' ? 'HEAD' : verb
    return [path, `${path}/`].filter(each => each !== '').map(each => ({ method, path: each }))
  })
}

/** The requests that some route gets, with what it needs and what the policy makes of them. */
function answers(table: RouteTable, granted: readonly string[], sent: readonly ModelRequest[]) {
  const policy = new InvokePolicies(table).policy(granted, stageArn)
  return [...sent, ...requestsTo(table)].flatMap(({ method, path }) => {
    const key = routeOf([...table.keys()], { method, path }) ?? ''
    const needed = table.get(key)
    if (needed === undefined) return []
    const passes = lets(policy, `${stageArn}${method}${path}`)
    return [{ key, path, passes, mayPass: satisfies(granted, needed) }]
  })
}

describe('the policy of a token on a REST API', () => {
  itHolds(
    'lets a request without a trailing slash pass exactly when the scope allows its route',
    150,
    fc.property(routes, fc.subarray(scopes), requests, (table, granted, sent) => {
      fc.pre(inseparableRoutes(table).length === 0)
      for (const answer of answers(table, granted, sent))
        if (answer.path === '/' || !answer.path.endsWith('/'))
          expect(answer).toEqual({ ...answer, passes: answer.mayPass })
    }),
  )

  itHolds(
    'lets nothing pass that the scope does not allow, even where routes cannot be told apart',
    300,
    fc.property(routes, fc.subarray(scopes), requests, (table, granted, sent) => {
      for (const answer of answers(table, granted, sent))
        expect(answer).toEqual({ ...answer, passes: answer.passes && answer.mayPass })
    }),
  )
})
