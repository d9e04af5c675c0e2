/** Reads a function's setting. @throws Error naming the variable: a function that lacks one must not start */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`)
  return value
}

/** A setting that a function can do without. */
export function optionalSetting(name: string): string | undefined {
  return process.env[name] || undefined
}

/** One of the words that are known. */
export function choiceSetting<T extends string>(name: string, choices: readonly T[]): T {
  const value = setting(name)
  const choice = choices.find(known => known === value)
  if (choice === undefined)
    throw new Error(`the environment variable ${name} is none of ${choices.join(', ')}`)
  return choice
}

/** A whole number of at least `min`. */
export function numberSetting(name: string, min = 0): number {
  const value = Number(setting(name))
  if (!Number.isSafeInteger(value) || value < min)
    throw new Error(`the environment variable ${name} is not a number`)
  return value
}
