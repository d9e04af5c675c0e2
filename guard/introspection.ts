import type { Records } from '../lambda/adapters/records.ts'
import { type Clock, elapsedSince, type Instant, instant } from '../lambda/oauth/clock.ts'
import type { ClockWatch } from '../lambda/oauth/clock-watch.ts'
import type { RevocableToken } from '../lambda/oauth/revocation.ts'
import { Unavailable } from '../lambda/oauth/unavailable.ts'
import { withinTime } from '../lambda/oauth/within-time.ts'
import type { IntrospectionOptions } from './guard-options.ts'

export interface IntrospectionPorts {
  readonly clock: Clock
  readonly records: Pick<Records, 'issuerUnavailable'>
  /** Told of the date in each answer. */
  readonly watch: Pick<ClockWatch, 'observe'>
}

interface Answer {
  readonly askedAt: Instant
  readonly isActive: Promise<boolean>
}

const timeLimitMilliseconds = 2000
const maxOctets = 64 * 1024
const maxAnswers = 10_000

/** Why the issuer's answer says nothing of the token: a fixed code, for the log. */
class IntrospectionError extends Error {
  override readonly name = 'IntrospectionError'
}

/** Asks the issuer whether a verified token is still active (RFC 7662 §2), and uses the answer for a while. */
export class Introspection {
  readonly #options: Required<IntrospectionOptions>
  readonly #ports: IntrospectionPorts
  /** By the identifier of the token, the one that was asked for longest ago first. */
  readonly #answers = new Map<string, Answer>()

  constructor(options: Required<IntrospectionOptions>, ports: IntrospectionPorts) {
    this.#options = options
    this.#ports = ports
  }

  /** @throws Unavailable when the issuer does not say */
  async isRevoked({ jti }: RevocableToken, token: string): Promise<boolean> {
    const known = this.#answers.get(jti)
    if (known !== undefined && this.#isFresh(known)) {
      const isActive = await known.isActive
      // One that was waited for may have become too old meanwhile.
      if (this.#isFresh(known)) return !isActive
    }
    const answer = { askedAt: instant(this.#ports.clock), isActive: this.#ask(jti, token) }
    this.#remember(jti, answer)
    return !(await answer.isActive)
  }

  #isFresh({ askedAt }: Answer): boolean {
    return elapsedSince(askedAt, this.#ports.clock) < this.#options.maxRevocationDelaySeconds * 1000
  }

  #remember(jti: string, answer: Answer): void {
    this.#answers.delete(jti)
    this.#answers.set(jti, answer)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > maxAnswers && oldest !== undefined) this.#answers.delete(oldest)
    answer.isActive.catch(() => {
      // No answer is none to be used again.
      if (this.#answers.get(jti) === answer) this.#answers.delete(jti)
    })
  }

  async #ask(jti: string, token: string): Promise<boolean> {
    try {
      return parseAnswer(await withinTime(this.#post(token), timeLimitMilliseconds), jti)
    } catch (error) {
      this.#ports.records.issuerUnavailable('introspection', problemOf(error))
      throw new Unavailable('store', { cause: error })
    }
  }

  async #post(token: string): Promise<string> {
    const credentials = `${formEncode(this.#options.clientId)}:${formEncode(await this.#secret())}`
    const request = {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
        accept: 'application/json',
      },
      body: new URLSearchParams({ token }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeLimitMilliseconds),
    } as const
    const { clock, watch } = this.#ports
    const sentAt = clock.now()
    const response = await this.#send(request)
    watch.observe(Date.parse(response.headers.get('date') ?? ''), { sentAt, receivedAt: clock.now() })
    if (response.status !== 200) throw new IntrospectionError(`status_${response.status}`)
    return readLimited(response)
  }

  async #secret(): Promise<string> {
    const { clientSecret } = this.#options
    try {
      return typeof clientSecret === 'string' ? clientSecret : await clientSecret()
    } catch {
      throw new IntrospectionError('client_secret')
    }
  }

  /** Once more after a failed connection: one that was kept open may have been closed by the other side. */
  async #send(request: RequestInit): Promise<Response> {
    const { introspectionEndpoint } = this.#options
    try {
      return await fetch(introspectionEndpoint, request)
    } catch (error) {
      if (request.signal?.aborted) throw error
      return await fetch(introspectionEndpoint, request)
    }
  }
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let octets = 0
  for await (const chunk of response.body ?? []) {
    octets += chunk.length
    if (octets > maxOctets) throw new IntrospectionError('too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** RFC 7662 §2.2. What is active must be the very token that was asked for. */
function parseAnswer(body: string, jti: string): boolean {
  let answer: { active?: unknown; jti?: unknown }
  try {
    answer = Object(JSON.parse(body))
  } catch {
    throw new IntrospectionError('not_json')
  }
  if (answer.active === false) return false
  if (answer.active !== true || answer.jti !== jti) throw new IntrospectionError('not_of_this_token')
  return true
}

function problemOf(error: unknown): string {
  if (error instanceof IntrospectionError) return error.message
  return error instanceof Unavailable || Object(error).name === 'TimeoutError' ? 'timeout' : 'connection'
}

/** RFC 6749 §2.3.1: both halves of the credentials are form-encoded. */
function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
