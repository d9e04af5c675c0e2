/** DynamoDB, KMS, Secrets Manager, the management of API Gateway. */
export type Dependency = 'store' | 'kms' | 'secrets' | 'api_gateway'

/** A dependency did not answer, or not in time. What depends on it is refused; the caller may try again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly dependency: Dependency

  constructor(dependency: Dependency, options?: ErrorOptions) {
    super(`${dependency} unavailable`, options)
    this.dependency = dependency
  }
}

/** A stored record that does not have the shape it must have. Trusted by nobody. */
export class MalformedRecord extends Error {
  override readonly name = 'MalformedRecord'
}
