import type { FlagName, GivenFlags } from './arguments.ts'
import { parseAuthMethod } from './client-settings.ts'
import { parseDurationSeconds } from './duration.ts'
import { usageFailure } from './failure.ts'

export const custodies = ['kms', 'envelope'] as const
export const tokenAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

/** What a month is like: how much is asked of a deployment, and how it is set. */
export interface Usage {
  tokens: number
  calls: number
  /** Share of the calls that a cached decision answers, 0 to 1. */
  cachedShare: number
  clients: number
  /** Of declared clients, in Secrets Manager. */
  secrets: number
  /** Protected APIs; each has an authorizer of its own. */
  apis: number
  custody: (typeof custodies)[number]
  tokenAlgorithm: (typeof tokenAlgorithms)[number]
  /** Whether clients authenticate with `private_key_jwt`. */
  assertions: boolean
  maxRevocationDelaySeconds: number
  logRetentionDays: number
  /** Of the token function and of each authorizer, in MB. */
  memoryMegabytes: number
  /** Billed, on average, in milliseconds. */
  tokenDurationMilliseconds: number
  authorizerDurationMilliseconds: number
  /** Execution environments that are warm all month, of the token function and of all authorizers together. */
  warmEnvironments: number
}

export const usageFlags = [
  'tokens',
  'calls',
  'cached',
  'clients',
  'secrets',
  'apis',
  'custody',
  'token-alg',
  'auth-method',
  'revocation-delay',
  'log-retention',
  'memory',
  'token-duration',
  'authorizer-duration',
  'environments',
] as const satisfies FlagName[]

/** KMS is a round trip more. */
const tokenDurations = { kms: 25, envelope: 10 } as const

/** @throws CommandFailure `invalid_usage` */
export function readUsage(given: GivenFlags): Usage {
  const custody = choiceOf(given, 'custody', custodies)
  return {
    tokens: numberOf(given, 'tokens', 0),
    calls: numberOf(given, 'calls', 0),
    cachedShare: numberOf(given, 'cached', 0, { max: 100 }) / 100,
    clients: numberOf(given, 'clients', 100),
    secrets: numberOf(given, 'secrets', 0),
    apis: numberOf(given, 'apis', 2),
    custody,
    tokenAlgorithm: choiceOf(given, 'token-alg', tokenAlgorithms),
    assertions: parseAuthMethod(given) === 'private_key_jwt',
    maxRevocationDelaySeconds: durationOf(given, 'revocation-delay', 5, { max: 300 }),
    logRetentionDays: durationOf(given, 'log-retention', 180 * 86_400) / 86_400,
    memoryMegabytes: numberOf(given, 'memory', 512, { min: 128, max: 10_240 }),
    tokenDurationMilliseconds: numberOf(given, 'token-duration', tokenDurations[custody], { min: 1 }),
    authorizerDurationMilliseconds: numberOf(given, 'authorizer-duration', 3, { min: 1 }),
    warmEnvironments: numberOf(given, 'environments', 5),
  }
}

/** The most that is counted: beyond it a month has no such numbers. */
const most = 1e13

function numberOf(
  given: GivenFlags,
  name: FlagName,
  fallback: number,
  { min = 0, max = most }: { min?: number; max?: number } = {},
): number {
  const text = given.value(name)
  if (text === undefined) return fallback
  const value = /^\d{1,14}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw usageFailure(
    `--${name} ${text} is not a number from ${min} to ${max}`,
    'Write it in digits: 1000000.',
  )
}

/** In seconds. */
export function durationOf(
  given: GivenFlags,
  name: FlagName,
  fallback: number,
  { max = 100_000 * 86_400 }: { max?: number } = {},
): number {
  const text = given.value(name)
  if (text === undefined) return fallback
  const seconds = parseDurationSeconds(text)
  if (seconds !== undefined && seconds <= max) return seconds
  throw usageFailure(
    seconds === undefined
      ? `--${name} ${text} is not a duration`
      : `--${name} ${text} is more than ${max} seconds`,
    'A duration is seconds, 30m, 24h or 7d.',
  )
}

function choiceOf<T extends string>(given: GivenFlags, name: FlagName, choices: readonly [T, ...T[]]): T {
  const text = given.value(name)
  const chosen = text === undefined ? choices[0] : choices.find(choice => choice === text)
  if (chosen !== undefined) return chosen
  throw usageFailure(`--${name} ${text} is none of ${choices.join(', ')}`, `Give one of them.`)
}
