/** Milliseconds of the one monotonic clock of a run. */
export type Milliseconds = number

/**
 * `ok`: it was done, or decided. `fail`: it was refused for certain and changed nothing. `unknown`: no answer, a reset or
 * an answer of 500 and above, after which it may have been done, or may still be.
 */
export type Result = 'ok' | 'fail' | 'unknown'

/** What of an HTTP answer can be right or wrong whatever was asked. */
export interface Answer {
  readonly status: number
  readonly contentType: string | undefined
  readonly cacheControl: string | undefined
  readonly retryAfter: string | undefined
  /** The member `error` of a JSON body. */
  readonly error: string | undefined
  /** Whether the body is a JSON object, or none. */
  readonly isJson: boolean
  /** Whether the gateway answered by itself: `{"message": ...}`. */
  readonly byGateway: boolean
  /** API Gateway's identifier of the request; audit events carry it. */
  readonly requestId: string | undefined
}

/** An access token, as its text says. Times are epoch seconds. */
export interface IssuedToken {
  readonly jti: string
  readonly clientId: string
  readonly kid: string
  readonly scope: readonly string[]
  readonly iat: number
  readonly exp: number
}

/** What a client proved itself with: a secret, or an assertion with an identifier of the client's choice. */
export type Credential = { readonly secretId: string } | { readonly assertionId: string }

export interface Key {
  readonly kid: string
  /** Epoch seconds. */
  readonly createdAt: number
}

/** What a token was presented as: as issued, in another spelling, or with something forged. */
export type Presentation = 'issued' | 'respelled' | 'forged'

/**
 * What a fault reaches: the store, which cannot be reached or answers late; a process that stands still, which may do so
 * while it reads the store; a process that ends; everything, with what had been printed and not yet been read.
 */
export type Reach = 'store' | 'pause' | 'process' | 'stack'

export type Details =
  /** Without an answer, nobody knows the client's identifier. */
  | { readonly kind: 'register'; clientId?: string; secretId?: string; readonly scope: readonly string[] }
  | { readonly kind: 'addSecret'; readonly clientId: string; secretId?: string }
  | { readonly kind: 'removeSecret'; readonly clientId: string; readonly secretId: string }
  | { readonly kind: 'disable'; readonly clientId: string }
  | { readonly kind: 'enable'; readonly clientId: string }
  | { readonly kind: 'update'; readonly clientId: string; readonly scope: readonly string[] }
  | {
      readonly kind: 'token'
      readonly clientId: string
      readonly credential: Credential
      readonly requestedScope?: readonly string[]
      token?: IssuedToken
    }
  | {
      readonly kind: 'authorize'
      readonly jti: string
      readonly presented: Presentation
      /** The scopes of the route, which needs all of them. */
      readonly requires: readonly string[]
      /** The decision, where the result is ok. */
      allowed?: boolean
    }
  | { readonly kind: 'introspect'; readonly jti: string; active?: boolean }
  | { readonly kind: 'revokeToken'; readonly jti: string }
  /** Tokens issued up to `upTo` (epoch seconds). */
  | { readonly kind: 'revokeClient'; readonly clientId: string; upTo?: number }
  | { readonly kind: 'revokeKey'; readonly kid: string }
  | { readonly kind: 'revokeAll'; upTo?: number }
  | { readonly kind: 'rotateKeys' }
  | { readonly kind: 'listKeys'; keys?: readonly Key[] }
  /** Something broken on purpose, from its start to its end. */
  | { readonly kind: 'fault'; readonly fault: string; readonly reaches: Reach }
  /** An authorizer reports that it could not refresh its revocations. */
  | { readonly kind: 'alarm' }
  /** A line of a function's audit log; its times are those of its reading. */
  | { readonly kind: 'audit'; readonly requestId: string; readonly audit: string; readonly outcome: string }

export type Kind = Details['kind']

/** One operation of one process, from its start to its end. */
export type Operation = Details & {
  /** In the order of the starts. */
  readonly id: number
  readonly process: string
  readonly invokedAt: Milliseconds
  readonly completedAt: Milliseconds
  readonly result: Result
  readonly answer?: Answer
}

export type OperationOf<K extends Kind> = Extract<Operation, { kind: K }>

export interface History {
  readonly operations: readonly Operation[]
  /** Epoch milliseconds at the moment 0 of the monotonic clock. */
  readonly epoch: number
}

/** What came of an operation. */
export interface Outcome<T> {
  readonly result: Result
  readonly value?: T
  readonly answer?: Answer
}

export interface Time {
  /** Milliseconds of a monotonic clock. */
  now(): Milliseconds
  sleep(milliseconds: Milliseconds): Promise<void>
}

/** Takes down operations as they happen. */
export class Recorder {
  readonly operations: Operation[] = []
  readonly time: Time
  readonly epoch: number
  #lastId = 0

  /** @param epoch epoch milliseconds at the moment 0 of `time` */
  constructor(time: Time, epoch: number) {
    this.time = time
    this.epoch = epoch
  }

  get history(): History {
    return { operations: this.operations, epoch: this.epoch }
  }

  /** Runs an operation and records it, with what `complete` takes of its value. */
  async record<D extends Details, T>(
    process: string,
    details: D,
    run: () => Promise<Outcome<T>>,
    complete?: (details: D, value: T) => void,
  ): Promise<Outcome<T>> {
    const id = ++this.#lastId
    const invokedAt = this.time.now()
    const outcome = await run()
    if (outcome.value !== undefined) complete?.(details, outcome.value)
    const { result, answer } = outcome
    const completedAt = this.time.now()
    this.operations.push({ ...details, id, process, invokedAt, completedAt, result, answer })
    return outcome
  }

  /** Records what lasted from one moment to another, or happened at one. */
  note(process: string, details: Details, invokedAt = this.time.now(), completedAt = this.time.now()): void {
    this.operations.push({ ...details, id: ++this.#lastId, process, invokedAt, completedAt, result: 'ok' })
  }
}
