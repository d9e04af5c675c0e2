import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { bounded, deadline } from './aws-clients.ts'

/**
 * Credentials of a role of another account, for as long as an hour. An SDK client asks again five minutes before they
 * end. STS is asked in the Region of the role's user: an outage elsewhere is none here.
 */
export function assumedRole(roleArn: string) {
  const sts = new STSClient(bounded)
  return async () => {
    const command = new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'countersign-authorizer' })
    const { Credentials } = await sts.send(command, deadline())
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
    if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined)
      throw new Error('STS answered without credentials')
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration,
    }
  }
}
