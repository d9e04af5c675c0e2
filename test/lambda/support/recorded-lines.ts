import { Records } from '../../../lambda/adapters/records.ts'

/** A moment for tests: 2026-01-02T03:04:05.000Z. */
export const nowMilliseconds = Date.UTC(2026, 0, 2, 3, 4, 5)
export const nowSeconds = nowMilliseconds / 1000

/** How a line counts a store error. */
export const storeError = {
  StoreErrors: 1,
  _aws: {
    Timestamp: nowMilliseconds,
    CloudWatchMetrics: [
      {
        Namespace: 'Countersign',
        Dimensions: [[], ['service']],
        Metrics: [{ Name: 'StoreErrors', Unit: 'Count' }],
      },
    ],
  },
}

export type Line = Record<string, unknown>

/** Records that keep what they write: `texts` as written, `lines` parsed. */
export function recordedLines(service = 'token') {
  const texts: string[] = []
  const records = new Records(
    service,
    line => texts.push(line),
    () => nowMilliseconds,
  )
  return {
    records,
    texts,
    get lines(): Line[] {
      return texts.map(text => JSON.parse(text))
    },
    clear(): void {
      texts.length = 0
    },
  }
}

/** A clock that stands still at `nowMilliseconds`, or as far after it as it is told. */
export function frozenClock() {
  let milliseconds = 0
  return {
    now: () => nowMilliseconds + milliseconds,
    monotonic: () => milliseconds,
    advance(by: number): void {
      milliseconds += by
    },
  }
}
