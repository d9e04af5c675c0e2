import type { StackResource } from '../cloud-assembly.ts'
import { readProperties } from '../deployment/properties.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { matchesArn } from './policy.ts'

/** The resource-based policies of the functions, as `AWS::Lambda::Permission` resources make them. */
export class InvokePermissions {
  readonly #statements: { functionArn: string; sourceArn: string | undefined }[] = []
  readonly #accountId: string

  constructor(accountId: string) {
    this.#accountId = accountId
  }

  /**
   * Adds one `AWS::Lambda::Permission`. `functionArnOf` finds a function by its name or ARN.
   *
   * @throws where it has a property that the local run does not know or names a function that is not local
   */
  add(
    resource: StackResource,
    intrinsics: Intrinsics,
    functionArnOf: (nameOrArn: string) => string | undefined,
  ): void {
    const reader = readProperties(resource, intrinsics, {
      used: ['Action', 'FunctionName', 'Principal', 'SourceArn', 'SourceAccount'],
    })
    const functionArn = functionArnOf(reader.text('FunctionName'))
    if (functionArn === undefined) throw reader.error('FunctionName', 'names no function of the stack')
    const sourceAccount = reader.optionalText('SourceAccount')
    if (!['lambda:InvokeFunction', 'lambda:*'].includes(reader.text('Action'))) return
    if (reader.text('Principal') !== 'apigateway.amazonaws.com') return
    if (sourceAccount !== undefined && sourceAccount !== this.#accountId) return
    this.#statements.push({ functionArn, sourceArn: reader.optionalText('SourceArn') })
  }

  /** Whether API Gateway may invoke the function on behalf of the source. */
  allows(functionArn: string, sourceArn: string): boolean {
    return this.#statements.some(
      statement =>
        statement.functionArn === functionArn &&
        (statement.sourceArn === undefined || matchesArn(statement.sourceArn, sourceArn)),
    )
  }
}
