import type { Milliseconds, Result } from './history.ts'

/**
 * How long after its last sign of life an operation without an answer may still take effect: a function lives 10 s at
 * most, a stopped process sleeps 3 s more.
 */
export const lateEffectMilliseconds = 15_000

/** A write of a value that others replace, e.g. a client's status. */
export interface Write<V> {
  readonly value: V
  readonly invokedAt: Milliseconds
  readonly completedAt: Milliseconds
  readonly result: Result
}

/** When a write can have no more effect. */
export function settledAt({ result, completedAt }: Omit<Write<unknown>, 'value'>): Milliseconds {
  return result === 'unknown' ? completedAt + lateEffectMilliseconds : completedAt
}

/**
 * The values that may have been in force at some instant of a time span: of every write that had begun by its end, unless
 * another one that began after its last effect was acknowledged before the span.
 */
export function possibleValues<V>(
  writes: readonly Write<V>[],
  from: Milliseconds,
  until: Milliseconds,
): readonly V[] {
  const replacing = writes.filter(write => write.result === 'ok' && write.completedAt <= from)
  return writes
    .filter(write => write.result !== 'fail' && write.invokedAt <= until)
    .filter(write => !replacing.some(other => other !== write && other.invokedAt >= settledAt(write)))
    .map(write => write.value)
}
