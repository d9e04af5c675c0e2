/** Whether `text` matches a pattern of IAM: `*` stands for any characters, `?` for one. */
export function matchesArn(pattern: string, text: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${escaped}$`, 's').test(text)
}

/** What a statement of an authorizer's policy says, as far as API Gateway looks at it. */
interface Statement {
  effect: 'Allow' | 'Deny'
  actions: string[]
  resources: string[]
}

/** An authorizer's policy, checked for its shape. */
export interface InvokePolicy {
  statements: Statement[]
}

/**
 * Reads the `policyDocument` of an authorizer. `undefined` where its shape is wrong, or it has elements (a
 * condition, `NotAction`) that the local run cannot evaluate.
 */
export function parsePolicy(document: unknown): InvokePolicy | undefined {
  const listed = (document as { Statement?: unknown } | null | undefined)?.Statement
  if (listed === undefined || listed === null) return undefined
  const statements = [listed].flat().map(parseStatement)
  return statements.every(statement => statement !== undefined) ? { statements } : undefined
}

/** Whether the policy allows to invoke the ARN: at least one statement does, and none denies it. */
export function allowsInvoke(policy: InvokePolicy, arn: string): boolean {
  const applicable = policy.statements.filter(
    ({ actions, resources }) =>
      actions.some(action => matchesArn(action.toLowerCase(), 'execute-api:invoke')) &&
      resources.some(resource => matchesArn(resource, arn)),
  )
  return (
    applicable.some(({ effect }) => effect === 'Allow') && !applicable.some(({ effect }) => effect === 'Deny')
  )
}

function parseStatement(statement: unknown): Statement | undefined {
  if (typeof statement !== 'object' || statement === null) return undefined
  const { Sid: _, Effect: effect, Action, Resource, ...rest } = statement as Record<string, unknown>
  const [actions, resources] = [[Action ?? []].flat(), [Resource ?? []].flat()]
  if (effect !== 'Allow' && effect !== 'Deny') return undefined
  if (Object.keys(rest).length > 0 || !isTextList(actions) || !isTextList(resources)) return undefined
  return { effect, actions, resources }
}

function isTextList(values: unknown[]): values is string[] {
  return values.every(value => typeof value === 'string')
}
