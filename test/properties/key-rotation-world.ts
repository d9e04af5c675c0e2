import type { RingPolicy } from '../../lambda/oauth/keep-signing-keys.ts'
import type { Revocation } from '../../lambda/oauth/revocation.ts'
import { type PendingKey, RingKeeper, type RingStore } from '../../lambda/oauth/ring-keeper.ts'
import { isTrusted, publishedKeys, type SigningKey } from '../../lambda/oauth/signing-key.ts'
import { SigningKeyRing } from '../../lambda/oauth/signing-key-ring.ts'
import {
  jwksMaxAgeSeconds,
  publicationLeadSeconds,
  publishingRingRefreshSeconds,
  signingRingRefreshSeconds,
} from '../../lambda/oauth/signing-key-times.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import { signingKey } from '../lambda/oauth/support/token-maker.ts'

export const policy: RingPolicy = { algorithm: 'ES256', custody: 'kms', rotationSeconds: 6 * 3600 }

/** A keeper stops between two of its steps. */
class Crash extends Error {}

export interface IssuedToken {
  readonly kid: string
  readonly exp: number
}

/**
 * A deployment in virtual time: a ring in a table and in KMS, keepers that may crash before or after any step, token
 * functions, authorizers, and verifiers of others, which keep the JWKS for as long as they may and never ask for a key
 * that they do not know. The keeper and the rings are those of production.
 */
export class KeyRotationWorld {
  seconds = 1_800_000_000
  isStoreDown = false
  lastOutage = 0
  readonly rows = new Map<string, SigningKey>()
  readonly pending = new Map<string, PendingKey>()
  readonly revoked = new Map<string, number>()
  /** Keys of KMS that are neither destroyed nor in the table any more. */
  readonly keysMade = new Set<string>()
  /** When the end of a key was decided, by its identifier. */
  readonly ended = new Map<string, { readonly verifyUntil: number; readonly decidedAt: number }>()
  readonly tokens: IssuedToken[] = []
  /** Keys that signed before every verifier could know them: in an emergency, or as the first. */
  readonly early = new Set<string>()
  readonly signer = this.#ring(signingRingRefreshSeconds)
  readonly #publisher = this.#ring(publishingRingRefreshSeconds)
  readonly authorizers = [0, 1].map(() => this.#ring(jwksMaxAgeSeconds))
  readonly jwks = [0, 1, 2].map(() => ({ kids: [] as readonly string[], readAt: 0 }))
  #made = 0

  #ring(refreshSeconds: number): SigningKeyRing {
    const clock = { now: () => this.seconds * 1000, monotonic: () => this.seconds * 1000 }
    return new SigningKeyRing(async () => this.#read(), clock, { refreshSeconds })
  }

  #read(): readonly SigningKey[] {
    if (this.isStoreDown) throw new Unavailable('store')
    return [...this.rows.values()]
  }

  /** A keeper that crashes at its nth step, before the step takes effect or after; and is slow, so that others overlap. */
  keeper(crashAt: number, crashesBefore: boolean): RingKeeper {
    let steps = 0
    const step = async (effect: () => void): Promise<void> => {
      steps++
      // Others get their turn.
      await null
      if (this.isStoreDown) throw new Unavailable('store')
      if (steps === crashAt && crashesBefore) throw new Crash()
      effect()
      if (steps === crashAt) throw new Crash()
      await null
    }
    const change = (kid: string, from: readonly string[], changes: Partial<SigningKey>) =>
      step(() => {
        const key = this.rows.get(kid)
        if (key === undefined || !from.includes(key.state)) return
        this.rows.set(kid, { ...key, ...changes })
        if (changes.verifyUntil !== undefined)
          this.ended.set(kid, { verifyUntil: changes.verifyUntil, decidedAt: this.seconds })
      })
    const store: RingStore = {
      readWithPending: async () => {
        await null
        return { keys: this.#read(), pending: [...this.pending.values()] }
      },
      putPending: key => step(() => void this.pending.set(key.kid, key)),
      put: key =>
        step(() => {
          if (this.rows.has(key.kid)) return
          this.rows.set(key.kid, key)
          if (key.state === 'active') this.early.add(key.kid)
        }),
      activate: (key, signFrom) => {
        if (key.createdAt + publicationLeadSeconds > signFrom) this.early.add(key.kid)
        return change(key.kid, ['standby'], { state: 'active', signFrom })
      },
      retire: (key, verifyUntil) =>
        change(key.kid, ['active', 'standby'], { state: 'retiring', verifyUntil }),
      revoke: (key, verifyUntil) =>
        change(key.kid, ['active', 'standby', 'retiring'], { state: 'revoked', verifyUntil }),
      remove: ({ kid }, now) =>
        step(() => {
          const key = this.rows.get(kid)
          if (key !== undefined && (key.verifyUntil ?? Number.POSITIVE_INFINITY) > now) return
          this.rows.delete(kid)
          this.pending.delete(kid)
        }),
    }
    const maker = {
      create: async (createdAt: number) => {
        const kmsKeyArn = `key-${++this.#made}`
        await step(() => void this.keysMade.add(kmsKeyArn))
        return { pending: { kid: `pending-${kmsKeyArn}`, kmsKeyArn, createdAt } }
      },
      complete: async ({ kmsKeyArn: kid }: PendingKey) => {
        await step(() => {})
        if (!this.keysMade.has(kid)) return 'gone' as const
        const { algorithm, publicJwk, wrappedPrivateKey } = signingKey
        return { kid, algorithm, publicJwk: { ...publicJwk, kid }, kmsKeyArn: kid, wrappedPrivateKey }
      },
      unusable: async () => new Set<string>(),
      destroy: ({ kid }: SigningKey) => step(() => void this.keysMade.delete(kid)),
    }
    return new RingKeeper(
      {
        store,
        maker,
        writeRevocation: (revocation: Revocation) =>
          step(() => {
            if (revocation.kind === 'kid') this.revoked.set(revocation.kid, this.seconds)
          }),
        now: () => this.seconds,
        onChange: () => {},
        onUnusable: () => {},
      },
      policy,
    )
  }

  /** Whether a run of a keeper came to its end. */
  async survives(run: Promise<unknown>): Promise<boolean> {
    try {
      await run
      return true
    } catch (error) {
      if (error instanceof Crash || error instanceof Unavailable) return false
      throw error
    }
  }

  /** A token function issues a token, unless it has no ring to do so. */
  async issue(lifetime: number): Promise<void> {
    try {
      const [key] = await this.signer.signingKeys(this.seconds)
      if (key !== undefined) this.tokens.push({ kid: key.kid, exp: this.seconds + lifetime })
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
    }
  }

  /** The verifiers of others replace what is older than it may be. */
  async refreshJwks(): Promise<void> {
    for (const copy of this.jwks) {
      if (this.seconds - copy.readAt < jwksMaxAgeSeconds) continue
      try {
        const keys = publishedKeys(await this.#publisher.all(), this.seconds)
        copy.kids = keys.map(({ kid }) => kid)
        copy.readAt = this.seconds
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
      }
    }
  }

  /** Who accepts tokens of a key now, the revocation of keys apart. */
  async acceptance(kid: string): Promise<{ readonly authorizers: boolean[]; readonly jwks: boolean[] }> {
    const authorizers: boolean[] = []
    for (const ring of this.authorizers) {
      const key = await ring.findOrRead(kid).catch(() => undefined)
      authorizers.push(key !== undefined && isTrusted(key, this.seconds))
    }
    return { authorizers, jwks: this.jwks.map(copy => copy.kids.includes(kid)) }
  }
}
