import { Administrator } from './administrator.ts'
import { Caller } from './caller.ts'
import type { ClientModel, HeldToken } from './client-model.ts'
import type { Milliseconds, Recorder } from './history.ts'
import type { Random } from './random.ts'
import type { System } from './system.ts'

export interface GeneratorOptions {
  readonly system: System
  readonly recorder: Recorder
  readonly random: Random
  /** How many owners of clients there are, each of whom administers one after the other. */
  readonly owners: number
  /** How many callers each owner has, who work at the same time. */
  readonly callers: number
  /** The longest pause of each between two operations. */
  readonly pause: Milliseconds
  /** The longest that a revoked token may pass. */
  readonly delay: Milliseconds
}

/** What one owner and the callers of the same clients share. */
export interface Shared extends GeneratorOptions {
  readonly process: string
  /** The clients in use. */
  readonly clients: ClientModel[]
  /** Those that were put aside; whatever was acknowledged of them still holds at the end. */
  readonly former: ClientModel[]
  /** Tokens that were revoked, and have yet to be tried when the delay is over; the first ones first. */
  readonly revoked: HeldToken[]
}

/** Seeded load: owners that administer clients, callers that use them. */
export class Generator {
  readonly #options: GeneratorOptions
  readonly #crews: { shared: Shared; administrator: Administrator; callers: Caller[] }[]
  #running: Promise<unknown> | undefined
  #isStopped = false

  constructor(options: GeneratorOptions) {
    this.#options = options
    this.#crews = Array.from({ length: options.owners }, (_, owner) => {
      const shared = { ...options, process: `owner-${owner}`, clients: [], former: [], revoked: [] }
      return {
        shared,
        administrator: new Administrator({ ...shared, random: options.random.fork() }, owner === 0),
        callers: Array.from(
          { length: options.callers },
          (_, caller) =>
            new Caller({ ...shared, process: `caller-${owner}-${caller}`, random: options.random.fork() }),
        ),
      }
    })
  }

  start(): void {
    const loops = this.#crews.flatMap(({ administrator, callers }) => [administrator, ...callers])
    this.#running = Promise.all(
      loops.map(async loop => {
        while (!this.#isStopped) {
          await loop.step()
          await this.#pause(loop.random)
        }
      }),
    )
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** When nothing is broken any more: uses everything that was acknowledged once again. */
  async verify(): Promise<void> {
    await Promise.all(
      this.#crews.map(async ({ administrator, callers, shared }) => {
        await administrator.settle()
        const clients = [...shared.former, ...shared.clients]
        const verify = async (caller: Caller) => {
          for (let client = clients.pop(); client !== undefined; client = clients.pop())
            await caller.verify(client)
        }
        await Promise.all(callers.map(verify))
      }),
    )
  }

  async #pause(random: Random): Promise<void> {
    await this.#options.recorder.time.sleep(random.between(0, this.#options.pause))
  }
}
