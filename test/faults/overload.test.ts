import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { endpointNames } from '../attacks/support/attacked-endpoints.ts'
import { useClientFunctions } from '../attacks/support/client-functions.ts'
import { functionEnvironment, startFunction } from '../lambda/support/bundled-function.ts'
import { type Fault, failing, throttled } from '../lambda/support/fault-server.ts'
import { adminEvent, httpEvent } from '../lambda/support/http-event.ts'

interface Resource {
  readonly Type: string
  readonly Properties: Record<string, unknown>
}

const template = (): Record<string, Resource> =>
  JSON.parse(readFileSync(join(inject('assemblyDir'), 'Countersign.template.json'), 'utf8')).Resources

describe('a flood at one endpoint', () => {
  it('F22: reaches no function of another: each has its own, and its API limits the rate', () => {
    const resources = Object.values(template())
    const functions = resources.filter(({ Type }) => Type === 'AWS::Lambda::Function')
    const services = functions.map(
      ({ Properties }) => Properties.Environment as { Variables: { SERVICE: string } },
    )
    const names = services.map(({ Variables }) => Variables.SERVICE)
    expect(names.filter(name => name === 'token')).toHaveLength(1)
    expect(names.filter(name => name === 'authorizer').length).toBeGreaterThan(1)
    const stages = resources.filter(({ Type }) => Type === 'AWS::ApiGatewayV2::Stage')
    const limits = stages.map(({ Properties }) => Properties.DefaultRouteSettings)
    expect(limits).toContainEqual(
      expect.objectContaining({
        ThrottlingRateLimit: expect.any(Number),
        ThrottlingBurstLimit: expect.any(Number),
      }),
    )
  })

  it.skip('F22: cannot starve the authorizers (no function reserves concurrency: those of an account share its 1,000)', () => {
    const functions = Object.values(template()).filter(({ Type }) => Type === 'AWS::Lambda::Function')
    for (const { Properties } of functions)
      expect(Properties.ReservedConcurrentExecutions).toEqual(expect.any(Number))
  })
})

const functions = useClientFunctions({ AUTHENTICATION_FAILURE_LIMIT: '3' })
beforeEach(() => functions().proxy.reset())

/** Whole seconds, one at least (RFC 9110 §10.2.3). */
const seconds = expect.stringMatching(/^[1-9]\d*$/)

describe('every answer that says to come again', () => {
  const down: [string, Fault][] = [
    ['fails', failing],
    ['throttles', throttled],
    ['breaks connections', 'reset'],
  ]

  it.each(endpointNames.flatMap(name => down.map(([what, fault]) => ({ name, what, fault }))))(
    'F23: says when: 503 of $name, where the store $what (RFC 9110 §15.6.4)',
    async ({ name, fault }) => {
      functions().proxy.always(fault)
      const { status, headers } = await functions().invoke(name, 'nobody')
      expect([status, headers]).toEqual([503, expect.objectContaining({ 'retry-after': seconds })])
    },
  )

  it.each(endpointNames)('F23: says when: 429 of %s (RFC 6585 §4)', async name => {
    await functions().addClient(`guessed-${name}`)
    for (let guess = 0; guess < 3; guess++) await functions().invoke(name, `guessed-${name}`, 'wrong')
    const { status, headers, operations } = await functions().invoke(name, `guessed-${name}`)
    expect([status, headers]).toEqual([429, expect.objectContaining({ 'retry-after': seconds })])
    // One reading and nothing else: no count, no key, no signature.
    expect(operations).toEqual(['BatchGetItem'])
  })

  const others: ['metadata' | 'admin' | 'keeper', unknown, Record<string, string>][] = [
    ['metadata', httpEvent({ routeKey: 'GET /.well-known/jwks.json' }), {}],
    ['admin', adminEvent({ routeKey: 'GET /admin/clients' }), {}],
    ['admin', adminEvent({ routeKey: 'POST /admin/revoke-all' }), {}],
    [
      'keeper',
      adminEvent({ routeKey: 'GET /admin/keys' }),
      { SIGNING_ALGORITHM: 'ES256', SIGNING_KEY_CUSTODY: 'kms', SIGNING_KEY_ROTATION_SECONDS: '7776000' },
    ],
  ]

  it.each(others)('F23: says when: 503 of the function %s', async (name, event, settings) => {
    const { proxy } = functions()
    proxy.always('reset')
    const running = await startFunction(name, {
      ...functionEnvironment({ dynamodb: proxy.url }),
      ...settings,
    })
    const { result } = await running.invoke(event)
    await running.stop()
    expect(result).toMatchObject({ statusCode: 503, headers: { 'retry-after': seconds } })
  })
})

describe('a function whose clients repeat without waiting', () => {
  afterAll(() => functions().proxy.reset())

  it('F23: asks the store once a request when it has failed for long, and serves all from the next answer on', async () => {
    await functions().addClient('eager')
    functions().proxy.always(failing)
    const attempts: number[] = []
    for (let request = 0; request < 120; request++) {
      const { status, operations } = await functions().invoke('token', 'eager')
      expect(status).toBe(503)
      attempts.push(operations.length)
    }
    // No request ever makes more than two; the retries that all requests share run out.
    expect(Math.max(...attempts)).toBeLessThanOrEqual(2)
    functions().proxy.reset()
    for (let request = 0; request < 20; request++) {
      expect((await functions().invoke('token', 'eager')).status).toBe(200)
    }
  })
})
