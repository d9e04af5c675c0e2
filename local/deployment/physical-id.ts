import { createHash } from 'node:crypto'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/**
 * An identifier as API Gateway gives them, of `length` lower-case letters and digits: the same for the same
 * resource of the same stack at every start.
 */
export function physicalId(stackName: string, logicalId: string, length: number): string {
  const digest = createHash('sha256').update(`${stackName}/${logicalId}`).digest()
  return Array.from(digest.subarray(0, length), byte => alphabet[byte % alphabet.length]).join('')
}

/** A name as CloudFormation gives them to resources that the template does not name. */
export function physicalName(stackName: string, logicalId: string): string {
  return `${stackName}-${logicalId}`
}
