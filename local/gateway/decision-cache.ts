/** Decisions that API Gateway keeps per authorizer and stage; far more than one machine's clients make. */
const mostEntries = 10_000

/**
 * The results of one authorizer, kept for `timeToLiveSeconds` under the stage and the values of the identity
 * sources, and nothing else: without `$context.routeKey` among them, one result answers every route.
 */
export class DecisionCache<Decision> {
  readonly #timeToLiveMilliseconds: number
  readonly #monotonicMilliseconds: () => number
  readonly #entries = new Map<string, { decision: Decision; expiresAt: number }>()

  constructor(timeToLiveSeconds: number, monotonicMilliseconds: () => number = () => performance.now()) {
    this.#timeToLiveMilliseconds = timeToLiveSeconds * 1000
    this.#monotonicMilliseconds = monotonicMilliseconds
  }

  get(identity: readonly string[]): Decision | undefined {
    if (this.#timeToLiveMilliseconds === 0) return undefined
    const key = JSON.stringify(identity)
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (this.#monotonicMilliseconds() < entry.expiresAt) return entry.decision
    this.#entries.delete(key)
    return undefined
  }

  set(identity: readonly string[], decision: Decision): void {
    if (this.#timeToLiveMilliseconds === 0) return
    const [oldest] = this.#entries.keys()
    if (this.#entries.size >= mostEntries && oldest !== undefined) this.#entries.delete(oldest)
    this.#entries.set(JSON.stringify(identity), {
      decision,
      expiresAt: this.#monotonicMilliseconds() + this.#timeToLiveMilliseconds,
    })
  }
}
