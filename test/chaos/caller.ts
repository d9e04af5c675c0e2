import type { Attempt, ClientModel, HeldToken } from './client-model.ts'
import type { Shared } from './generator.ts'
import type { Presentation } from './history.ts'
import { forge, readToken, respell } from './presented-token.ts'
import type { Random } from './random.ts'
import type { Route } from './system.ts'

/** What a caller does, and how often. */
const mix = {
  authorize: 60,
  token: 22,
  introspect: 8,
  forged: 2,
  respelled: 3,
  excessiveScope: 2,
  replay: 2,
  removedSecret: 1,
}

/** One caller: gets tokens for its owner's clients and uses them, most of all those that were revoked lately. */
export class Caller {
  readonly #shared: Shared

  constructor(shared: Shared) {
    this.#shared = shared
  }

  get random(): Random {
    return this.#shared.random
  }

  async step(): Promise<void> {
    const due = this.random.chance(0.5) ? this.#dueToken() : undefined
    if (due !== undefined) return this.#confirm(due)
    const client = this.random.pick(this.#shared.clients)
    if (client === undefined) return
    const held = this.#pickToken(client)
    const action = this.random.weighted(mix)
    if (held === undefined) await this.#getToken(client)
    else if (action === 'authorize') await this.#authorize(held, 'issued')
    else if (action === 'token') await this.#getToken(client)
    else if (action === 'introspect') await this.#introspect(held)
    else if (action === 'forged') await this.#authorize(held, 'forged')
    else if (action === 'respelled') await this.#authorize(held, 'respelled')
    else await this.#beHostile(client, action)
  }

  /** Uses everything of a client that is left once more. */
  async verify(client: ClientModel): Promise<void> {
    const { recorder } = this.#shared
    const nowSeconds = (recorder.epoch + recorder.time.now()) / 1000
    for (const held of client.tokens.filter(({ token }) => token.exp > nowSeconds)) {
      await this.#authorize(held, 'issued')
      await this.#introspect(held)
    }
    if (client.status === 'disabled') await this.#getToken(client)
    else if (!client.hasSecrets) await this.#getToken(client)
    else for (const secret of client.secrets) await this.#requestToken(client, client.loginWith(secret))
    const removed = client.removedSecrets.at(-1)
    if (removed !== undefined && client.mayBeHostile(recorder.time.now()))
      await this.#requestToken(client, client.loginWith(removed))
  }

  /** One that was revoked so long ago that it must be refused, and has not been. */
  #dueToken(): HeldToken | undefined {
    const { recorder, delay, revoked } = this.#shared
    const [first] = revoked
    const isDue = first?.revokedAt !== undefined && first.revokedAt + delay < recorder.time.now()
    return isDue ? revoked.shift() : undefined
  }

  async #confirm(due: HeldToken): Promise<void> {
    const allowed = await this.#authorize(due, 'issued')
    if (allowed === undefined) this.#shared.revoked.push(due)
    else if (allowed === false) due.isRefused = true
    // What passes was not revoked after all, or is the checker's find.
    else due.revokedAt = undefined
  }

  /** Mostly one that was revoked lately. */
  #pickToken(client: ClientModel): HeldToken | undefined {
    const watched = client.tokens.filter(({ revokedAt, isRefused }) => revokedAt !== undefined && !isRefused)
    return watched.length > 0 && this.random.chance(0.7)
      ? this.random.pick(watched)
      : this.random.pick(client.tokens)
  }

  async #getToken(client: ClientModel): Promise<void> {
    if (client.status !== 'active' && !client.mayBeHostile(this.#shared.recorder.time.now())) return
    const attempt = this.#login(client)
    const { scope } = client.registration
    const requested = this.random.chance(0.3) ? scope.slice(0, 1) : undefined
    if (attempt !== undefined) await this.#requestToken(client, attempt, requested)
  }

  async #beHostile(
    client: ClientModel,
    action: 'excessiveScope' | 'replay' | 'removedSecret',
  ): Promise<void> {
    const { recorder, system } = this.#shared
    if (action === 'excessiveScope') {
      const excess = this.random.pick(
        system.scopes.filter(scope => !client.registration.scope.includes(scope)),
      )
      const attempt = this.#login(client)
      if (excess !== undefined && attempt !== undefined && client.status === 'active')
        await this.#requestToken(client, attempt, [excess])
      return
    }
    if (!client.mayBeHostile(recorder.time.now())) return
    if (action === 'removedSecret') {
      const secret = this.random.pick(client.removedSecrets)
      if (secret !== undefined) await this.#requestToken(client, client.loginWith(secret))
      return
    }
    const attempt = client.hasSecrets ? undefined : this.#login(client)
    if (attempt !== undefined)
      await Promise.all([this.#requestToken(client, attempt), this.#requestToken(client, attempt)])
  }

  #login(client: ClientModel): Attempt | undefined {
    const { recorder, system } = this.#shared
    const nowSeconds = Math.floor((recorder.epoch + recorder.time.now()) / 1000)
    return client.login(this.random, system.issuer, nowSeconds)
  }

  async #requestToken(
    client: ClientModel,
    { login, credential }: Attempt,
    requestedScope?: readonly string[],
  ): Promise<void> {
    const { recorder, system, process } = this.#shared
    const { clientId } = client
    const { value } = await recorder.record(
      process,
      { kind: 'token', clientId, credential, requestedScope },
      () => system.token(login, requestedScope),
      (details, text) => Object.assign(details, { token: readToken(text) }),
    )
    if (value !== undefined) client.hold(value, readToken(value))
  }

  async #authorize({ text, token }: HeldToken, presented: Presentation): Promise<boolean | undefined> {
    const { recorder, system, process } = this.#shared
    const route = this.#pickRoute(token.scope)
    const presentedText =
      presented === 'issued'
        ? text
        : presented === 'forged'
          ? forge(text, this.random)
          : respell(text, this.random)
    const { value } = await recorder.record(
      process,
      { kind: 'authorize', jti: token.jti, presented, requires: route.requires },
      () => system.authorize(presentedText, route),
      (details, allowed) => Object.assign(details, { allowed }),
    )
    return value
  }

  /** Mostly one that the scope is sufficient for. */
  #pickRoute(scope: readonly string[]): Route {
    const { routes } = this.#shared.system
    const sufficient = routes.filter(({ requires }) => requires.every(value => scope.includes(value)))
    const route = this.random.pick(this.random.chance(0.9) ? sufficient : routes) ?? routes[0]
    if (route === undefined) throw new Error('there is no route')
    return route
  }

  async #introspect({ text, token }: HeldToken): Promise<void> {
    const { recorder, system, process } = this.#shared
    await recorder.record(
      process,
      { kind: 'introspect', jti: token.jti },
      () => system.introspect(text),
      (details, active) => Object.assign(details, { active }),
    )
  }
}
