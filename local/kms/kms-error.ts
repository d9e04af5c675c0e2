/** A refusal as AWS KMS words it: `code` is the exception's name in the KMS API reference. */
export class KmsError extends Error {
  override name = 'KmsError' as const
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
