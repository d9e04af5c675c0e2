import { createHash, createPublicKey } from 'node:crypto'
import { CreateKeyCommand, GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { PublicJwk } from '../oauth/signing-key.ts'
import { MalformedRecord, Unavailable } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** The tag that ties a key to its ring; the signing functions' permission is conditional on it. */
const ringTag = 'countersign:ring'

/** How long one request about a key may take. */
const keyMilliseconds = 6000

export interface CreatedKey {
  readonly kmsKeyArn: string
  readonly publicJwk: PublicJwk
}

/** Creates keys in KMS for one ring. */
export class KmsKeys {
  readonly #client: KMSClient
  readonly #ring: string
  readonly #records: Records

  constructor(client: KMSClient, ring: string, records: Records) {
    this.#client = client
    this.#ring = ring
    this.#records = records
  }

  /** Creates an ES256 key. Its `kid` is its JWK thumbprint (RFC 7638). @throws Unavailable */
  async create(): Promise<CreatedKey> {
    const create = new CreateKeyCommand({
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      Description: `Countersign access token signing key of ${this.#ring}`,
      Tags: [{ TagKey: ringTag, TagValue: this.#ring }],
    })
    const { KeyMetadata } = await call(
      'kms',
      () => this.#client.send(create, deadline(keyMilliseconds)),
      this.#records,
    )
    const kmsKeyArn = KeyMetadata?.Arn
    if (kmsKeyArn === undefined) throw new MalformedRecord('KMS created a key without an ARN')
    // Known from here on, whatever fails next: a key that no table has costs money.
    this.#records.signingKeyCreated(kmsKeyArn)
    return { kmsKeyArn, publicJwk: await this.#publicJwk(kmsKeyArn) }
  }

  /** A key's tag may need a while until permissions that depend on it hold: asks again for up to half a minute. */
  async #publicJwk(kmsKeyArn: string): Promise<PublicJwk> {
    for (let attempt = 1; ; attempt++) {
      try {
        const get = new GetPublicKeyCommand({ KeyId: kmsKeyArn })
        const { PublicKey } = await call(
          'kms',
          () => this.#client.send(get, deadline(keyMilliseconds)),
          this.#records,
        )
        return toPublicJwk(PublicKey ?? new Uint8Array())
      } catch (error) {
        if (!(error instanceof Unavailable) || attempt >= 10) throw error
        await new Promise(resolve => setTimeout(resolve, 3000))
      }
    }
  }
}

function toPublicJwk(spki: Uint8Array): PublicJwk {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
    .digest('base64url')
  return { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
}
