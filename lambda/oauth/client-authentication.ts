import {
  type FailureLimit,
  type FailureSubject,
  type RecentFailures,
  secondsToWait,
  sourceNetwork,
} from './authentication-failures.ts'
import { type Client, isClientId } from './client.ts'
import {
  type AssertionUse,
  type ClientAssertion,
  checkAssertionClaims,
  verifyAssertion,
} from './client-assertion.ts'
import { type ClientCredentials, parseClientCredentials } from './client-credentials.ts'
import type { ClientKey } from './client-keys.ts'
import { type ClientSecret, matchSecret } from './client-secret.ts'
import type { DecisionFacts } from './decision-facts.ts'
import type { Form } from './form.ts'
import type { HttpRequest } from './http.ts'
import { OAuthError, type RefusalReason } from './oauth-error.ts'
import type { JwsAlgorithm } from './public-key.ts'

declare const authenticated: unique symbol

/** A client that proved who it is. Only `authenticateClient` makes one. */
export type AuthenticatedClient = Client & { readonly [authenticated]: true }

export interface ClientAuthentication {
  readonly client: AuthenticatedClient
  /** The secret that was used, whose day of last use is worth recording; undefined = another method. */
  readonly secret: ClientSecret | undefined
}

export interface FoundClient {
  /** undefined when there is none, 'malformed' when its record cannot be trusted. */
  readonly client: Client | 'malformed' | undefined
  /** undefined = none, or they cannot be read: that locks nobody out. */
  readonly failures: RecentFailures | undefined
}

/** Reads one client and its failures from one address in one round trip, strongly consistent. @throws Unavailable */
export type FindClient = (subject: FailureSubject) => Promise<FoundClient>

/** What client authentication needs from outside. */
export interface ClientAuthenticationPorts {
  /** The sole audience of assertions. */
  readonly issuer: string
  readonly failureLimit: FailureLimit
  readonly findClient: FindClient
  /** Counts a failed authentication; never fails. */
  readonly recordFailure: (
    subject: FailureSubject,
    recent: RecentFailures | undefined,
    nowSeconds: number,
  ) => Promise<void>
  /** The keys at a client's `jwks_uri`, with the one of that `kid` where it exists. */
  readonly fetchClientKeys: (
    jwksUri: string,
    kid: string | undefined,
    algorithm: JwsAlgorithm | undefined,
  ) => Promise<readonly ClientKey[] | 'unavailable'>
  /** Uses an assertion up. @returns false when it was used before. @throws Unavailable */
  readonly claimAssertion: (clientId: string, use: AssertionUse, nowSeconds: number) => Promise<boolean>
  /** Notes the day on which a secret was used; never fails. */
  readonly recordSecretUse: (clientId: string, secretId: string, nowSeconds: number) => Promise<void>
}

/**
 * Authenticates the client by its registered method and no other (RFC 6749 §2.3.1, RFC 7523 §2.2, RFC 7591 §2). An
 * unknown client, a disabled one, a wrong and an expired secret take the same steps to the same answer. After too many
 * failures from one address nothing of this client is answered there for a while.
 *
 * @throws OAuthError `invalid_client`, or `invalid_request` when the request authenticates in two ways
 */
export async function authenticateClient(
  request: HttpRequest,
  form: Form,
  ports: ClientAuthenticationPorts,
  nowSeconds: number,
  facts: DecisionFacts,
): Promise<ClientAuthentication> {
  const credentials = parseClientCredentials(request, form)
  const { clientId } = credentials
  if (!isClientId(clientId)) throw new OAuthError('client_unknown')
  const subject = { clientId, source: sourceNetwork(request.sourceIp) }
  const { client: found, failures } = await ports.findClient(subject)
  // Only the identifier of a registered client is recorded: anything else may be a secret in the wrong field.
  if (found !== undefined) facts.clientId = clientId
  const wait = secondsToWait(failures, ports.failureLimit, nowSeconds)
  if (wait > 0) throw new OAuthError('too_many_failures', { retryAfterSeconds: wait })
  const outcome = await checkCredentials(credentials, found, ports, nowSeconds)
  if (typeof outcome === 'object') return outcome
  await ports.recordFailure(subject, failures, nowSeconds)
  throw new OAuthError(outcome)
}

type Outcome = ClientAuthentication | RefusalReason

async function checkCredentials(
  credentials: ClientCredentials,
  found: Client | 'malformed' | undefined,
  ports: ClientAuthenticationPorts,
  nowSeconds: number,
): Promise<Outcome> {
  if (credentials.method === 'private_key_jwt') {
    return checkAssertion(credentials.assertion, found, ports, nowSeconds)
  }
  const client = typeof found === 'object' ? found : undefined
  const secret = matchSecret(credentials.clientSecret, client?.secrets ?? [], nowSeconds)
  const refusal = refusalOf(found, credentials.method)
  if (client === undefined) return refusal ?? 'client_unknown'
  if (secret.match !== 'live') return secret.match === 'expired' ? 'secret_expired' : 'secret_wrong'
  return refusal ?? { client: client as AuthenticatedClient, secret: secret.secret }
}

/** The assertion is used up last, when nothing else can refuse it: a forged one must not use up an honest one's `jti`. */
async function checkAssertion(
  assertion: ClientAssertion,
  found: Client | 'malformed' | undefined,
  ports: ClientAuthenticationPorts,
  nowSeconds: number,
): Promise<Outcome> {
  const client = typeof found === 'object' ? found : undefined
  const keys = await keysOf(client, assertion, ports)
  const signature = verifyAssertion(assertion, keys === 'unavailable' ? [] : keys)
  const refusal = refusalOf(found, 'private_key_jwt')
  if (refusal !== undefined || client === undefined) return refusal ?? 'client_unknown'
  if (keys === 'unavailable') return 'client_keys_unavailable'
  if (signature !== 'ok') return signature
  const use = checkAssertionClaims(assertion, ports.issuer, nowSeconds)
  if (typeof use === 'string') return use
  const isFirst = await ports.claimAssertion(client.clientId, use, nowSeconds)
  return isFirst ? { client: client as AuthenticatedClient, secret: undefined } : 'assertion_replayed'
}

async function keysOf(
  client: Client | undefined,
  { kid }: ClientAssertion,
  ports: ClientAuthenticationPorts,
): Promise<readonly ClientKey[] | 'unavailable'> {
  // Nothing is fetched for a client that is refused whatever its keys are.
  if (client?.jwksUri === undefined || client.status !== 'active') return client?.jwks ?? []
  return ports.fetchClientKeys(client.jwksUri, kid, client.tokenEndpointAuthSigningAlg)
}

function refusalOf(
  found: Client | 'malformed' | undefined,
  method: ClientCredentials['method'],
): RefusalReason | undefined {
  if (found === undefined) return 'client_unknown'
  if (found === 'malformed') return 'client_record_invalid'
  if (found.status !== 'active') return 'client_disabled'
  return found.tokenEndpointAuthMethod === method ? undefined : 'auth_method_not_registered'
}

/** Notes the day on which the secret was used, where one was; to be called when the response is decided. */
export async function recordSecretUse(
  { client, secret }: ClientAuthentication,
  ports: Pick<ClientAuthenticationPorts, 'recordSecretUse'>,
  nowSeconds: number,
): Promise<void> {
  if (secret !== undefined) await ports.recordSecretUse(client.clientId, secret.secretId, nowSeconds)
}
