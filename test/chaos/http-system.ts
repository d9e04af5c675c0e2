import { signRequest } from '../../bin/sigv4.ts'
import type { Endpoints } from '../../local/endpoints.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { jwtBearer } from '../attacks/support/client-assertion.ts'
import type { Answer, Key, Outcome } from './history.ts'
import type { Login, RegisteredSecret, Registration, Route, ShownClient, System } from './system.ts'

const audience = 'https://orders.example.com'

/** Longer than any function may take: past it nobody waits for an answer. */
const patienceMilliseconds = 20_000

type Json = Record<string, unknown>

interface Raw {
  readonly status: number
  readonly body: Json
  readonly answer: Answer
}

const routes: readonly Route[] = [
  { name: 'GET /orders', requires: ['orders:read'] },
  { name: 'POST /orders', requires: ['orders:write'] },
  { name: 'DELETE /orders/7', requires: ['orders:read', 'orders:write'] },
]

/** A whole Countersign over HTTP. Its addresses stay the same when it is started again. */
export class HttpSystem implements System {
  readonly scopes = ['orders:read', 'orders:write']
  readonly routes = routes
  readonly issuer: string
  readonly #endpoints: Required<Endpoints>
  /** The resource server's own client, which asks about tokens. */
  #introspector: Login | undefined

  constructor(endpoints: Required<Endpoints>) {
    this.#endpoints = endpoints
    this.issuer = endpoints.issuer
  }

  /** To be called before the first introspection, while nothing is broken. */
  async registerIntrospector(): Promise<void> {
    const { body, status } = await this.#admin('POST', '/clients', {
      client_name: 'the orders API',
      resource_server: audience,
    })
    if (status !== 201) throw new Error(`the resource server's client was not registered: ${status}`)
    this.#introspector = { clientId: String(body.client_id), secret: String(body.client_secret) }
  }

  async register(registration: Registration) {
    const raw = await this.#try(() => this.#admin('POST', '/clients', metadataOf(registration)))
    return outcome(raw, body => {
      const [first] = body.secrets as { secret_id: string }[]
      const secret = first && { secretId: first.secret_id, secret: String(body.client_secret) }
      return { clientId: String(body.client_id), ...(secret && { secret }) }
    })
  }

  async show(clientId: string): Promise<Outcome<ShownClient>> {
    const raw = await this.#try(() => this.#admin('GET', `/clients/${clientId}`))
    return outcome(raw, body => ({
      version: Number(body.version),
      status: body.status as ShownClient['status'],
      secretIds: (body.secrets as { secret_id: string }[]).map(({ secret_id }) => secret_id),
    }))
  }

  async update(clientId: string, registration: Registration, version: number) {
    const metadata = { ...metadataOf(registration), version }
    return outcome(await this.#try(() => this.#admin('PUT', `/clients/${clientId}`, metadata)), done)
  }

  async addSecret(clientId: string): Promise<Outcome<RegisteredSecret>> {
    const raw = await this.#try(() => this.#admin('POST', `/clients/${clientId}/secrets`))
    return outcome(raw, body => ({ secretId: String(body.secret_id), secret: String(body.client_secret) }))
  }

  async removeSecret(clientId: string, secretId: string) {
    const path = `/clients/${clientId}/secrets/${secretId}`
    return outcome(await this.#try(() => this.#admin('DELETE', path)), done)
  }

  async disable(clientId: string) {
    return outcome(await this.#try(() => this.#admin('POST', `/clients/${clientId}/disable`)), done)
  }

  async enable(clientId: string) {
    return outcome(await this.#try(() => this.#admin('POST', `/clients/${clientId}/enable`)), done)
  }

  async token(login: Login, scope: readonly string[] | undefined): Promise<Outcome<string>> {
    const form = {
      grant_type: 'client_credentials',
      resource: audience,
      ...(scope && { scope: scope.join(' ') }),
    }
    const raw = await this.#try(() => this.#form(this.#endpoints.tokenEndpoint, form, login))
    return outcome(raw, body => String(body.access_token))
  }

  async authorize(token: string, { name }: Route): Promise<Outcome<boolean>> {
    const [method = '', path = ''] = name.split(' ')
    const headers = { authorization: `Bearer ${token}` }
    const raw = await this.#try(() => send(`${this.#endpoints.apis.orders}${path}`, { method, headers }))
    if (raw === undefined) return { result: 'unknown' }
    const { status, answer } = raw
    if (status >= 500 || status === 429) return { result: 'unknown', answer }
    return { result: 'ok', value: status < 300, answer }
  }

  async introspect(token: string): Promise<Outcome<boolean>> {
    const login = this.#introspector
    if (login === undefined) throw new Error('nobody may introspect yet')
    const raw = await this.#try(() => this.#form(this.#endpoints.introspectionEndpoint, { token }, login))
    return outcome(raw, ({ active }) => active === true)
  }

  async revokeToken(token: string, login: Login | undefined) {
    const raw = await this.#try(() =>
      login === undefined
        ? this.#admin('POST', '/tokens/revoke', { token })
        : this.#form(this.#endpoints.revocationEndpoint, { token }, login),
    )
    return outcome(raw, done)
  }

  async revokeClient(clientId: string): Promise<Outcome<number>> {
    const raw = await this.#try(() => this.#admin('POST', `/clients/${clientId}/revoke-tokens`))
    return outcome(raw, body => Number(body.revoked_up_to))
  }

  async revokeKey(kid: string) {
    return outcome(await this.#try(() => this.#admin('POST', `/keys/${kid}/revoke`)), done)
  }

  async revokeAll(): Promise<Outcome<number>> {
    const raw = await this.#try(() => this.#admin('POST', '/revoke-all'))
    return outcome(raw, body => Number(body.revoked_up_to))
  }

  async rotateKeys() {
    return outcome(await this.#try(() => this.#admin('POST', '/keys/rotate')), done)
  }

  async listKeys(): Promise<Outcome<readonly Key[]>> {
    const raw = await this.#try(() => this.#admin('GET', '/keys'))
    return outcome(raw, ({ keys }) =>
      (keys as { kid: string; created_at: number }[]).map(({ kid, created_at }) => ({
        kid,
        createdAt: created_at,
      })),
    )
  }

  /** Where KMS has the key that signs. */
  async signingKeyArn(): Promise<string | undefined> {
    const raw = await this.#try(() => this.#admin('GET', '/keys'))
    const keys = (raw?.body.keys ?? []) as { state: string; kms_key_arn: string }[]
    return keys.find(({ state }) => state === 'active')?.kms_key_arn
  }

  async #try(request: () => Promise<Raw>): Promise<Raw | undefined> {
    try {
      return await request()
    } catch {
      return undefined
    }
  }

  #admin(method: string, path: string, body?: Json): Promise<Raw> {
    const { admin, region } = this.#endpoints
    const text = body === undefined ? '' : JSON.stringify(body)
    const request = { method, url: new URL(`${admin}${path}`), headers: {}, body: text }
    const scope = { credentials: localCredentials, region, service: 'execute-api', now: new Date() }
    return send(request.url, {
      method,
      headers: signRequest(request, scope),
      ...(text !== '' && { body: text }),
    })
  }

  #form(url: string, parameters: Record<string, string>, login: Login): Promise<Raw> {
    const { clientId } = login
    if ('secret' in login) {
      const credentials = Buffer.from(`${clientId}:${login.secret}`).toString('base64')
      const headers = { authorization: `Basic ${credentials}` }
      return send(url, { method: 'POST', headers, body: new URLSearchParams(parameters) })
    }
    const assertion = { client_assertion_type: jwtBearer, client_assertion: login.assertion }
    return send(url, { method: 'POST', body: new URLSearchParams({ ...parameters, ...assertion }) })
  }
}

const done = () => true

/** 500 and above, and no answer, leave open what happened; 4xx changes nothing. */
function outcome<T>(raw: Raw | undefined, read: (body: Json) => T): Outcome<T> {
  if (raw === undefined || raw.status >= 500) return { result: 'unknown', answer: raw?.answer }
  const { status, body, answer } = raw
  return status < 300 ? { result: 'ok', value: read(body), answer } : { result: 'fail', answer }
}

async function send(url: string | URL, init: RequestInit): Promise<Raw> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(patienceMilliseconds) })
  const text = await response.text()
  const body = parseObject(text)
  const header = (name: string) => response.headers.get(name) ?? undefined
  const answer: Answer = {
    status: response.status,
    contentType: header('content-type'),
    cacheControl: header('cache-control'),
    retryAfter: header('retry-after'),
    error: typeof body?.error === 'string' ? body.error : undefined,
    isJson: text === '' || body !== undefined,
    byGateway: body !== undefined && Object.keys(body).length === 1 && typeof body.message === 'string',
    requestId: header('apigw-requestid'),
  }
  return { status: response.status, body: body ?? {}, answer }
}

function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function metadataOf({ name, scope, lifetime, jwk }: Registration): Json {
  return {
    client_name: name,
    grants: [{ resource: audience, scope: scope.join(' ') }],
    ...(lifetime !== undefined && { access_token_lifetime: lifetime }),
    ...(jwk === undefined
      ? { token_endpoint_auth_method: 'client_secret_basic' }
      : { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }),
  }
}
