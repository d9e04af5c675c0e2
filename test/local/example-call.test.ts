import { describe, expect, it } from 'vitest'
import { findExampleCall } from '../../local/example-call.ts'
import type { FunctionPool } from '../../local/functions/pool.ts'
import type { Route } from '../../local/gateway/api.ts'
import type { RestApi } from '../../local/gateway/rest/definition.ts'
import { parseRouteKey } from '../../local/gateway/route-selection.ts'

const audience = 'https://orders.example.com'
const protectedBy = (functionArn: string) => ({ type: 'CUSTOM', authorizer: { functionArn } })

function call(routes: [string, object][], stageNames = ['$default'], restPaths: string[] = []) {
  const definition = {
    routes: routes.map(([key, authorization]) => ({ ...parseRouteKey(key), authorization }) as Route),
    stages: stageNames.map(name => ({
      name,
      variables: undefined,
      defaultLimits: undefined,
      limitsByRouteKey: new Map(),
    })),
  }
  const functionOf = (variables: Record<string, string>) =>
    ({ configuration: { variables } }) as Pick<FunctionPool, 'configuration'>
  const functions = new Map([
    ['ours', functionOf({ AUDIENCE: audience })],
    ['theirs', functionOf({})],
  ])
  const resources = restPaths.map(path => ({
    path,
    methods: new Map([['GET', { authorizer: path === '/open' ? undefined : { functionArn: 'ours' } }]]),
  }))
  const stack = {
    apis: [{ name: 'orders', definition }],
    restApis: [{ name: 'rest', definition: { resources } as unknown as RestApi }],
    functions,
  }
  return findExampleCall([stack], { orders: 'http://o', rest: 'http://r/prod' })
}

describe('the call that is shown', () => {
  it('is the first GET without variables whose authorizer says the audience', () => {
    const routes: [string, object][] = [
      ['GET /health', { type: 'NONE' }],
      ['GET /admin', { type: 'AWS_IAM' }],
      ['GET /theirs', protectedBy('theirs')],
      ['POST /orders', protectedBy('ours')],
      ['GET /orders/{id}', protectedBy('ours')],
      ['GET /orders', protectedBy('ours')],
      ['GET /other', protectedBy('ours')],
    ]
    expect(call(routes)).toEqual({ url: 'http://o/orders', resource: audience })
    expect(call(routes.slice(0, 5))).toBeUndefined()
  })

  it('goes to the default stage, else to the first one by its name', () => {
    const routes: [string, object][] = [['GET /orders', protectedBy('ours')]]
    expect(call(routes, ['v1', '$default'])?.url).toBe('http://o/orders')
    expect(call(routes, ['v1', 'v2'])?.url).toBe('http://o/v1/orders')
    expect(call(routes, [])).toBeUndefined()
  })

  it('is one to a REST API where no HTTP API has one', () => {
    const paths = ['/open', '/rest/{id}', '/rest', '/other']
    expect(call([], [], paths)).toEqual({ url: 'http://r/prod/rest', resource: audience })
    expect(call([], [], paths.slice(0, 2))).toBeUndefined()
    expect(call([['GET /orders', protectedBy('ours')]], ['$default'], paths)?.url).toBe('http://o/orders')
  })
})
