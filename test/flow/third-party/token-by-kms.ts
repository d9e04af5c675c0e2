import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { localCredentials } from '../../../local/local-credentials.ts'
import { storeClient } from '../../lambda/support/local-store.ts'
import type { Json, LocalStack } from '../local-stack.ts'

/**
 * A token that the server never issued, signed all the same by its own key: a real one with other members. What
 * refuses it looks at its claims, not at its signature.
 */
export async function tokenByKms(
  stack: LocalStack,
  token: string,
  changes: { header?: Json; claims?: Json },
): Promise<string> {
  const header = { ...decodeProtectedHeader(token), ...changes.header }
  const claims = { ...decodeJwt(token), ...changes.claims }
  const signed = [header, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const { region, aws } = stack.endpoints
  const kms = new KMSClient({ endpoint: aws.kms, region, credentials: localCredentials })
  const { Signature = new Uint8Array() } = await kms.send(
    new SignCommand({
      KeyId: await signingKeyArn(stack, String(header.kid)),
      Message: Buffer.from(signed),
      MessageType: 'RAW',
      SigningAlgorithm: 'ECDSA_SHA_256',
    }),
  )
  return `${signed}.${joseSignature(Buffer.from(Signature)).toString('base64url')}`
}

async function signingKeyArn(stack: LocalStack, kid: string): Promise<string> {
  const dynamoDb = storeClient(stack.endpoints.aws.dynamodb)
  const { Items = [] } = await dynamoDb.send(
    new ScanCommand({ TableName: stack.endpoints.tables.SigningKeys }),
  )
  return Items.find(item => item.kid?.S === kid)?.kms_key_arn?.S ?? ''
}

/** r and s of a DER signature, 32 bytes each (RFC 7518 §3.4). */
function joseSignature(der: Buffer): Buffer {
  const numbers: Buffer[] = []
  for (let at = 2; at < der.length; ) {
    const length = der.readUInt8(at + 1)
    const number = der.subarray(at + 2, at + 2 + length)
    numbers.push(Buffer.concat([Buffer.alloc(32), number]).subarray(-32))
    at += 2 + length
  }
  return Buffer.concat(numbers)
}
