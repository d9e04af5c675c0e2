import { readFileSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  bundleOf,
  type FunctionName,
  functionEnvironment,
  startFunction,
} from '../support/bundled-function.ts'

const names: FunctionName[] = [
  'token',
  'revoke',
  'metadata',
  'admin',
  'authorizer',
  'rest-authorizer',
  'remote-authorizer',
  'remote-rest-authorizer',
  'keeper',
  'client-registrar',
  'secret-rotator',
  'example-api',
]
/** The client of STS has messages that name packages, and an operation that nobody calls. */
const withoutSts = names.filter(name => !name.startsWith('remote-'))
const kilobyte = 1000

describe('a bundled function', () => {
  it.each<[FunctionName, number]>([
    ['authorizer', 300],
    ['rest-authorizer', 300],
    ['remote-authorizer', 300],
    ['remote-rest-authorizer', 300],
    ['token', 320],
  ])('%s has at most %i KB', (name, limit) => {
    expect(statSync(bundleOf(name)).size).toBeLessThanOrEqual(limit * kilobyte)
  })

  it.each(names)('%s imports node:http and node:https by no import statement', name => {
    const code = readFileSync(bundleOf(name), 'utf8')
    expect(code.match(/(from|import)\s*["'](node:)?https?["']/g)).toBe(null)
  })

  it.each(withoutSts)('%s imports Node’s own modules only', name => {
    const code = readFileSync(bundleOf(name), 'utf8')
    const imported = [...code.matchAll(/\bimport\s*(?:[\w${},\s*]+from\s*)?["']([^"']+)["']/g)].map(
      ([, from]) => from,
    )
    const strangers = imported.filter(from => from !== undefined && !isBuiltin(from))
    expect(strangers).toEqual([])
  })

  it.each(withoutSts)(
    '%s carries no provider of credentials but the one that reads the environment',
    name => {
      const code = readFileSync(bundleOf(name), 'utf8')
      const traces = [
        'sso_start_url',
        'credential_process',
        'AssumeRoleWithWebIdentity',
        'security-credentials',
      ]
      expect(traces.filter(trace => code.includes(trace))).toEqual([])
    },
  )

  it.each<FunctionName>(['token', 'authorizer', 'admin'])('%s carries no client of Secrets Manager', name => {
    expect(readFileSync(bundleOf(name), 'utf8')).not.toMatch(/secretsmanager/i)
  })

  it.each<[FunctionName, string]>([
    ['token', 'ACCESS_TOKEN_LIFETIME_SECONDS'],
    ['authorizer', 'AUDIENCE'],
    ['admin', 'CLIENTS_TABLE'],
    ['metadata', 'SIGNING_KEY_RING'],
    ['client-registrar', 'REVOCATIONS_TABLE'],
    ['secret-rotator', 'INTROSPECTION_ENDPOINT'],
  ])('%s does not start without %s', async (name, variable) => {
    const { [variable]: _, ...environment } = functionEnvironment({ dynamodb: 'http://127.0.0.1:9' })
    const started = await startFunction(name, environment)
    await started.stop()
    expect(started.start.failure).toBe(`Error: the environment variable ${variable} is not set`)
  })
})

function isBuiltin(name: string): boolean {
  return process.getBuiltinModule(name) !== undefined
}
