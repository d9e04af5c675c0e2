import { activationOf, nextRingStep, type RingPolicy, replacementStep } from './keep-signing-keys.ts'
import { type Revocation, revokeKey } from './revocation.ts'
import { currentSigningKey, isPublishedLongEnough, type SigningKey, standbyKeys } from './signing-key.ts'
import { publicationLeadSeconds, retirementSeconds } from './signing-key-times.ts'

/** A key that KMS has made, of which nothing is known yet but where it is. */
export interface PendingKey {
  /** KMS's own, until the thumbprint is known. */
  readonly kid: string
  readonly kmsKeyArn: string
  readonly createdAt: number
}

/** The public half of a key, and where the private one is. */
export type NewKey = Pick<SigningKey, 'kid' | 'algorithm' | 'publicJwk' | 'kmsKeyArn' | 'wrappedPrivateKey'>

/** Each write is conditional on what it changes, safe to repeat, and durable when it returns. All throw Unavailable. */
export interface RingStore {
  readonly readWithPending: () => Promise<{
    readonly keys: readonly SigningKey[]
    readonly pending: readonly PendingKey[]
  }>
  readonly putPending: (key: PendingKey) => Promise<void>
  readonly put: (key: SigningKey) => Promise<void>
  readonly activate: (key: SigningKey, signFrom: number) => Promise<void>
  readonly retire: (key: SigningKey, verifyUntil: number) => Promise<void>
  readonly revoke: (key: SigningKey, verifyUntil: number) => Promise<void>
  readonly remove: (key: Pick<SigningKey, 'kid'>, nowSeconds: number) => Promise<void>
}

/** Makes and destroys keys. All throw Unavailable. */
export interface KeyMaker {
  /** A key that is complete at once, or one that KMS has made and that is to be completed. Not idempotent. */
  readonly create: (
    nowSeconds: number,
  ) => Promise<{ readonly key: NewKey } | { readonly pending: PendingKey }>
  /** The public half of a pending key; 'gone' when KMS has no such key any more. */
  readonly complete: (pending: PendingKey) => Promise<NewKey | 'gone'>
  /** The identifiers of keys that KMS will not use: disabled, to be deleted, or gone. */
  readonly unusable: (keys: readonly SigningKey[]) => Promise<ReadonlySet<string>>
  /** Has a key destroyed, as late as KMS allows; safe to repeat. */
  readonly destroy: (key: SigningKey) => Promise<void>
}

/** What was done to a key. */
export type RingChange = 'create' | 'activate' | 'retire' | 'remove' | 'revoke'

export interface RingKeeperPorts {
  readonly store: RingStore
  readonly maker: KeyMaker
  readonly writeRevocation: (revocation: Revocation) => Promise<void>
  readonly now: () => number
  /** Told after each change. */
  readonly onChange: (change: RingChange, kid: string) => void
  /** Told of keys that KMS will not use. */
  readonly onUnusable: (kids: ReadonlySet<string>) => void
}

/** More than any ring needs at once: beyond it two keepers undo each other's work, which must not happen unseen. */
const maxSteps = 20

/** Keeps a ring as its policy wants it. Any number of keepers may do so at once, and each may stop after any step. */
export class RingKeeper {
  readonly #ports: RingKeeperPorts
  readonly #policy: RingPolicy

  constructor(ports: RingKeeperPorts, policy: RingPolicy) {
    this.#ports = ports
    this.#policy = policy
  }

  /** The keys, in the order of their making and signing. @throws Unavailable */
  async keys(): Promise<readonly SigningKey[]> {
    const { keys } = await this.#ports.store.readWithPending()
    const signFrom = (key: SigningKey) => key.signFrom ?? Number.MAX_SAFE_INTEGER
    return keys.toSorted((a, b) => a.createdAt - b.createdAt || signFrom(a) - signFrom(b))
  }

  /** Whether KMS has made a key whose public half could not be read yet. @throws Unavailable */
  async isWaiting(): Promise<boolean> {
    return (await this.#ports.store.readWithPending()).pending.length > 0
  }

  /** Makes every change that the ring needs now. @throws Unavailable, with what was done until then done */
  async keep(): Promise<void> {
    const { store, maker, onUnusable } = this.#ports
    const signing = (await store.readWithPending()).keys.filter(
      ({ state }) => state === 'active' || state === 'standby',
    )
    const unusable = await maker.unusable(signing)
    if (unusable.size > 0) onUnusable(unusable)
    for (let steps = 0; steps < maxSteps; steps++) {
      if (!(await this.#step(unusable))) return
    }
    throw new Error(`the ring still needs changes after ${maxSteps} of them`)
  }

  /**
   * Has the standby key sign in the place of the current one, at once.
   *
   * @returns the seconds to wait where no standby key has been published for long enough; 0 = done
   */
  async rotate(): Promise<number> {
    const { store, now } = this.#ports
    const nowSeconds = now()
    const { keys } = await store.readWithPending()
    const [first] = standbyKeys(keys)
    if (first === undefined) return publicationWait(nowSeconds, nowSeconds)
    if (!isPublishedLongEnough(first, nowSeconds)) return publicationWait(first.createdAt, nowSeconds)
    const { signFrom } = activationOf(first, currentSigningKey(keys, nowSeconds), nowSeconds)
    await this.#activate(first, signFrom)
    return 0
  }

  /**
   * Revokes a key: another one signs, if this one did; then no token of it is accepted any more, everywhere within the
   * revocation delay. Safe to repeat. @returns false when there is no such key @throws Unavailable
   */
  async revoke(kid: string): Promise<boolean> {
    const { store, writeRevocation, now, onChange } = this.#ports
    const nowSeconds = now()
    const { keys } = await store.readWithPending()
    const key = keys.find(each => each.kid === kid)
    if (key === undefined) return false
    const replacement = replacementStep(keys, key, nowSeconds)
    if (replacement !== undefined) await this.#activate(replacement.key, replacement.signFrom)
    await store.revoke(key, nowSeconds + retirementSeconds)
    await writeRevocation(revokeKey(kid, nowSeconds + retirementSeconds))
    onChange('revoke', kid)
    return true
  }

  /** @returns whether there was something to do */
  async #step(unusable: ReadonlySet<string>): Promise<boolean> {
    const { store, maker, now, onChange } = this.#ports
    const nowSeconds = now()
    const { keys, pending } = await store.readWithPending()
    const step = nextRingStep(keys, this.#policy, nowSeconds, unusable)
    switch (step?.kind) {
      case undefined:
        return false
      case 'create':
        await (pending[0] === undefined
          ? this.#create(step.state, nowSeconds)
          : this.#complete(pending[0], step.state, nowSeconds))
        return true
      case 'activate':
        await this.#activate(step.key, step.signFrom)
        return true
      case 'retire':
        await store.retire(step.key, step.verifyUntil)
        onChange('retire', step.key.kid)
        return true
      case 'remove':
        await maker.destroy(step.key)
        await store.remove(step.key, nowSeconds)
        onChange('remove', step.key.kid)
        return true
    }
  }

  async #create(state: 'active' | 'standby', nowSeconds: number): Promise<void> {
    const { store, maker } = this.#ports
    const made = await maker.create(nowSeconds)
    if ('key' in made) await this.#put(made.key, state, nowSeconds)
    else await store.putPending(made.pending)
  }

  async #complete(pending: PendingKey, state: 'active' | 'standby', nowSeconds: number): Promise<void> {
    const key = await this.#ports.maker.complete(pending)
    if (key !== 'gone') await this.#put(key, state, nowSeconds)
    await this.#ports.store.remove(pending, nowSeconds)
  }

  async #put(key: NewKey, state: 'active' | 'standby', nowSeconds: number): Promise<void> {
    const signFrom = state === 'active' ? nowSeconds : undefined
    await this.#ports.store.put({ ...key, state, createdAt: nowSeconds, signFrom, verifyUntil: undefined })
    this.#ports.onChange('create', key.kid)
  }

  async #activate(key: SigningKey, signFrom: number): Promise<void> {
    await this.#ports.store.activate(key, signFrom)
    this.#ports.onChange('activate', key.kid)
  }
}

function publicationWait(publishedAt: number, nowSeconds: number): number {
  return Math.max(1, publishedAt + publicationLeadSeconds - nowSeconds)
}
