import { randomInt } from 'node:crypto'
import type { Fault } from './fault-server.ts'

/** Which requests a fault happens to: all of them, unless said otherwise. */
export interface FaultSelection {
  /** E.g. `GetItem`. @default any */
  readonly operation?: string
  /** One that names this table. @default any */
  readonly table?: string
  /** To so many of them, the first. @default all */
  readonly count?: number
  /** To this share of them, 0 to 1. @default 1 */
  readonly probability?: number
}

interface FaultRule extends FaultSelection {
  readonly fault: Fault
  left: number
}

/** Chooses what happens to each request: what was said of the next ones, the first rule that applies, or the rest. */
export class FaultChoice {
  readonly #queue: Fault[] = []
  readonly #rules: FaultRule[] = []
  #standing: Fault = 'pass'
  #random: (() => number) | undefined

  next(...faults: Fault[]): void {
    this.#queue.push(...faults)
  }

  always(fault: Fault): void {
    this.#standing = fault
  }

  on(fault: Fault, selection: FaultSelection): void {
    if (selection.probability !== undefined) this.#random ??= seededRandom(printedSeed())
    this.#rules.push({ ...selection, fault, left: selection.count ?? Number.POSITIVE_INFINITY })
  }

  reset(): void {
    this.#queue.length = 0
    this.#rules.length = 0
    this.#standing = 'pass'
  }

  /** What was said of this request by its turn: known before its body is. */
  takeNext(): Fault | undefined {
    return this.#queue.shift()
  }

  choose(operation: string, body: Record<string, unknown>): Fault {
    const rule = this.#rules.find(each => this.#applies(each, operation, body))
    if (rule === undefined) return this.#standing
    rule.left--
    return rule.fault
  }

  #applies({ operation, table, left, probability }: FaultRule, asked: string, body: Record<string, unknown>) {
    if (left <= 0 || (operation !== undefined && operation !== asked)) return false
    if (table !== undefined && !tablesOf(body).includes(table)) return false
    return probability === undefined || (this.#random?.() ?? 1) < probability
  }
}

function tablesOf({ TableName, RequestItems }: Record<string, unknown>): unknown[] {
  return TableName === undefined ? Object.keys(Object(RequestItems)) : [TableName]
}

/** The seed of this run's faults, said once for each server that draws: `FAULT_SEED` draws the same ones again. */
function printedSeed(): number {
  const seed = process.env.FAULT_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.FAULT_SEED)
  console.info(`faults drawn with FAULT_SEED=${seed}`)
  return seed
}

/** Numbers from 0 up to 1, the same ones for a seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
