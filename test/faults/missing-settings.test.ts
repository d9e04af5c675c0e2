import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { type FunctionName, functionEnvironment } from '../lambda/support/bundled-function.ts'
import { ordersAudience } from '../lambda/support/client-item.ts'
import { loadFunction } from './support/spawned-function.ts'

const names: readonly FunctionName[] = [
  'token',
  'revoke',
  'introspect',
  'metadata',
  'admin',
  'registrar',
  'keeper',
  'authorizer',
]

/** The environment variables that a function is deployed with. */
function deployedSettings(service: string): string[] {
  const text = readFileSync(join(inject('assemblyDir'), 'Countersign.template.json'), 'utf8')
  const resources: Record<string, { Properties?: Record<string, unknown> }> = JSON.parse(text).Resources
  const environments = Object.values(resources).flatMap(({ Properties = {} }) => {
    const { Variables } = (Properties.Environment ?? {}) as { Variables?: Record<string, unknown> }
    return Variables?.SERVICE === service ? [Variables] : []
  })
  return Object.keys(environments[0] ?? {})
}

const environment: Record<string, string> = {
  // A store that nobody can reach: what a function does with it comes after its settings.
  ...functionEnvironment({ dynamodb: 'http://127.0.0.1:9', kms: 'http://127.0.0.1:9' }),
  AUDIENCE: ordersAudience,
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
  REVOCATION_REFRESH_SECONDS: '5',
  REVOCATION_OUTAGE_GRACE_SECONDS: '60',
  SIGNING_ALGORITHM: 'ES256',
  SIGNING_KEY_CUSTODY: 'kms',
  SIGNING_KEY_ROTATION_SECONDS: '7776000',
}

const choices = ['SIGNING_ALGORITHM', 'SIGNING_KEY_CUSTODY']
const isNumber = (name: string) => /^\d+$/.test(environment[name] ?? '')

/** What every function of the server is given, whether it needs it or not. */
const unneeded: Partial<Record<FunctionName, string>> = { keeper: 'ISSUER' }

const notNumbers = ['-1', '0.5', 'abc']
const notChoices = ['es256', '__proto__']

describe('a function', () => {
  it.each(names)(
    'F37: that lacks a setting, or has one that is nonsense, does not start and names it: %s',
    async name => {
      const settings = deployedSettings(name).filter(setting => setting !== unneeded[name])
      expect(settings).toContain('SERVICE')
      const missing = settings.flatMap(setting => [null, ''].map(value => ({ [setting]: value })))
      const nonsense = settings.flatMap(setting => {
        const values = isNumber(setting) ? notNumbers : choices.includes(setting) ? notChoices : []
        return values.map(value => ({ [setting]: value }))
      })
      const changes = [...missing, ...nonsense]
      const [complete, ...outcomes] = await loadFunction(name, { SERVICE: name, ...environment }, changes)
      expect(complete).toBe(undefined)
      expect(outcomes).toHaveLength(changes.length)
      for (const [index, outcome] of outcomes.entries()) {
        const [[setting, value] = []] = Object.entries(changes[index] ?? {})
        const problem = value ? '(not a number|none of .+)' : 'not set'
        expect(outcome).toMatch(new RegExp(`^Error: the environment variable ${setting} is ${problem}$`))
      }
    },
  )
})

describe('an authorizer without a route table', () => {
  it.each<[string, Record<string, string>]>([
    ['that is there', {}],
    ['that is JSON', { 'routes.json': '{' }],
    ['that is an object', { 'routes.json': '[]' }],
    ['whose routes need something', { 'routes.json': '{"GET /orders":{}}' }],
    ['whose routes need scopes', { 'routes.json': '{"GET /orders":{"allOf":[]}}' }],
  ])('F37: %s does not start', async (_, files) => {
    const own = { SERVICE: 'authorizer', ...environment }
    const [outcome] = await loadFunction('authorizer', own, [], files)
    expect(outcome).toMatch(/routes\.json|SyntaxError/)
  })
})
