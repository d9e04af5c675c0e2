import { OAuthError, type RefusalReason } from '../../../../lambda/oauth/oauth-error.ts'

/** The reason for which a step refuses, or what it returns. */
export function reasonOr<Result>(step: () => Result): Result | RefusalReason {
  try {
    return step()
  } catch (error) {
    if (error instanceof OAuthError) return error.reason
    throw error
  }
}
