import { describe, expect, it } from 'vitest'
import { findExampleCall } from '../../local/example-call.ts'
import type { FunctionPool } from '../../local/functions/pool.ts'
import type { Route } from '../../local/gateway/api.ts'
import { parseRouteKey } from '../../local/gateway/route-selection.ts'

const audience = 'https://orders.example.com'
const protectedBy = (functionArn: string) => ({ type: 'CUSTOM', authorizer: { functionArn } })

function call(routes: [string, object][], stageNames = ['$default']) {
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
  return findExampleCall([{ apis: [{ name: 'orders', definition }], functions }], { orders: 'http://o' })
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
})
