import { expect } from 'vitest'
import type { Json } from '../../flow/local-stack.ts'
import type { AttackedStack, DecidedAnswer } from './attacked-stack.ts'
import {
  type AssertionKey,
  assertionClaims,
  assertionKey,
  craftedAssertion,
  joseAssertion,
  jwtBearer,
} from './client-assertion.ts'
import { expectOAuthError } from './oauth-error.ts'

/**
 * A client with `private_key_jwt` at a stack that is attacked. Every test has its own: after twenty failures a client is
 * not heard for a minute.
 */
export class AssertionClient {
  readonly clientId: string
  readonly version: number
  readonly key: AssertionKey
  readonly #attacked: AttackedStack

  private constructor(attacked: AttackedStack, { client_id, version }: Json, key: AssertionKey) {
    this.#attacked = attacked
    this.clientId = String(client_id)
    this.version = Number(version)
    this.key = key
  }

  static async register(
    attacked: AttackedStack,
    key = assertionKey(),
    metadata: Json = {},
  ): Promise<AssertionClient> {
    const client = await attacked.stack.register({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
      ...metadata,
    })
    return new AssertionClient(attacked, { ...client }, key)
  }

  get issuer(): string {
    return this.#attacked.stack.endpoints.issuer
  }

  claims(changes: Json = {}): Json {
    return assertionClaims(this.clientId, this.issuer, changes)
  }

  /** An assertion that must be accepted, once. */
  honest(changes: Json = {}): Promise<string> {
    return joseAssertion(this.key, this.claims(changes))
  }

  crafted(changes: Json = {}, header: Json = {}): string {
    return craftedAssertion(this.key, this.claims(changes), header)
  }

  /** Asks for a token with an assertion, from now on a secret. */
  requestToken(assertion: string, parameters: Record<string, string> = {}): Promise<Response> {
    return this.post(this.#attacked.stack.endpoints.tokenEndpoint, assertion, {
      grant_type: 'client_credentials',
      ...parameters,
    })
  }

  post(url: string, assertion: string, parameters: Record<string, string> = {}): Promise<Response> {
    this.#attacked.keepSecret(assertion)
    return this.#attacked.stack.post(url, {
      client_assertion_type: jwtBearer,
      client_assertion: assertion,
      ...parameters,
    })
  }

  /** The assertion is answered 401 `invalid_client`, as every failed authentication is, for this reason. */
  async expectRefused(
    make: () => string | Promise<string>,
    reason: string,
    parameters: Record<string, string> = {},
  ): Promise<DecidedAnswer> {
    const send = async () => this.requestToken(await make(), parameters)
    const answer = await this.#attacked.refused('token.issue', send)
    expect(answer.event.reason).toBe(reason)
    expectOAuthError(answer, 401, 'invalid_client')
    expect(JSON.parse(answer.body).error_description).toBe('client authentication failed')
    return answer
  }

  /** The assertion gets a token; `make` is called anew for each request. */
  async expectAccepted(make: () => string | Promise<string> = () => this.honest()): Promise<void> {
    const answer = await this.#attacked.allowed('token.issue', async () => this.requestToken(await make()))
    this.#expectToken(answer.status, answer.body, answer.event)
  }

  /** As `expectAccepted`, of an assertion that is sent once, however long the answer takes. */
  async expectAcceptedOnce(assertion: string): Promise<void> {
    const response = await this.requestToken(assertion)
    const event = await this.#attacked.eventOf(response.headers.get('apigw-requestid') ?? '')
    this.#expectToken(response.status, await response.text(), event)
  }

  #expectToken(status: number, body: string, { outcome, reason, clientId }: Json): void {
    expect([status, outcome, reason, clientId]).toEqual([200, 'allowed', 'ok', this.clientId])
    const { access_token: token, ...members } = JSON.parse(body)
    this.#attacked.keepSecret(token)
    expect(members).toMatchObject({ token_type: 'Bearer', expires_in: 600 })
  }
}

/** Rows that each fail once or twice share a client, for as long as it is heard. */
export function sharedAssertionClient(attacked: () => AttackedStack): () => Promise<AssertionClient> {
  const key = assertionKey()
  let uses = 0
  let client: Promise<AssertionClient> | undefined
  return () => {
    if (client === undefined || uses++ % 8 === 0) client = AssertionClient.register(attacked(), key)
    return client
  }
}
