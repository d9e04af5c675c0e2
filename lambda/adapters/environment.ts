/** Reads a function's setting. @throws Error naming the variable: a function that lacks one must not start */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`)
  return value
}

export function numberSetting(name: string): number {
  const value = Number(setting(name))
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`the environment variable ${name} is not a number`)
  return value
}
