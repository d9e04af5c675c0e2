import { createHash } from 'node:crypto'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { derToJoseLowS } from '../../../lambda/oauth/ecdsa-signature.ts'
import { localCredentials } from '../../../local/local-credentials.ts'
import type { Json, LocalStack } from '../../flow/local-stack.ts'
import { storeClient } from '../../lambda/support/local-store.ts'

export const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

/**
 * Tokens that the server never made. Where their signature must not be what refuses them, the server's own key has
 * signed exactly what they say.
 */
export class HostileTokens {
  /** A token as the server issued it, and what is in it. */
  readonly genuine: string
  readonly header: Json
  readonly claims: Json
  readonly #kms: KMSClient
  readonly #keyArn: string

  private constructor(genuine: string, kms: KMSClient, keyArn: string) {
    this.genuine = genuine
    this.header = { ...decodeProtectedHeader(genuine) }
    this.claims = decodeJwt(genuine)
    this.#kms = kms
    this.#keyArn = keyArn
  }

  static async around(stack: LocalStack, genuine: string): Promise<HostileTokens> {
    const { region, aws, tables } = stack.endpoints
    const scan = new ScanCommand({ TableName: tables.SigningKeys })
    const { Items = [] } = await storeClient(aws.dynamodb).send(scan)
    const { kid } = decodeProtectedHeader(genuine)
    const keyArn = Items.find(item => item.kid?.S === kid)?.kms_key_arn?.S ?? ''
    const kms = new KMSClient({ endpoint: aws.kms, region, credentials: localCredentials })
    return new HostileTokens(genuine, kms, keyArn)
  }

  /** The three segments of the genuine token. */
  get segments(): readonly [string, string, string] {
    const [head = '', body = '', signature = ''] = this.genuine.split('.')
    return [head, body, signature]
  }

  /** The header and the claims of the genuine token, as text. */
  get texts(): readonly [string, string] {
    return [JSON.stringify(this.header), JSON.stringify(this.claims)]
  }

  /** The genuine token with other members; a member that is `undefined` is left out. */
  signed(changes: { header?: Json; claims?: Json }): Promise<string> {
    return this.signTexts(
      JSON.stringify({ ...this.header, ...changes.header }),
      JSON.stringify({ ...this.claims, ...changes.claims }),
    )
  }

  /** Texts that JSON would not be written as, or that are no JSON. */
  signTexts(header: string | Uint8Array, claims: string | Uint8Array): Promise<string> {
    return this.signSegments(encode(header), encode(claims))
  }

  /** Segments as they are: the signature covers their very characters (RFC 7515 §5.1). */
  async signSegments(head: string, body: string): Promise<string> {
    return `${head}.${body}.${encode(await this.rawSignature(`${head}.${body}`))}`
  }

  /** R || S with low S, as the server makes it (RFC 7518 §3.4). */
  async rawSignature(signingInput: string): Promise<Buffer> {
    const sign = new SignCommand({
      KeyId: this.#keyArn,
      Message: createHash('sha256').update(signingInput).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    })
    const { Signature = new Uint8Array() } = await this.#kms.send(sign)
    return derToJoseLowS(Signature) ?? Buffer.alloc(0)
  }
}
