import { Unavailable } from './unavailable.ts'

/** The API keys and usage plans of one server in API Gateway. Nothing of anybody else is seen or changed. All throw Unavailable. */
export interface ApiKeyStore {
  /** The ids of the server's usage plans. */
  readonly plans: () => Promise<readonly string[]>
  /** The ids of the server's keys, by client. */
  readonly keys: () => Promise<ReadonlyMap<string, string>>
  readonly keysOfPlan: (planId: string) => Promise<ReadonlySet<string>>
  /** The id of one client's key; undefined = it has none. */
  readonly find: (clientId: string) => Promise<string | undefined>
  /** Safe to repeat. @returns the key's id, or 'taken' where the value belongs to a key that is not ours */
  readonly create: (clientId: string) => Promise<string | 'taken'>
  readonly isAttached: (keyId: string, planId: string) => Promise<boolean>
  /** Safe to repeat. */
  readonly attach: (keyId: string, planId: string) => Promise<void>
  /** From its plans as well; safe to repeat. */
  readonly remove: (keyId: string) => Promise<void>
}

/** Which clients there are, strongly consistent; deleted ones are none. All throw Unavailable. */
export interface ClientDirectory {
  readonly has: (clientId: string) => Promise<boolean>
  readonly all: () => Promise<ReadonlySet<string>>
}

export interface ApiKeyKeeperPorts {
  readonly store: ApiKeyStore
  readonly clients: ClientDirectory
  /** Told after each change. */
  readonly onChange: (change: 'create' | 'remove', clientId: string) => void
  /** Told of a client whose value another key has: it can have none. */
  readonly onTaken: (clientId: string) => void
}

/** What was done, and what was left undone: for want of time, or because it failed. */
export interface KeptKeys {
  /** Clients that something was done for. */
  readonly done: number
  /** Clients whose requests are refused, since their key is missing or not in every plan. */
  readonly missing: number
  /** Keys of clients that are gone. */
  readonly leftOver: number
  /** The first failure; undefined = it was the time. */
  readonly failure: Unavailable | undefined
}

/** After so many failures in a row a run is given up: API Gateway or its permissions are what is wrong, not a client. */
const maxFailures = 5

/**
 * Keeps one API key for each client, in every usage plan of the server. Any number of keepers may do so at once, and each
 * may stop after any step.
 */
export class ApiKeyKeeper {
  readonly #ports: ApiKeyKeeperPorts

  constructor(ports: ApiKeyKeeperPorts) {
    this.#ports = ports
  }

  /**
   * What one client needs now: its key in every plan, or none.
   *
   * @throws Unavailable also where one plan did not take it, after the others did
   */
  async keep(clientId: string, plans: readonly string[]): Promise<void> {
    const { store, clients } = this.#ports
    const existing = await store.find(clientId)
    if (!(await clients.has(clientId))) {
      if (existing !== undefined) await this.#remove(clientId, existing)
      return
    }
    if (plans.length === 0) return
    const keyId = existing ?? (await this.#create(clientId))
    if (keyId === undefined) return
    const [failure] = await eachOf(plans, async plan => {
      if (existing === undefined || !(await store.isAttached(keyId, plan))) await store.attach(keyId, plan)
    })
    if (failure !== undefined) throw failure
  }

  /**
   * Completes what is missing and then removes what is left over, until the time is up. A key is removed when its client
   * is gone, and for no other reason. A plan that cannot be read, since it is about to come or go, is a failure that holds
   * up no other plan.
   *
   * @param newPlan a plan that is so new that it may not be listed yet, and that must be readable
   * @throws Unavailable where it could not even be seen what there is to do
   */
  async keepAll(isTimeUp: () => boolean, newPlan?: string): Promise<KeptKeys> {
    const { store, clients } = this.#ports
    const listed = new Set([...(await store.plans()), ...(newPlan === undefined ? [] : [newPlan])])
    const keys = await store.keys()
    const attached = new Map<string, ReadonlySet<string>>()
    const [unreadable] = await eachOf(listed, async plan => {
      attached.set(plan, await store.keysOfPlan(plan))
    })
    const mustRead = newPlan === undefined ? attached.size > 0 : attached.has(newPlan)
    if (unreadable !== undefined && !mustRead) throw unreadable
    const present = await clients.all()

    const lacking = (keyId: string | undefined) =>
      [...attached].filter(([, its]) => keyId === undefined || !its.has(keyId)).map(([plan]) => plan)
    const incomplete = [...present].filter(clientId => lacking(keys.get(clientId)).length > 0)
    const orphans = [...keys].filter(([clientId]) => !present.has(clientId))

    const run = new BoundedRun(isTimeUp)
    const missing = await run.each(incomplete, async clientId => {
      const existing = keys.get(clientId)
      const keyId = existing ?? (await this.#create(clientId))
      if (keyId === undefined) return false
      const [failure] = await eachOf(lacking(existing), plan => store.attach(keyId, plan))
      if (failure !== undefined) throw failure
      return true
    })
    const leftOver = await run.each(orphans, async ([clientId, keyId]) => {
      // The lists are of different moments: a client may have come in between.
      if (!(await clients.has(clientId))) await this.#remove(clientId, keyId)
      return true
    })
    return { done: run.done, missing, leftOver, failure: run.failure ?? unreadable }
  }

  /** Removes every key, once no plan but this one is there to use them. @throws Unavailable */
  async removeAll(lastPlan: string, isTimeUp: () => boolean): Promise<KeptKeys> {
    const { store } = this.#ports
    const others = (await store.plans()).filter(plan => plan !== lastPlan)
    if (others.length > 0) return { done: 0, missing: 0, leftOver: 0, failure: undefined }
    const run = new BoundedRun(isTimeUp)
    const leftOver = await run.each([...(await store.keys())], async ([clientId, keyId]) => {
      await this.#remove(clientId, keyId)
      return true
    })
    return { done: run.done, missing: 0, leftOver, failure: run.failure }
  }

  async #create(clientId: string): Promise<string | undefined> {
    const created = await this.#ports.store.create(clientId)
    if (created === 'taken') {
      this.#ports.onTaken(clientId)
      return undefined
    }
    this.#ports.onChange('create', clientId)
    return created
  }

  async #remove(clientId: string, keyId: string): Promise<void> {
    await this.#ports.store.remove(keyId)
    this.#ports.onChange('remove', clientId)
  }
}

/** Takes a step for each item, whatever becomes of the others. @returns the failures */
async function eachOf<T>(items: Iterable<T>, step: (item: T) => Promise<void>): Promise<Unavailable[]> {
  const failures: Unavailable[] = []
  for (const item of items) {
    try {
      await step(item)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      failures.push(error)
    }
  }
  return failures
}

/** Takes steps until the time is up or too many in a row have failed. */
class BoundedRun {
  done = 0
  failure: Unavailable | undefined
  readonly #isTimeUp: () => boolean
  #failures = 0

  constructor(isTimeUp: () => boolean) {
    this.#isTimeUp = isTimeUp
  }

  /** @returns how many were not done */
  async each<T>(items: readonly T[], step: (item: T) => Promise<boolean>): Promise<number> {
    let undone = items.length
    for (const item of items) {
      if (this.#failures >= maxFailures || this.#isTimeUp()) break
      try {
        if (!(await step(item))) continue
        undone--
        this.done++
        this.#failures = 0
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        this.failure ??= error
        this.#failures++
      }
    }
    return undone
  }
}
