import { type Duration, Token } from 'aws-cdk-lib'

/** What a setting may be, both ends included. */
export interface Limits {
  readonly min: number
  readonly max: number
}

/**
 * A duration in whole seconds within limits.
 *
 * @throws Error when it is not known at synthesis, not a whole number of seconds, or outside the limits
 */
export function wholeSeconds(setting: string, duration: Duration, limits: Limits): number {
  // Types do not hold for what comes from JavaScript.
  if (typeof duration?.isUnresolved !== 'function') {
    throw new Error(
      `${setting} must be a Duration, got ${JSON.stringify(duration)}: write Duration.seconds(...) or the like`,
    )
  }
  if (duration.isUnresolved()) {
    throw new Error(
      `${setting} must be known at synthesis, got a token: give it a number, not a deploy-time value`,
    )
  }
  const seconds = duration.toSeconds({ integral: false })
  if (!Number.isInteger(seconds)) {
    throw new Error(`${setting} must be whole seconds, got ${seconds} seconds: round it`)
  }
  if (seconds < limits.min || seconds > limits.max) {
    throw new Error(
      `${setting} must be between ${limits.min} and ${limits.max} seconds, got ${seconds} seconds: choose a value in that range`,
    )
  }
  return seconds
}

/**
 * A whole number within limits.
 *
 * @throws Error when it is not known at synthesis, not whole, or outside the limits
 */
export function wholeNumber(setting: string, value: number, limits: Limits): number {
  if (Token.isUnresolved(value)) {
    throw new Error(
      `${setting} must be known at synthesis, got a token: give it a number, not a deploy-time value`,
    )
  }
  if (!Number.isInteger(value) || value < limits.min || value > limits.max) {
    throw new Error(
      `${setting} must be a whole number between ${limits.min} and ${limits.max}, got ${value}: choose a value in that range`,
    )
  }
  return value
}

/**
 * One of the values that a setting can have. Types do not hold for what comes from JavaScript or from context.
 *
 * @throws Error when it is none of them
 */
export function oneOf<T extends string>(setting: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  throw new Error(`${setting} must be one of ${choices.join(', ')}, got ${JSON.stringify(value)}`)
}
