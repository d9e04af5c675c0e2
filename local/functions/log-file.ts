import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** CloudWatch takes at most 1 MB in one event; longer output without a line's end is cut there. */
const longestLineCharacters = 1_000_000

/** Milliseconds after which lines of plain text count as one finished message (a stack trace, a crash dump). */
const plainTextSettleMilliseconds = 25

/** What a line says about itself when the one who printed it did not. */
export interface LineContext {
  level: string
  requestId?: string
}

/**
 * The log of one function: one JSON document a line, appended.
 *
 * Lines that are JSON objects pass through unchanged. Everything else is wrapped, consecutive lines of plain
 * text as one message, so that a crash dump stays together and every line of the file stays JSON.
 */
export class LogFile {
  readonly path: string
  readonly #descriptor: number
  #closed = false

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.path = path
    this.#descriptor = openSync(path, 'a', 0o600)
  }

  /** Writes one document of the runner's own, e.g. that a function timed out. */
  write(document: { level: string; message: string; [member: string]: string | undefined }): void {
    this.#append(`${JSON.stringify({ timestamp: new Date().toISOString(), ...document })}\n`)
  }

  /** Takes over everything that comes out of `stream`, a process's output. */
  capture(stream: Readable, context: () => LineContext): void {
    const decoder = new StringDecoder('utf8')
    let unfinished = ''
    let plain: string[] = []
    let plainContext: LineContext | undefined
    let settle: NodeJS.Timeout | undefined

    const takePlain = () => {
      clearTimeout(settle)
      settle = undefined
      if (plain.length === 0) return ''
      const document = {
        timestamp: new Date().toISOString(),
        ...plainContext,
        message: plain.join('\n').trimEnd(),
      }
      plain = []
      return `${JSON.stringify(document)}\n`
    }
    const takeLine = (line: string) => {
      if (isJsonObject(line)) return `${takePlain()}${line}\n`
      if (line.trim() === '' && plain.length === 0) return ''
      if (plain.length === 0) plainContext = context()
      plain.push(line)
      return ''
    }
    const take = (text: string) => {
      const lines = (unfinished + text).split('\n')
      unfinished = lines.pop() ?? ''
      if (unfinished.length > longestLineCharacters) {
        lines.push(unfinished)
        unfinished = ''
      }
      this.#append(lines.map(takeLine).join(''))
      // Written at once where it could be, for the file is read while the function runs.
      if (plain.length > 0)
        settle ??= setTimeout(() => this.#append(takePlain()), plainTextSettleMilliseconds)
    }
    stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)))
    stream.on('error', () => {})
    stream.on('close', () => {
      take(decoder.end())
      this.#append((unfinished === '' ? '' : takeLine(unfinished)) + takePlain())
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#descriptor)
  }

  // Synchronous: what a function printed is in the file although the local run is killed the next instant.
  #append(text: string): void {
    if (text !== '' && !this.#closed) writeSync(this.#descriptor, text)
  }
}

function isJsonObject(line: string): boolean {
  if (!line.startsWith('{')) return false
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
