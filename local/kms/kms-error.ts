import { AwsError } from '../aws-json-server.ts'

/** A refusal as AWS KMS words it: `code` is the exception's name in the KMS API reference. */
export class KmsError extends AwsError {
  override name = 'KmsError' as const
}
