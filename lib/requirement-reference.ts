import { type IResolvable, Token, Tokenization } from 'aws-cdk-lib'
import type { ScopeRequirement } from '../lambda/oauth/route-table.ts'

/**
 * Stands for an authorizer's id in the methods of a REST API. CDK tells an authorizer the API and not the method: so
 * each requirement is a reference of its own, by which its methods are found at synthesis.
 */
export class RequirementReference implements IResolvable {
  readonly creationStack: string[] = []
  readonly requirement: ScopeRequirement
  /** The authorizer of the API, once there is a method that uses this. */
  attached: { readonly authorizerId: string; readonly apiPath: string } | undefined
  readonly #path: string

  constructor(requirement: ScopeRequirement, path: string) {
    this.requirement = requirement
    this.#path = path
  }

  resolve(): string {
    if (this.attached === undefined) {
      throw new Error(`${this.#path} is on no method: pass it as the authorizer of a Method of a RestApi`)
    }
    return this.attached.authorizerId
  }

  toString(): string {
    return Token.asString(this)
  }
}

/** The requirement that this text refers to. */
export function requirementReference(authorizerId: string | undefined): RequirementReference | undefined {
  if (authorizerId === undefined || !Token.isUnresolved(authorizerId)) return undefined
  const [reference] = Tokenization.reverseString(authorizerId).tokens
  return reference instanceof RequirementReference ? reference : undefined
}
