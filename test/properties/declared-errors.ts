type ErrorClass = abstract new (...parameters: never[]) => Error

/**
 * Runs a parser on whatever was generated: what it returns, or 'refused' when it throws an error that it declares.
 * Anything else that it throws fails the property.
 */
export function outcomeOf<Result>(parse: () => Result, ...declared: ErrorClass[]): Result | 'refused' {
  try {
    return parse()
  } catch (error) {
    if (declared.some(each => error instanceof each)) return 'refused'
    throw error
  }
}

/** As `outcomeOf`, for what is read from outside. */
export async function settledOf<Result>(
  parse: () => Promise<Result>,
  ...declared: ErrorClass[]
): Promise<Result | 'refused'> {
  try {
    return await parse()
  } catch (error) {
    if (declared.some(each => error instanceof each)) return 'refused'
    throw error
  }
}
