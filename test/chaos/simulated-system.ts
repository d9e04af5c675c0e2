import { AdministrationError } from '../../lambda/oauth/administration/administration-error.ts'
import { ClientAdministration } from '../../lambda/oauth/administration/client-administration.ts'
import type { ClientMetadata } from '../../lambda/oauth/administration/client-metadata.ts'
import { parseClientJwks } from '../../lambda/oauth/client-keys.ts'
import type { HttpResponse } from '../../lambda/oauth/http.ts'
import { type Revocation, revokeAllTokens, revokeToken } from '../../lambda/oauth/revocation.ts'
import { nextRevocationMoment } from '../../lambda/oauth/revocation-moment.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import type { Answer, Key, Outcome } from './history.ts'
import { simulatedScopes } from './planted-bugs.ts'
import { readToken } from './presented-token.ts'
import type { Random } from './random.ts'
import { audience, issuer, type Surroundings, startAuthorizer } from './simulated-authorizer.ts'
import { type Endpoint, simulatedEndpoints } from './simulated-endpoints.ts'
import type { Login, RegisteredSecret, Registration, Route, ShownClient, System } from './system.ts'
import type { Decide } from './wrappers.ts'

const routes: readonly Route[] = simulatedScopes.map(scope => ({ name: `GET /${scope}`, requires: [scope] }))
const routeTable = new Map(routes.map(({ name, requires }) => [name, { allOf: requires }]))

/** How often the answer to what changes something gets lost on its way to the client. */
const lostAnswers = 0.003

/** The functions of lambda/oauth with stores in memory, in virtual time: a system whose mistakes can be chosen. */
export class SimulatedSystem implements System {
  readonly issuer = issuer
  readonly scopes = simulatedScopes
  readonly routes = routes
  readonly #surroundings: Surroundings
  readonly #random: Random
  readonly #administration: ClientAdministration
  readonly #writeRevocation: (revocation: Revocation) => Promise<void>
  readonly #endpoints: { token: Endpoint; revoke: Endpoint; introspect: Endpoint }
  readonly #revokeToken: (text: string, login: Login | undefined) => Promise<Outcome<unknown>>
  #authorizers: Decide[] = []
  #introspector: Login | undefined

  constructor(
    surroundings: Surroundings,
    random: Random,
    writeRevocation: (revocation: Revocation) => Promise<void>,
  ) {
    const { store, clock, wrappers } = surroundings
    this.#surroundings = surroundings
    this.#random = random
    this.#writeRevocation = writeRevocation
    this.#endpoints = simulatedEndpoints(surroundings, writeRevocation, random)
    this.#administration = new ClientAdministration({
      clients: store.clientStore,
      resourceServers: { readAll: async audiences => audiences.map(serverRecord) },
      writeRevocation,
      randomBytes: size => random.bytes(size),
      clock,
    })
    this.#revokeToken = (text, login) =>
      wrappers.revokeToken(token =>
        login === undefined ? this.#revokeAny(token) : this.#revoke(token, login),
      )(text)
  }

  async start(authorizers: number): Promise<void> {
    this.#authorizers = await Promise.all(
      Array.from({ length: authorizers }, () => startAuthorizer(this.#surroundings, routeTable)),
    )
    const metadata = { ...metadataOf({ name: 'the API', scope: [], lifetime: undefined, jwk: undefined }) }
    const { client, clientSecret = '' } = await this.#administration.create({
      ...metadata,
      grants: [],
      resourceServer: audience,
    })
    this.#introspector = { clientId: client.clientId, secret: clientSecret }
  }

  /** Another process takes the place of one that ends. */
  async killAuthorizer(): Promise<void> {
    const index = Math.floor(this.#random.between(0, this.#authorizers.length))
    this.#authorizers[index] = await startAuthorizer(this.#surroundings, routeTable)
  }

  /** What the schedule has the keeper do. */
  async keepKeys(): Promise<void> {
    await this.#surroundings.keys.keeper.keep().catch(() => undefined)
  }

  register(registration: Registration) {
    return this.#administer(async () => {
      const { client, clientSecret } = await this.#administration.create(metadataOf(registration))
      const { clientId, secrets } = client
      const [first] = secrets
      const secret = first && clientSecret !== undefined && { secretId: first.secretId, secret: clientSecret }
      return { clientId, ...(secret && { secret }) }
    })
  }

  show(clientId: string): Promise<Outcome<ShownClient>> {
    return this.#administer(async () => {
      const { version, status, secrets } = await this.#administration.show(clientId)
      const secretIds = secrets.map(({ secretId }) => secretId)
      return { version, status: status === 'active' ? 'active' : 'disabled', secretIds }
    })
  }

  update(clientId: string, registration: Registration, version: number) {
    return this.#administer(() =>
      this.#administration.update(clientId, { ...metadataOf(registration), version }),
    )
  }

  addSecret(clientId: string): Promise<Outcome<RegisteredSecret>> {
    return this.#administer(async () => {
      const { secretId, clientSecret } = await this.#administration.addSecret(clientId, 86_400)
      return { secretId, secret: clientSecret }
    })
  }

  removeSecret(clientId: string, secretId: string) {
    return this.#administer(() => this.#administration.removeSecret(clientId, secretId))
  }

  disable(clientId: string) {
    return this.#administer(() => this.#administration.disable(clientId))
  }

  enable(clientId: string) {
    return this.#administer(() => this.#administration.enable(clientId))
  }

  async token(login: Login, scope: readonly string[] | undefined): Promise<Outcome<string>> {
    const parameters = {
      grant_type: 'client_credentials',
      resource: audience,
      ...(scope && { scope: scope.join(' ') }),
    }
    return this.#call(this.#endpoints.token, login, parameters, body => String(body.access_token))
  }

  async authorize(token: string, { name }: Route): Promise<Outcome<boolean>> {
    const decide = this.#random.pick(this.#authorizers)
    if (decide === undefined) throw new Error('there is no authorizer')
    await this.#travel()
    const decision = await decide(token, name)
    await this.#travel()
    if (decision.outcome === 'failed') return { result: 'unknown', answer: answerOf(500) }
    if (decision.outcome === 'allowed') return { result: 'ok', value: true, answer: answerOf(200) }
    const status = decision.error === 'insufficient_scope' ? 403 : 401
    return { result: 'ok', value: false, answer: answerOf(status) }
  }

  async introspect(token: string): Promise<Outcome<boolean>> {
    if (this.#introspector === undefined) throw new Error('nobody may introspect yet')
    const { introspect } = this.#endpoints
    return this.#call(introspect, this.#introspector, { token }, ({ active }) => active === true, 0)
  }

  revokeToken(token: string, login: Login | undefined): Promise<Outcome<unknown>> {
    return this.#revokeToken(token, login)
  }

  async #revoke(token: string, login: Login): Promise<Outcome<unknown>> {
    return this.#call(this.#endpoints.revoke, login, { token }, () => true)
  }

  /** By the operator, who revokes what the token says. */
  #revokeAny(text: string): Promise<Outcome<unknown>> {
    const { jti, exp } = readToken(text)
    return this.#administer(() => this.#writeRevocation(revokeToken(jti, exp)))
  }

  revokeClient(clientId: string): Promise<Outcome<number>> {
    return this.#administer(() => this.#administration.revokeTokens(clientId))
  }

  revokeKey(kid: string) {
    const { keeper } = this.#surroundings.keys
    return this.#administer(async () => {
      if (!(await keeper.revoke(kid))) throw new AdministrationError('not_found', 'there is no such key')
      await this.keepKeys()
    })
  }

  revokeAll(): Promise<Outcome<number>> {
    return this.#administer(async () => {
      const upTo = nextRevocationMoment(this.#surroundings.clock.now(), 0)
      await this.#writeRevocation(revokeAllTokens(upTo))
      return upTo
    })
  }

  rotateKeys() {
    const { keeper } = this.#surroundings.keys
    return this.#administer(async () => {
      if ((await keeper.rotate()) > 0) throw new AdministrationError('conflict', 'too early')
      await this.keepKeys()
    })
  }

  listKeys(): Promise<Outcome<readonly Key[]>> {
    return this.#administer(() => this.#surroundings.keys.keeper.keys())
  }

  async #administer<T>(run: () => Promise<T>): Promise<Outcome<T>> {
    await this.#travel()
    try {
      const value = await run()
      await this.#travel()
      return this.#random.chance(lostAnswers) ? { result: 'unknown' } : { result: 'ok', value }
    } catch (error) {
      if (error instanceof AdministrationError) return { result: 'fail' }
      if (error instanceof Unavailable) return { result: 'unknown' }
      throw error
    }
  }

  async #call<T>(
    endpoint: Endpoint,
    login: Login,
    parameters: Record<string, string>,
    read: (body: Record<string, unknown>) => T,
    lost = lostAnswers,
  ): Promise<Outcome<T>> {
    await this.#travel()
    const response = await endpoint(login, parameters)
    await this.#travel()
    if (this.#random.chance(lost)) return { result: 'unknown' }
    const { status, body } = response
    const parsed = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>)
    const answer = answerOf(status, response, parsed)
    if (status >= 500) return { result: 'unknown', answer }
    if (status >= 300) return { result: 'fail', answer }
    return { result: 'ok', answer, value: read(parsed) }
  }

  #travel(): Promise<void> {
    return this.#surroundings.time.sleep(this.#random.between(1, 5))
  }
}

function answerOf(status: number, response?: HttpResponse, body: Record<string, unknown> = {}): Answer {
  return {
    status,
    contentType: response?.headers['content-type'],
    cacheControl: response?.headers['cache-control'],
    retryAfter: response?.headers['retry-after'],
    error: typeof body.error === 'string' ? body.error : undefined,
    isJson: true,
    byGateway: false,
    requestId: undefined,
  }
}

function metadataOf({ name, scope, lifetime, jwk }: Registration): ClientMetadata {
  const jwks = jwk === undefined ? undefined : parseClientJwks({ keys: [jwk] }, undefined)
  if (typeof jwks === 'string') throw new Error(jwks)
  return {
    clientName: name,
    tokenEndpointAuthMethod: jwks === undefined ? 'client_secret_basic' : 'private_key_jwt',
    grants: [{ resource: audience, scope }],
    accessTokenLifetimeSeconds: lifetime,
    jwks,
    jwksUri: undefined,
    tokenEndpointAuthSigningAlg: undefined,
    resourceServer: undefined,
  }
}

function serverRecord(name: string) {
  return {
    audience: name,
    scopes: simulatedScopes.map(scope => ({ scope, description: '' })),
    accessTokenLifetimeSeconds: undefined,
    managedBy: 'administration' as const,
    version: 1,
    createdAt: 1,
    updatedAt: 1,
  }
}
