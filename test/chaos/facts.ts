import type {
  Details,
  History,
  IssuedToken,
  Kind,
  Milliseconds,
  Operation,
  OperationOf,
  Reach,
} from './history.ts'
import { settledAt, type Write } from './possible-values.ts'

/** What is known of one client. */
export interface ClientFacts {
  readonly status: Write<'active' | 'disabled'>[]
  readonly scope: Write<readonly string[]>[]
  /** By secret: when it was acknowledged, and the attempts to remove it. */
  readonly secrets: Map<string, { readonly addedAt: Milliseconds; readonly removals: Operation[] }>
}

type Issue = OperationOf<'token'> & { readonly token: IssuedToken }

/** An issued token, and the revocations that can concern it. */
export interface TokenFacts {
  readonly token: IssuedToken
  readonly issue: Issue
}

type Revocation = OperationOf<'revokeToken' | 'revokeClient' | 'revokeKey' | 'revokeAll' | 'disable'>

/** The history by what its operations are about. */
export class Facts {
  readonly operations: readonly Operation[]
  readonly clients = new Map<string, ClientFacts>()
  readonly tokens = new Map<string, TokenFacts>()
  readonly faults: readonly OperationOf<'fault'>[]
  readonly #alarms: readonly Milliseconds[]
  /** By kid, the first moment (epoch seconds) at which a key is known to exist. */
  readonly keysCreatedAt = new Map<string, number>()
  readonly #epoch: number
  readonly #revocations = new Map<string, Revocation[]>()
  readonly #enables = new Map<string, Operation[]>()
  readonly #writes = new Map<string, Operation[]>()

  constructor({ operations, epoch }: History) {
    this.operations = operations.toSorted((a, b) => a.invokedAt - b.invokedAt || a.id - b.id)
    this.#epoch = epoch
    this.faults = this.of('fault')
    this.#alarms = this.of('alarm').map(({ invokedAt }) => invokedAt)
    for (const operation of this.operations) this.#take(operation)
  }

  of<K extends Kind>(...kinds: K[]): OperationOf<K>[] {
    const wanted = new Set<Kind>(kinds)
    return this.operations.filter((each): each is OperationOf<K> => wanted.has(each.kind))
  }

  /** Epoch milliseconds. */
  wall(moment: Milliseconds): number {
    return this.#epoch + moment
  }

  client(clientId: string): ClientFacts {
    const known = this.clients.get(clientId) ?? { status: [], scope: [], secrets: new Map() }
    this.clients.set(clientId, known)
    return known
  }

  /** Every change of a client that did not fail, in the order of their beginnings. */
  writesOf(clientId: string): readonly Operation[] {
    return this.#writes.get(clientId) ?? []
  }

  registrationOf(clientId: string): Operation | undefined {
    return this.writesOf(clientId).find(({ kind }) => kind === 'register')
  }

  /** The revocations that may concern a token, failed ones left out. */
  #about({ token }: TokenFacts): readonly Revocation[] {
    const subjects = [`jti#${token.jti}`, `client#${token.clientId}`, `kid#${token.kid}`, 'all']
    return subjects.flatMap(subject => this.#revocations.get(subject) ?? [])
  }

  /** The first acknowledgement after which a token is revoked for certain. */
  revokedAt(facts: TokenFacts): Operation | undefined {
    return this.#about(facts)
      .filter(revocation => revocation.result === 'ok' && this.#concerns(revocation, facts))
      .reduce<Operation | undefined>(
        (first, each) => (first === undefined || each.completedAt < first.completedAt ? each : first),
        undefined,
      )
  }

  /** Whether a token may have been revoked by a moment. */
  mayBeRevokedBy(facts: TokenFacts, moment: Milliseconds): boolean {
    return this.#about(facts).some(
      revocation => revocation.invokedAt <= moment && this.#mayConcern(revocation, facts),
    )
  }

  #concerns(revocation: Revocation, { token, issue }: TokenFacts): boolean {
    if ('upTo' in revocation && revocation.upTo !== undefined) return token.iat <= revocation.upTo
    if (revocation.kind !== 'disable')
      return revocation.kind === 'revokeToken' || revocation.kind === 'revokeKey'
    // A token that was asked for before the acknowledgement has an earlier moment, unless the client was enabled again.
    const enable = this.#enables
      .get(token.clientId)
      ?.find(each => each.result !== 'fail' && settledAt(each) > revocation.invokedAt)
    return (
      issue.invokedAt < revocation.completedAt &&
      (enable === undefined || issue.completedAt < enable.invokedAt)
    )
  }

  #mayConcern(revocation: Revocation, { token, issue }: TokenFacts): boolean {
    if (revocation.kind === 'revokeToken' || revocation.kind === 'revokeKey') return true
    if ('upTo' in revocation && revocation.upTo !== undefined) return token.iat <= revocation.upTo
    // The moment is up to seven seconds ahead of the clock; a client's later tokens start after it.
    const ahead = revocation.kind === 'revokeAll' ? 7000 : 0
    return issue.invokedAt <= settledAt(revocation) + ahead
  }

  /** Whether the fault windows that reach one of these, each with a tail, touch a time span. */
  faultDuring(
    reaches: readonly Reach[],
    from: Milliseconds,
    until: Milliseconds,
    tail: Milliseconds,
  ): boolean {
    return this.faults.some(
      fault =>
        reaches.includes(fault.reaches) && fault.invokedAt <= until && fault.completedAt + tail >= from,
    )
  }

  /** Whether an authorizer raised the alarm in a time span. */
  alarmDuring(from: Milliseconds, until: Milliseconds): boolean {
    return this.#alarms.some(moment => moment >= from && moment <= until)
  }

  #take(operation: Operation): void {
    const { result } = operation
    if (result === 'fail') return
    if ('clientId' in operation && operation.clientId !== undefined && operation.kind !== 'token')
      listIn(this.#writes, operation.clientId).push(operation)
    switch (operation.kind) {
      case 'register': {
        const { clientId, secretId, scope } = operation
        if (clientId === undefined) return
        this.client(clientId).status.push(writeOf(operation, 'active'))
        this.client(clientId).scope.push(writeOf(operation, scope))
        this.#addSecret(operation, clientId, secretId)
        return
      }
      case 'addSecret':
        this.#addSecret(operation, operation.clientId, operation.secretId)
        return
      case 'removeSecret':
        this.client(operation.clientId).secrets.get(operation.secretId)?.removals.push(operation)
        return
      case 'update':
        this.client(operation.clientId).scope.push(writeOf(operation, operation.scope))
        return
      case 'enable':
        this.client(operation.clientId).status.push(writeOf(operation, 'active'))
        listIn(this.#enables, operation.clientId).push(operation)
        return
      case 'disable':
        this.client(operation.clientId).status.push(writeOf(operation, 'disabled'))
        listIn(this.#revocations, `client#${operation.clientId}`).push(operation)
        return
      case 'token':
        if (operation.token === undefined) return
        this.tokens.set(operation.token.jti, { token: operation.token, issue: operation as Issue })
        return
      case 'listKeys':
        for (const { kid, createdAt } of operation.keys ?? []) this.keysCreatedAt.set(kid, createdAt)
        return
      case 'revokeToken':
      case 'revokeClient':
      case 'revokeKey':
      case 'revokeAll':
        listIn(this.#revocations, subjectOf(operation)).push(operation)
    }
  }

  #addSecret(operation: Operation, clientId: string, secretId: string | undefined): void {
    if (secretId === undefined || operation.result !== 'ok') return
    this.client(clientId).secrets.set(secretId, { addedAt: operation.completedAt, removals: [] })
  }
}

function subjectOf(
  revocation: Extract<Details, { kind: 'revokeToken' | 'revokeClient' | 'revokeKey' | 'revokeAll' }>,
): string {
  if (revocation.kind === 'revokeToken') return `jti#${revocation.jti}`
  if (revocation.kind === 'revokeClient') return `client#${revocation.clientId}`
  return revocation.kind === 'revokeKey' ? `kid#${revocation.kid}` : 'all'
}

function writeOf<V>({ invokedAt, completedAt, result }: Operation, value: V): Write<V> {
  return { value, invokedAt, completedAt, result }
}

function listIn<V>(map: Map<string, V[]>, key: string): V[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}
