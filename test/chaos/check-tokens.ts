import { isExpiredBy } from './check-revocation.ts'
import type { Facts, TokenFacts } from './facts.ts'
import type { Findings } from './findings.ts'
import type { Operation, OperationOf } from './history.ts'
import { isByYoungKey } from './young-key.ts'

/** How long after a fault what it ended may need to be there again. */
export const recoveryMilliseconds = 12_000

/**
 * I6: nothing passes with too little scope. I7: what passes was issued and has not run out, letter for letter, and every
 * token that is unexpired, unrevoked and of sufficient scope passes when no fault is active. I8: introspection agrees.
 */
export function checkTokens(facts: Facts, findings: Findings): void {
  for (const operation of facts.of('authorize', 'introspect')) {
    const token = facts.tokens.get(operation.jti)
    if (token === undefined) continue
    findings.checks++
    if (operation.kind === 'introspect') checkIntrospection(operation, token, facts, findings)
    else if (operation.allowed === true) checkAllowed(operation, token, facts, findings)
    else if (operation.presented === 'issued') checkRefused(operation, token, facts, findings)
  }
}

function checkAllowed(
  operation: OperationOf<'authorize'>,
  { token }: TokenFacts,
  facts: Facts,
  findings: Findings,
): void {
  const open = (invariant: 'I6' | 'I7', what: string) => {
    findings.failOpens++
    findings.violate(invariant, `${what} passed (jti ${operation.jti})`, operation)
  }
  if (operation.presented === 'forged') open('I7', 'a token that was never issued')
  if (operation.presented === 'respelled') open('I7', 'another spelling of a token')
  if (facts.wall(operation.invokedAt) / 1000 >= token.exp) open('I7', 'an expired token')
  if (!isSufficient(operation, token.scope)) open('I6', `a token without ${operation.requires.join(' ')}`)
}

function checkRefused(
  operation: OperationOf<'authorize'>,
  facts: TokenFacts,
  history: Facts,
  findings: Findings,
): void {
  if (!isValid(operation, facts, history) || !isSufficient(operation, facts.token.scope)) return
  if (operation.result === 'unknown') {
    checkAvailable(operation, history, findings)
    return
  }
  if (isByYoungKey(facts, operation, history)) {
    findings.youngKeyRefusals++
    return
  }
  findings.validTokensRefused++
  const status = operation.answer?.status
  findings.violate('I7', `a valid token was refused with ${status} (jti ${operation.jti})`, operation)
}

function checkIntrospection(
  operation: OperationOf<'introspect'>,
  token: TokenFacts,
  facts: Facts,
  findings: Findings,
): void {
  if (!isValid(operation, token, facts)) {
    if (operation.active !== true || facts.wall(operation.invokedAt) / 1000 < token.token.exp) return
    findings.failOpens++
    findings.violate('I8', `introspection called an expired token active (jti ${operation.jti})`, operation)
    return
  }
  if (operation.result === 'unknown') checkAvailable(operation, facts, findings)
  if (operation.active !== false || isByYoungKey(token, operation, facts)) return
  findings.validTokensRefused++
  findings.violate('I8', `introspection called a valid token inactive (jti ${operation.jti})`, operation)
}

/** An answer of 500 and above fails closed, which only a fault excuses. */
function checkAvailable(operation: Operation, facts: Facts, findings: Findings): void {
  const { invokedAt, completedAt, answer } = operation
  if (facts.faultDuring(['store', 'pause', 'process', 'stack'], invokedAt, completedAt, recoveryMilliseconds))
    return
  findings.validTokensRefused++
  const status = answer?.status ?? 'no answer'
  findings.violate('I7', `${operation.kind} of a valid token failed without a fault (${status})`, operation)
}

function isValid(operation: Operation, token: TokenFacts, facts: Facts): boolean {
  return !facts.mayBeRevokedBy(token, operation.completedAt) && !isExpiredBy(facts, token, operation)
}

function isSufficient({ requires }: OperationOf<'authorize'>, scope: readonly string[]): boolean {
  return requires.every(value => scope.includes(value))
}
