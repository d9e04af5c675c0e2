import { type Dependency, Unavailable } from '../oauth/unavailable.ts'
import type { Records } from './records.ts'

/** The name of DynamoDB's error for a condition that did not hold. Text: minifying renames the SDK's class. */
export const conditionFailed = 'ConditionalCheckFailedException'

/**
 * Runs one call to a dependency. Whatever goes wrong in it is recorded by its name and becomes `Unavailable`; but for
 * the errors that a caller expects (a condition that did not hold), which pass.
 */
export async function call<T>(
  dependency: Dependency,
  operation: () => Promise<T>,
  records: Records,
  ...expected: readonly string[]
): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown'
    if (expected.includes(name)) throw error
    records.dependencyFailed(dependency, name)
    throw new Unavailable(dependency, { cause: error })
  }
}
