import { expect } from 'vitest'
import type { RefusalReason } from '../../../lambda/oauth/oauth-error.ts'
import { basic, type Json, type RegisteredClient } from '../../flow/local-stack.ts'
import { type Answer, type AttackedStack, type DecidedAnswer, useAttackedStack } from './attacked-stack.ts'
import { expectOAuthError } from './oauth-error.ts'
import { rawRequest } from './raw-request.ts'

export const formType = 'application/x-www-form-urlencoded'
export const grant = 'grant_type=client_credentials'

/** The endpoints at which clients authenticate, and a form that each of them takes. */
export const endpoints = {
  token: { audit: 'token.issue', form: grant },
  revoke: { audit: 'token.revoke', form: 'token=of-nobody' },
  introspect: { audit: 'token.introspect', form: 'token=of-nobody' },
} as const

export type EndpointName = keyof typeof endpoints
export const endpointNames = Object.keys(endpoints) as EndpointName[]

/** A request to an endpoint: a form that it takes, unless said otherwise. */
export interface ClientRequest {
  readonly method?: string
  /** With its question mark. */
  readonly query?: string
  /** Whose credentials go into a Basic header. */
  readonly client?: Pick<RegisteredClient, 'client_id' | 'client_secret'>
  readonly headers?: Record<string, string>
  /** The whole body. */
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** Parameters after those of the form: `x=1&y=2`. */
  readonly and?: string
}

/** A request byte by byte, but for `Host`, `Connection` and the length. */
export interface RawClientRequest {
  readonly startLine?: string
  readonly fields?: readonly string[]
  readonly body?: string | Buffer
}

/** What a client is told for a reason: status and code of RFC 6749 §5.2, written down here a second time. */
const told: Partial<Record<RefusalReason, readonly [number, string]>> = {
  method_not_allowed: [405, 'invalid_request'],
  query_not_allowed: [400, 'invalid_request'],
  content_type_unsupported: [400, 'invalid_request'],
  body_too_large: [400, 'invalid_request'],
  body_encoding_invalid: [400, 'invalid_request'],
  too_many_parameters: [400, 'invalid_request'],
  parameter_repeated: [400, 'invalid_request'],
  parameter_malformed: [400, 'invalid_request'],
  grant_type_missing: [400, 'invalid_request'],
  grant_type_unsupported: [400, 'unsupported_grant_type'],
  token_missing: [400, 'invalid_request'],
  token_of_other_client: [400, 'unauthorized_client'],
  authorization_repeated: [400, 'invalid_request'],
  credentials_repeated: [400, 'invalid_request'],
  client_id_mismatch: [400, 'invalid_request'],
  assertion_incomplete: [400, 'invalid_request'],
  credentials_missing: [401, 'invalid_client'],
  credentials_malformed: [401, 'invalid_client'],
  client_unknown: [401, 'invalid_client'],
  client_disabled: [401, 'invalid_client'],
  client_record_invalid: [401, 'invalid_client'],
  auth_method_not_registered: [401, 'invalid_client'],
  secret_wrong: [401, 'invalid_client'],
  secret_expired: [401, 'invalid_client'],
  too_many_failures: [429, 'too_many_requests'],
  scope_malformed: [400, 'invalid_scope'],
  scope_not_granted: [400, 'invalid_scope'],
  resource_repeated: [400, 'invalid_target'],
  resource_malformed: [400, 'invalid_target'],
  resource_missing: [400, 'invalid_target'],
  resource_not_granted: [400, 'invalid_target'],
}

/** The token, revocation and introspection endpoints under attack. */
export class AttackedEndpoints {
  readonly attacked: AttackedStack

  constructor(attacked: AttackedStack) {
    this.attacked = attacked
  }

  /** A client whose secret, alone or in a header, may be in no answer and no log line. */
  async register(metadata?: Json): Promise<RegisteredClient> {
    const client = await this.attacked.stack.register(metadata)
    this.keep(client)
    return client
  }

  keep(client: Pick<RegisteredClient, 'client_id' | 'client_secret'>): void {
    this.attacked.keepSecret(client.client_secret, basic(client).slice(6))
  }

  async refused(
    endpoint: EndpointName,
    request: ClientRequest,
    reason: RefusalReason,
  ): Promise<DecidedAnswer> {
    return this.#refused(endpoint, () => this.send(endpoint, request), reason)
  }

  async refusedRaw(
    endpoint: EndpointName,
    request: RawClientRequest,
    reason: RefusalReason,
  ): Promise<DecidedAnswer> {
    return this.#refused(endpoint, () => this.sendRaw(endpoint, request), reason)
  }

  /** The neighbour that must pass. */
  async allowed(endpoint: EndpointName, request: ClientRequest): Promise<DecidedAnswer> {
    return this.#allowed(endpoint, () => this.send(endpoint, request))
  }

  async allowedRaw(endpoint: EndpointName, request: RawClientRequest): Promise<DecidedAnswer> {
    return this.#allowed(endpoint, () => this.sendRaw(endpoint, request))
  }

  send(endpoint: EndpointName, request: ClientRequest): Promise<Response> {
    const { method = 'POST', query = '', client, headers, and } = request
    const body = request.body ?? endpoints[endpoint].form + (and === undefined ? '' : `&${and}`)
    const credentials: Record<string, string> = client === undefined ? {} : { authorization: basic(client) }
    return fetch(`${this.url(endpoint)}${query}`, {
      method,
      headers: { 'content-type': formType, ...credentials, ...headers },
      body: method === 'GET' || method === 'HEAD' ? null : body,
    })
  }

  sendRaw(endpoint: EndpointName, request: RawClientRequest): Promise<Answer> {
    const url = this.url(endpoint)
    const { host, pathname } = new URL(url)
    const { startLine = `POST ${pathname} HTTP/1.1`, body = endpoints[endpoint].form } = request
    const fields = request.fields ?? [`Content-Type: ${formType}`]
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    const head = [startLine, `Host: ${host}`, 'Connection: close', length, ...fields, '', ''].join('\r\n')
    return rawRequest(url, Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]))
  }

  url(endpoint: EndpointName): string {
    const { tokenEndpoint, revocationEndpoint, introspectionEndpoint } = this.attacked.stack.endpoints
    return { token: tokenEndpoint, revoke: revocationEndpoint, introspect: introspectionEndpoint }[endpoint]
  }

  async #refused(
    endpoint: EndpointName,
    send: () => Promise<Response | Answer>,
    reason: RefusalReason,
  ): Promise<DecidedAnswer> {
    const answer = await this.attacked.refused(endpoints[endpoint].audit, send)
    expect(answer.event.reason).toBe(reason)
    const [status, error] = told[reason] ?? [0, 'a code that this table lacks']
    expectOAuthError(answer, status, error)
    return answer
  }

  async #allowed(endpoint: EndpointName, send: () => Promise<Response | Answer>): Promise<DecidedAnswer> {
    const answer = await this.attacked.allowed(endpoints[endpoint].audit, send)
    expect(answer.status).toBe(200)
    expect([answer.headers.get('cache-control'), answer.headers.get('pragma')]).toEqual([
      'no-store',
      'no-cache',
    ])
    expect(corsHeaders(answer)).toEqual([])
    if (endpoint === 'token') this.attacked.keepSecret(String(JSON.parse(answer.body).access_token))
    return answer
  }
}

/** What a browser would need to read the answer from another origin. */
export function corsHeaders({ headers }: Pick<Answer, 'headers'>): string[] {
  return [...headers.keys()].filter(name => name.startsWith('access-control-'))
}

/** Starts a stack for the tests of this file. */
export function useAttackedEndpoints(): () => AttackedEndpoints {
  const attacked = useAttackedStack()
  let attackedEndpoints: AttackedEndpoints | undefined
  return () => {
    attackedEndpoints ??= new AttackedEndpoints(attacked())
    return attackedEndpoints
  }
}
