import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { parsePublicKey, thumbprint } from '../../lambda/oauth/public-key.ts'
import type { Revocation } from '../../lambda/oauth/revocation.ts'
import { type NewKey, RingKeeper, type RingStore } from '../../lambda/oauth/ring-keeper.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'
import type { SimulatedStore } from './simulated-store.ts'

/** Long enough ago for every verifier to know a key. */
const longAgoSeconds = 3600

/** A ring of signing keys over the simulated store, kept by the real keeper. */
export class SimulatedKeys {
  readonly keeper: RingKeeper
  readonly #store: SimulatedStore
  readonly #privateKeys = new Map<string, KeyObject>()

  constructor(
    store: SimulatedStore,
    nowSeconds: () => number,
    writeRevocation: (revocation: Revocation) => Promise<void>,
  ) {
    this.#store = store
    const createdAt = nowSeconds() - longAgoSeconds
    for (const state of ['active', 'standby'] as const) {
      const key = this.#newKey()
      const signFrom = state === 'active' ? createdAt : undefined
      store.keys.set(key.kid, { ...key, state, createdAt, signFrom, verifyUntil: undefined })
    }
    const ports = {
      store: this.#ringStore(),
      maker: {
        create: async () => ({ key: this.#newKey() }),
        complete: async () => 'gone' as const,
        unusable: async () => new Set<string>(),
        destroy: async () => undefined,
      },
      writeRevocation,
      now: nowSeconds,
      onChange: () => undefined,
      onUnusable: () => undefined,
    }
    this.keeper = new RingKeeper(ports, { algorithm: 'EdDSA', custody: 'kms', rotationSeconds: 86_400 })
  }

  /** The ring as a function reads it. @throws Unavailable */
  read(): Promise<readonly SigningKey[]> {
    return this.#store.call(() => [...this.#store.keys.values()])
  }

  sign(signingInput: string, { kid }: SigningKey): Uint8Array {
    const privateKey = this.#privateKeys.get(kid)
    if (privateKey === undefined) throw new Error(`there is no key ${kid}`)
    return sign(null, Buffer.from(signingInput), privateKey)
  }

  #newKey(): NewKey {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const parsed = parsePublicKey({ ...publicKey.export({ format: 'jwk' }) })
    if (typeof parsed === 'string') throw new Error(parsed)
    const kid = thumbprint(parsed)
    this.#privateKeys.set(kid, privateKey)
    const { kty = 'OKP', ...members } = parsed.jwk
    const publicJwk = { ...members, kty, kid, alg: 'EdDSA', use: 'sig' } as const
    const kmsKeyArn = `arn:aws:kms:us-east-1:000000000000:key/${kid}`
    return { kid, algorithm: 'EdDSA', publicJwk, kmsKeyArn, wrappedPrivateKey: undefined }
  }

  #ringStore(): RingStore {
    const { keys } = this.#store
    const change = (kid: string, from: readonly SigningKey['state'][], changes: Partial<SigningKey>) =>
      this.#store.call(() => {
        const key = keys.get(kid)
        if (key !== undefined && from.includes(key.state)) keys.set(kid, { ...key, ...changes })
      })
    return {
      readWithPending: async () => ({ keys: await this.read(), pending: [] }),
      putPending: async () => undefined,
      put: key => this.#store.call(() => void keys.set(key.kid, keys.get(key.kid) ?? key)),
      activate: ({ kid }, signFrom) => change(kid, ['standby'], { state: 'active', signFrom }),
      retire: ({ kid }, verifyUntil) =>
        change(kid, ['active', 'standby'], { state: 'retiring', verifyUntil }),
      revoke: ({ kid }, verifyUntil) =>
        change(kid, ['active', 'standby', 'retiring'], { state: 'revoked', verifyUntil }),
      remove: ({ kid }, nowSeconds) =>
        this.#store.call(() => {
          if ((keys.get(kid)?.verifyUntil ?? Number.POSITIVE_INFINITY) <= nowSeconds) keys.delete(kid)
        }),
    }
  }
}
