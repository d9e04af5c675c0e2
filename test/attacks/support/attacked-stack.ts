import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { type Json, type LocalStack, useLocalStack } from '../../flow/local-stack.ts'

/** What came back for one hostile request. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** API Gateway's identifier of the request; audit events carry it. */
  readonly requestId: string
}

/** An answer that a function gave, with the one audit event of its decision. */
export interface DecidedAnswer extends Answer {
  readonly event: Json
}

const maxMilliseconds = 1000

/**
 * A local stack under attack. Whatever a test sends through it is held against what is true of every answer: no status
 * of 500 or more, an answer within a second, no token, nothing secret in an answer or a log line, and one audit event
 * of a fixed reason for each decision.
 */
export class AttackedStack {
  readonly stack: LocalStack
  readonly #secrets = new Set<string>()
  readonly #offsets = new Map<string, number>()
  readonly #events = new Map<string, Json[]>()
  /** The requests that a function decided on. */
  readonly #decided = new Set<string>()
  #logs = ''

  constructor(stack: LocalStack) {
    this.stack = stack
  }

  /** Marks a text that must not be in any answer or log line from now on: a secret, a token, an assertion. */
  keepSecret(...texts: string[]): void {
    for (const text of texts) if (text.length >= 16) this.#secrets.add(text)
  }

  /** Sends a request that a function decides on; `send` may be called twice. Refused: no token may come back. */
  async refused(audit: string, send: () => Promise<Response | Answer>): Promise<DecidedAnswer> {
    const answer = await this.#send(send)
    expect(answer.body).not.toMatch(/access_token|eyJ[A-Za-z0-9_-]{10}/)
    const event = await this.eventOf(answer.requestId)
    expect(event).toMatchObject({ audit, outcome: 'refused', reason: expect.stringMatching(/^[a-z_]+$/) })
    return { ...answer, event }
  }

  /** Sends a request that must be allowed: what is attacked is that hostile neighbours change it. */
  async allowed(audit: string, send: () => Promise<Response | Answer>): Promise<DecidedAnswer> {
    const answer = await this.#send(send)
    const event = await this.eventOf(answer.requestId)
    expect(event).toMatchObject({ audit, outcome: 'allowed' })
    return { ...answer, event }
  }

  /** Sends a request that the gateway answers itself: no function decides, so that there is no audit event. */
  async answeredByGateway(send: () => Promise<Response | Answer>): Promise<Answer> {
    const answer = await this.#send(send)
    await this.#readLogs()
    expect(this.#events.get(answer.requestId) ?? []).toEqual([])
    return answer
  }

  /** The one audit event of a request; waits until the function's line is in the log. */
  async eventOf(requestId: string): Promise<Json> {
    for (let attempt = 0; attempt < 100; attempt++) {
      await this.#readLogs()
      const [event] = this.#events.get(requestId) ?? []
      if (event !== undefined) {
        this.#decided.add(requestId)
        return event
      }
      await delay(20)
    }
    throw new Error(`no audit event for the request ${requestId}`)
  }

  /** To be called when every request has been answered: what may be in no line, and twice in none. */
  async checkLogs(): Promise<void> {
    await this.#readLogs()
    for (const secret of this.#secrets)
      expect(this.#logs.includes(secret), 'a secret is in a log').toBe(false)
    for (const requestId of this.#decided) {
      const events = this.#events.get(requestId)
      expect(events?.length, `audit events of the request ${requestId}`).toBe(1)
    }
  }

  async #send(send: () => Promise<Response | Answer>): Promise<Answer> {
    let [answer, milliseconds] = await timed(send)
    // A busy machine may be slow once; a request that costs a second is slow again.
    if (milliseconds >= maxMilliseconds) [answer, milliseconds] = await timed(send)
    expect(answer.status).toBeLessThan(500)
    expect(milliseconds).toBeLessThan(maxMilliseconds)
    expect(answer.headers.has('set-cookie')).toBe(false)
    for (const secret of this.#secrets)
      expect(answer.body.includes(secret), 'an answer has a secret').toBe(false)
    return answer
  }

  /** Reads what was appended to the functions' logs, whole lines only. */
  async #readLogs(): Promise<void> {
    const folder = join(this.stack.dataDir, 'logs')
    for (const name of await readdir(folder)) {
      const file = await open(join(folder, name))
      try {
        const offset = this.#offsets.get(name) ?? 0
        const { size } = await file.stat()
        const bytes = Buffer.alloc(Math.max(0, size - offset))
        await file.read(bytes, 0, bytes.length, offset)
        const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
        this.#offsets.set(name, offset + whole.length)
        this.#logs += whole.toString()
        if (name !== 'gateway.log') for (const line of whole.toString().split('\n')) this.#note(line)
      } finally {
        await file.close()
      }
    }
  }

  #note(line: string): void {
    if (line === '') return
    const event = JSON.parse(line) as Json
    if (event.audit === undefined) return
    const requestId = String(event.requestId)
    this.#events.set(requestId, [...(this.#events.get(requestId) ?? []), event])
  }
}

async function timed(send: () => Promise<Response | Answer>): Promise<[Answer, number]> {
  const start = performance.now()
  const response = await send()
  const answer = response instanceof Response ? await toAnswer(response) : response
  return [answer, performance.now() - start]
}

async function toAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response
  return { status, headers, body: await response.text(), requestId: headers.get('apigw-requestid') ?? '' }
}

/** Starts a stack to attack for the tests of this file, and reads its logs through at the end. */
export function useAttackedStack(): () => AttackedStack {
  const stack = useLocalStack()
  let attacked: AttackedStack | undefined
  afterAll(() => attacked?.checkLogs())
  return () => {
    attacked ??= new AttackedStack(stack())
    return attacked
  }
}
