import type { ClientFacts, Facts } from './facts.ts'
import type { Findings } from './findings.ts'
import type { Operation, OperationOf } from './history.ts'
import { possibleValues } from './possible-values.ts'

type TokenRequest = OperationOf<'token'>

/**
 * I3: no token for a client that is disabled for certain. I4: what was registered, enabled and rotated works, and a
 * removed secret does not. I5: an assertion is good for one token, and for one. I6: no scope outside of what the client
 * had at some instant of the request.
 */
export function checkClients(facts: Facts, findings: Findings): void {
  const requests = facts.of('token')
  for (const request of requests) {
    const client = facts.clients.get(request.clientId)
    if (client === undefined || request.result === 'unknown') continue
    findings.checks++
    if (request.result === 'ok') checkIssued(request, client, facts, findings)
    else if ('secretId' in request.credential && isEntitled(request, client, facts, request.credential))
      refusedWrongly(request, facts, findings)
  }
  checkAssertions(requests, facts, findings)
}

function checkIssued(request: TokenRequest, client: ClientFacts, facts: Facts, findings: Findings): void {
  const { invokedAt, completedAt, credential, clientId, token } = request
  const statuses = possibleValues(client.status, invokedAt, completedAt)
  if (!statuses.includes('active')) {
    const disabling = lastWrite(facts, ['disable'], request)
    findings.failOpens++
    findings.lose(disabling)
    findings.violate(
      'I3',
      `client ${clientId} got a token after its disabling was acknowledged`,
      ...withOperation(disabling, request),
    )
  }
  const secret = 'secretId' in credential ? client.secrets.get(credential.secretId) : undefined
  const removal = secret?.removals.find(each => each.result === 'ok' && each.completedAt < invokedAt)
  if (removal !== undefined) {
    findings.failOpens++
    findings.lose(removal)
    findings.violate('I4', `client ${clientId} got a token with a removed secret`, removal, request)
  }
  const scopes = possibleValues(client.scope, invokedAt, completedAt)
  const granted = token?.scope ?? []
  if (!scopes.some(scope => granted.every(value => scope.includes(value)))) {
    findings.failOpens++
    findings.violate(
      'I6',
      `client ${clientId} got the scope "${granted.join(' ')}", which it did not have`,
      request,
    )
  }
}

/** Whether nothing but a lost write explains a refusal: active, with a secret that is live, within its scope. */
function isEntitled(
  request: TokenRequest,
  client: ClientFacts,
  facts: Facts,
  { secretId }: { secretId: string },
): boolean {
  const secret = client.secrets.get(secretId)
  const isLive =
    secret !== undefined &&
    secret.addedAt < request.invokedAt &&
    secret.removals.every(removal => removal.invokedAt > request.completedAt)
  return isLive && mayHaveToken(request, client, facts)
}

function mayHaveToken(request: TokenRequest, client: ClientFacts, facts: Facts): boolean {
  const { invokedAt, completedAt, requestedScope = [], answer, clientId } = request
  // Too many failures, or too much load, says nothing of the client.
  if (answer?.status === 429) return false
  const registration = facts.registrationOf(clientId)
  if (registration === undefined || registration.completedAt > invokedAt) return false
  const isActive = possibleValues(client.status, invokedAt, completedAt).every(status => status === 'active')
  const scopes = possibleValues(client.scope, invokedAt, completedAt)
  return isActive && scopes.every(scope => requestedScope.every(value => scope.includes(value)))
}

function refusedWrongly(request: TokenRequest, facts: Facts, findings: Findings): void {
  const { credential, clientId, answer } = request
  const write = lastWrite(facts, ['register', 'enable', 'addSecret', 'update'], request)
  findings.lose(write)
  const what = 'secretId' in credential ? `the live secret ${credential.secretId}` : 'a fresh assertion'
  findings.violate(
    'I4',
    `client ${clientId} was refused a token with ${what} (${answer?.status} ${answer?.error})`,
    ...withOperation(write, request),
  )
}

/** Each assertion, over all the requests that it was sent with. */
function checkAssertions(requests: readonly TokenRequest[], facts: Facts, findings: Findings): void {
  const uses = new Map<string, TokenRequest[]>()
  for (const request of requests) {
    if (!('assertionId' in request.credential)) continue
    const key = `${request.clientId} ${request.credential.assertionId}`
    uses.set(key, [...(uses.get(key) ?? []), request])
  }
  for (const [key, sent] of uses) {
    findings.checks++
    const used = sent.filter(({ result }) => result === 'ok')
    if (used.length > 1) {
      findings.failOpens++
      findings.violate('I5', `an assertion was good for ${used.length} tokens (${key})`, ...used)
    }
    const isRefused = sent.every(({ result }) => result === 'fail')
    const [first] = sent
    const client = first && facts.clients.get(first.clientId)
    if (isRefused && client && sent.every(request => mayHaveToken(request, client, facts)))
      refusedWrongly(first, facts, findings)
  }
}

/** The last of these writes on the client that was acknowledged before a request. */
function lastWrite(
  facts: Facts,
  kinds: readonly Operation['kind'][],
  request: TokenRequest,
): Operation | undefined {
  return facts
    .writesOf(request.clientId)
    .findLast(
      write => kinds.includes(write.kind) && write.result === 'ok' && write.completedAt < request.invokedAt,
    )
}

function withOperation(write: Operation | undefined, request: Operation): readonly Operation[] {
  return write === undefined ? [request] : [write, request]
}
