import { createPublicKey } from 'node:crypto'
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  type DescribeKeyCommandOutput,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GetPublicKeyCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import type { RingPolicy } from '../oauth/keep-signing-keys.ts'
import {
  deletionDays,
  isUnusable,
  keyIsGone,
  keySpecs,
  ringContext,
  ringTag,
  toBeDeleted,
} from '../oauth/kms-facts.ts'
import { type JwsAlgorithm, type PublicMembers, parsePublicKey, thumbprint } from '../oauth/public-key.ts'
import type { KeyMaker, NewKey, PendingKey } from '../oauth/ring-keeper.ts'
import { custodyOf, isKeyId, type SigningKey } from '../oauth/signing-key.ts'
import { MalformedRecord } from '../oauth/unavailable.ts'
import { deadline } from './aws-clients.ts'
import type { Records } from './records.ts'
import { publicJwkOf } from './signing-key-item.ts'
import { call } from './store-call.ts'

/** How long one request about a key may take. */
const keyMilliseconds = 6000

export interface KmsKeysSettings extends Pick<RingPolicy, 'algorithm' | 'custody'> {
  readonly ring: string
  /** The symmetric key that wraps private keys; undefined = custody `kms`. */
  readonly wrappingKeyArn: string | undefined
}

/** Makes and destroys the keys of one ring in KMS, or key pairs that KMS wraps. */
export class KmsKeys implements KeyMaker {
  readonly #client: KMSClient
  readonly #settings: KmsKeysSettings
  readonly #records: Records

  constructor(client: KMSClient, settings: KmsKeysSettings, records: Records) {
    this.#client = client
    this.#settings = settings
    this.#records = records
  }

  async create(nowSeconds: number): Promise<{ readonly key: NewKey } | { readonly pending: PendingKey }> {
    return this.#settings.custody === 'envelope'
      ? { key: await this.#generatePair() }
      : { pending: await this.#createKey(nowSeconds) }
  }

  async #createKey(createdAt: number): Promise<PendingKey> {
    const { ring, algorithm } = this.#settings
    const create = new CreateKeyCommand({
      KeySpec: keySpecs[algorithm],
      KeyUsage: 'SIGN_VERIFY',
      Description: `Countersign access token signing key of ${ring}`,
      Tags: [{ TagKey: ringTag, TagValue: ring }],
    })
    const { KeyMetadata } = await this.#call(() => this.#client.send(create, deadline(keyMilliseconds)))
    const { Arn: kmsKeyArn, KeyId: kid = '' } = KeyMetadata ?? {}
    if (kmsKeyArn === undefined || !isKeyId(kid))
      throw new MalformedRecord('KMS created a key without a name')
    // Known from here on, whatever fails next: a key that no table has costs money.
    this.#records.signingKeyCreated(kmsKeyArn)
    return { kid, kmsKeyArn, createdAt }
  }

  /** The private half leaves KMS encrypted, bound to the ring. */
  async #generatePair(): Promise<NewKey> {
    const { ring, algorithm, wrappingKeyArn } = this.#settings
    const generate = new GenerateDataKeyPairWithoutPlaintextCommand({
      KeyId: wrappingKeyArn,
      KeyPairSpec: keySpecs[algorithm],
      EncryptionContext: ringContext(ring),
    })
    const { KeyId, PublicKey, PrivateKeyCiphertextBlob } = await this.#call(() =>
      this.#client.send(generate, deadline(keyMilliseconds)),
    )
    if (KeyId === undefined || PrivateKeyCiphertextBlob === undefined)
      throw new MalformedRecord('KMS made a key pair without a private half')
    const key = named(publicMembers(PublicKey, algorithm), algorithm)
    return { ...key, kmsKeyArn: KeyId, wrappedPrivateKey: PrivateKeyCiphertextBlob }
  }

  async complete({ kmsKeyArn }: PendingKey): Promise<NewKey | 'gone'> {
    const { algorithm } = this.#settings
    const get = new GetPublicKeyCommand({ KeyId: kmsKeyArn })
    try {
      const { PublicKey, KeySpec } = await this.#call(
        () => this.#client.send(get, deadline(keyMilliseconds)),
        keyIsGone,
        toBeDeleted,
      )
      // Made for an algorithm that the deployment has left since: it is of no use any more.
      if (KeySpec !== keySpecs[algorithm]) return 'gone'
      return {
        ...named(publicMembers(PublicKey, algorithm), algorithm),
        kmsKeyArn,
        wrappedPrivateKey: undefined,
      }
    } catch (error) {
      if (error instanceof Error && [keyIsGone, toBeDeleted].includes(error.name)) return 'gone'
      throw error
    }
  }

  async unusable(keys: readonly SigningKey[]): Promise<ReadonlySet<string>> {
    const arns = [...new Set(keys.map(key => key.kmsKeyArn))]
    const states = await Promise.all(arns.map(async arn => [arn, await this.#isUnusable(arn)] as const))
    const unusable = new Map(states)
    return new Set(keys.filter(key => unusable.get(key.kmsKeyArn) === true).map(key => key.kid))
  }

  /** What cannot be found out is no reason to give a key up. */
  async #isUnusable(kmsKeyArn: string): Promise<boolean> {
    const describe = new DescribeKeyCommand({ KeyId: kmsKeyArn })
    let output: DescribeKeyCommandOutput
    try {
      output = await this.#call(() => this.#client.send(describe, deadline(keyMilliseconds)), keyIsGone)
    } catch (error) {
      return error instanceof Error && error.name === keyIsGone
    }
    return isUnusable(output.KeyMetadata?.KeyState)
  }

  async destroy(key: SigningKey): Promise<void> {
    // A wrapped private key goes with its row; the key that wraps is the deployment's.
    if (custodyOf(key) === 'envelope') return
    const schedule = new ScheduleKeyDeletionCommand({
      KeyId: key.kmsKeyArn,
      PendingWindowInDays: deletionDays,
    })
    try {
      await this.#call(() => this.#client.send(schedule, deadline(keyMilliseconds)), toBeDeleted, keyIsGone)
    } catch (error) {
      // It is on its way already.
      if (!(error instanceof Error && [toBeDeleted, keyIsGone].includes(error.name))) throw error
    }
  }

  #call<T>(operation: () => Promise<T>, ...expected: readonly string[]): Promise<T> {
    return call('kms', operation, this.#records, ...expected)
  }
}

/** A key is called by its thumbprint (RFC 7638). */
function named(jwk: PublicMembers, algorithm: JwsAlgorithm) {
  const kid = thumbprint({ jwk })
  return { kid, algorithm, publicJwk: publicJwkOf(jwk, kid, algorithm) }
}

function publicMembers(spki: Uint8Array | undefined, algorithm: JwsAlgorithm): PublicMembers {
  const key = createPublicKey({ key: Buffer.from(spki ?? []), format: 'der', type: 'spki' })
  const parsed = parsePublicKey({ ...key.export({ format: 'jwk' }) })
  if (typeof parsed === 'string') throw new MalformedRecord(`a key that KMS made ${parsed}`)
  if (!parsed.algorithms.includes(algorithm))
    throw new MalformedRecord('a key that KMS made is of another type')
  return parsed.jwk
}
