import type { Milliseconds, Time } from './history.ts'

interface Sleeper {
  readonly at: Milliseconds
  readonly order: number
  readonly wake: () => void
}

/** Time that passes only while everybody sleeps: hours take seconds, and the same seed gives the same run. */
export class VirtualTime implements Time {
  #now = 0
  #order = 0
  #sleepers: Sleeper[] = []

  now(): Milliseconds {
    return this.#now
  }

  sleep(milliseconds: Milliseconds): Promise<void> {
    return new Promise(wake => this.#add(milliseconds, wake))
  }

  /**
   * Lets time pass until the work is done. Timers that the work sets are set in virtual time, too: what gives up waiting
   * after a second does so after a virtual one.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis
    const cancelled = new Set<unknown>()
    const setVirtual = (act: (...args: unknown[]) => void, milliseconds = 0, ...args: unknown[]) => {
      const id = {}
      this.#add(milliseconds, () => !cancelled.delete(id) && act(...args))
      return id
    }
    Object.assign(globalThis, { setTimeout: setVirtual, clearTimeout: (id: unknown) => cancelled.add(id) })
    try {
      let isDone = false
      const result = work().finally(() => {
        isDone = true
      })
      // Whatever is ready goes on before time does.
      for (;;) {
        await new Promise<void>(resolve => setImmediate(resolve))
        if (isDone) return await result
        const next = this.#sleepers.shift()
        if (next === undefined) throw new Error('everybody waits for something that nobody does')
        this.#now = Math.max(this.#now, next.at)
        next.wake()
      }
    } finally {
      Object.assign(globalThis, { setTimeout: realSetTimeout, clearTimeout: realClearTimeout })
    }
  }

  /** Keeps the sleepers in the order of their waking. */
  #add(milliseconds: Milliseconds, wake: () => void): void {
    const sleeper = { at: this.#now + Math.max(0, milliseconds), order: ++this.#order, wake }
    let low = 0
    let high = this.#sleepers.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#sleepers[middle]
      if (other !== undefined && other.at <= sleeper.at) low = middle + 1
      else high = middle
    }
    this.#sleepers.splice(low, 0, sleeper)
  }
}
