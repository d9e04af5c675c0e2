import { check, type Verdict } from './checker.ts'
import type { Bounds } from './findings.ts'
import type { Answer, Details, IssuedToken, Operation, Result } from './history.ts'

/** Epoch seconds at the moment 0 of every hand-written history. */
export const start = 1_767_323_045

export const bounds: Bounds = { maxRevocationDelay: 5000, revocationOutageGrace: 10_000 }

const answer: Answer = {
  status: 200,
  contentType: 'application/json',
  cacheControl: 'no-store',
  retryAfter: undefined,
  error: undefined,
  isJson: true,
  byGateway: false,
  requestId: undefined,
}

/** The answer with these members. */
export const answered = (changes: Partial<Answer>): Answer => ({ ...answer, ...changes })

export const token = (changes: Partial<IssuedToken> = {}): IssuedToken => ({
  jti: 't1',
  clientId: 'c1',
  kid: 'k1',
  scope: ['read'],
  iat: start,
  exp: start + 600,
  ...changes,
})

/** A history written by hand: an operation a line, each by default done within 10 ms. Times are milliseconds. */
export class WrittenHistory {
  readonly operations: Operation[] = []

  at(invokedAt: number, details: Details, more: Partial<Operation> = {}): this {
    const { status, error } = refusals[more.result ?? 'ok']
    this.operations.push({
      ...details,
      id: this.operations.length + 1,
      process: 'p',
      invokedAt,
      completedAt: invokedAt + 10,
      result: 'ok',
      answer: answered({ status, error, retryAfter: status === 503 ? '1' : undefined }),
      ...more,
    } as Operation)
    return this
  }

  /** A client with a secret, and a token of it. */
  client(clientId = 'c1', jti = 't1'): this {
    return this.at(0, { kind: 'register', clientId, secretId: `${clientId}-s1`, scope: ['read'] }).token(20, {
      clientId,
      jti,
    })
  }

  token(invokedAt: number, changes: Partial<IssuedToken> = {}, more: Partial<Operation> = {}): this {
    const issued = token(changes)
    const { clientId } = issued
    const credential = { secretId: `${clientId}-s1` }
    return this.at(invokedAt, { kind: 'token', clientId, credential, token: issued }, more)
  }

  refusedToken(invokedAt: number, more: Partial<Operation> = {}): this {
    const credential = { secretId: 'c1-s1' }
    return this.at(invokedAt, { kind: 'token', clientId: 'c1', credential }, { result: 'fail', ...more })
  }

  call(invokedAt: number, allowed: boolean, more: Partial<Operation> = {}): this {
    const details = {
      kind: 'authorize',
      jti: 't1',
      presented: 'issued',
      requires: ['read'],
      allowed,
    } as const
    return this.at(invokedAt, details, { answer: answered({ status: allowed ? 200 : 401 }), ...more })
  }

  introspect(invokedAt: number, active: boolean): this {
    return this.at(invokedAt, { kind: 'introspect', jti: 't1', active })
  }

  fault(from: number, until: number, reaches: 'store' | 'pause' | 'process' | 'stack'): this {
    return this.at(from, { kind: 'fault', fault: 'a fault', reaches }, { completedAt: until })
  }

  check(): Verdict {
    return check({ operations: this.operations, epoch: start * 1000 }, bounds)
  }

  /** The invariants that are violated, in the order of their finding. */
  get violated(): readonly string[] {
    return this.check().violations.map(({ invariant }) => invariant)
  }
}

const refusals: Record<Result, { status: number; error: string | undefined }> = {
  ok: { status: 200, error: undefined },
  fail: { status: 401, error: 'invalid_client' },
  unknown: { status: 503, error: 'temporarily_unavailable' },
}

export const history = () => new WrittenHistory()
