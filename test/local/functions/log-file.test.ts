import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogFile } from '../../../local/functions/log-file.ts'

let folder: string
let log: LogFile

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-file-'))
  log = new LogFile(join(folder, 'logs', 'function.log'))
})

afterEach(() => {
  log.close()
  rmSync(folder, { recursive: true })
})

/** What is in the file after a process printed the chunks and ended. */
async function capture(...chunks: (string | Buffer)[]) {
  const stream = new PassThrough()
  log.capture(stream, () => ({ level: 'WARN', requestId: 'r1' }))
  for (const chunk of chunks) stream.write(chunk)
  const closed = once(stream, 'close')
  stream.end()
  await closed
  return lines()
}

function lines() {
  const text = readFileSync(log.path, 'utf8')
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text.split('\n').slice(0, -1)
}

describe('the log of a function', () => {
  it('passes JSON objects through unchanged', async () => {
    expect(await capture('{"b": 1,  "a":"ü"}\n{"c":2}\n')).toEqual(['{"b": 1,  "a":"ü"}', '{"c":2}'])
  })

  it('puts a line together that arrives in pieces, in the middle of a character too', async () => {
    const bytes = Buffer.from('{"a":"ü"}\n')
    expect(await capture(bytes.subarray(0, 7), bytes.subarray(7))).toEqual(['{"a":"ü"}'])
  })

  it.each(['hello', '[1]', '"text"', '17', '{broken', 'null'])(
    'wraps %s, which is no JSON object',
    async line => {
      const [only, ...rest] = await capture(`${line}\n`)
      expect(rest).toEqual([])
      expect(JSON.parse(only ?? '')).toEqual({
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: 'WARN',
        requestId: 'r1',
        message: line,
      })
    },
  )

  it('makes one document of a crash dump of several lines', async () => {
    const dump = 'FATAL ERROR: heap\n 1: 0xb09980\n\n 2: 0xa1c235'
    const found = await capture('{"a":1}\n', `${dump}\n`, '{"b":2}\n')
    expect(found).toHaveLength(3)
    expect(JSON.parse(found[1] ?? '').message).toBe(dump)
  })

  it('keeps what was printed last without a line end', async () => {
    expect(JSON.parse((await capture('the end'))[0] ?? '').message).toBe('the end')
  })

  it('writes plain text soon, not only when the process ends', async () => {
    const stream = new PassThrough()
    log.capture(stream, () => ({ level: 'INFO' }))
    stream.write('still running\n')
    await expect.poll(() => lines().length).toBe(1)
    stream.destroy()
  })

  it('cuts a line that never ends', async () => {
    const found = await capture('x'.repeat(1_500_000), 'y'.repeat(10))
    expect(found.every(line => typeof JSON.parse(line) === 'object')).toBe(true)
  })

  it('appends to what an earlier start wrote', async () => {
    await capture('{"a":1}\n')
    log.close()
    log = new LogFile(log.path)
    expect(await capture('{"b":2}\n')).toEqual(['{"a":1}', '{"b":2}'])
  })

  it('writes documents of the runner', () => {
    log.write({ level: 'ERROR', message: 'Task timed out', requestId: 'r2' })
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      level: 'ERROR',
      message: 'Task timed out',
      requestId: 'r2',
    })
  })
})
