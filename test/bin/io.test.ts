import { expect, it } from 'vitest'
import { processIo } from '../../bin/io.ts'

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'an interruption is handled as long as somebody wants to (%s): the doctor deletes its client',
  signal => {
    const before = process.listenerCount(signal)
    let handled = 0
    const release = processIo().onInterrupt(() => handled++)
    process.emit(signal)
    release()
    expect([handled, process.listenerCount(signal)]).toEqual([1, before])
  },
)
