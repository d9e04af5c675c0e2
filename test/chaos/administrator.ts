import { assertionKey } from '../attacks/support/client-assertion.ts'
import { ClientModel, type HeldToken } from './client-model.ts'
import type { Shared } from './generator.ts'
import type { Milliseconds, Result } from './history.ts'
import type { Random } from './random.ts'
import type { Registration } from './system.ts'

/** What an owner does, and how often: what revokes much hides whether what revokes little worked. */
const mix = {
  revokeToken: 60,
  rotateSecret: 10,
  revokeClient: 2,
  disable: 3,
  update: 6,
  register: 6,
  keys: 6,
}

/** Clients in use at a time; the oldest is put aside for a new one. */
const clientsInUse = 5

/** A secret's client keeps two at most, so that there is room for the next. */
const keptSecrets = 1

const keyOperationEvery: Milliseconds = 15_000

/** How often one is tried that is not answered. */
const keyAttempts = 10

/** One owner: makes clients and changes them, one change at a time; the first one also has the keys. */
export class Administrator {
  readonly #shared: Shared
  readonly #hasKeys: boolean
  #nextKeyOperation: Milliseconds
  #keyOperations = 0
  #registered = 0

  constructor(shared: Shared, hasKeys: boolean) {
    this.#shared = shared
    this.#hasKeys = hasKeys
    this.#nextKeyOperation = 0
  }

  get random(): Random {
    return this.#shared.random
  }

  async step(): Promise<void> {
    const { clients } = this.#shared
    const client = this.random.pick(clients)
    if (client === undefined || clients.length < 2) return this.#register()
    if (client.status !== 'active') return this.#enable(client)
    const action = this.random.weighted(mix)
    if (action === 'revokeToken') await this.#revokeToken(client)
    else if (action === 'rotateSecret') await this.#rotateSecret(client)
    else if (action === 'revokeClient') await this.#revokeClient(client)
    else if (action === 'disable') await this.#disable(client)
    else if (action === 'update') await this.#update(client)
    else if (action === 'register') await this.#register()
    else if (this.#hasKeys) await this.#operateKeys()
  }

  /** Leaves no client between two states, when nothing is broken any more. */
  async settle(): Promise<void> {
    const { clients, former } = this.#shared
    for (const client of [...former, ...clients]) if (client.status === undefined) await this.#enable(client)
    await this.#listKeys()
  }

  async #register(): Promise<void> {
    const { system, recorder, process, clients, former } = this.#shared
    const key = this.random.chance(0.3) ? assertionKey('EdDSA') : undefined
    const registration: Registration = {
      name: `${process}-${++this.#registered}`,
      scope: this.#someScope(),
      lifetime: this.random.chance(0.15) ? 60 : undefined,
      jwk: key?.jwk,
    }
    const { value } = await recorder.record(
      process,
      { kind: 'register', scope: registration.scope },
      () => system.register(registration),
      (details, { clientId, secret }) => Object.assign(details, { clientId, secretId: secret?.secretId }),
    )
    if (value === undefined) return
    const client = new ClientModel(value.clientId, registration, key)
    if (value.secret !== undefined) client.secrets.push(value.secret)
    clients.push(client)
    if (clients.length > clientsInUse) former.push(...clients.splice(0, 1))
  }

  async #disable(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const { clientId } = client
    client.status = undefined
    const run = () => system.disable(clientId)
    const { result } = await recorder.record(process, { kind: 'disable', clientId }, run)
    client.version = undefined
    if (result === 'ok') client.status = 'disabled'
    if (result === 'fail') client.status = 'active'
    this.#watch(client.tokens)
    await recorder.time.sleep(this.random.between(0, 1500))
  }

  async #enable(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const { clientId } = client
    const run = () => system.enable(clientId)
    const { result } = await recorder.record(process, { kind: 'enable', clientId }, run)
    client.version = undefined
    if (result === 'ok') client.status = 'active'
  }

  async #update(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const { clientId } = client
    client.version ??= (await system.show(clientId)).value?.version
    const { version } = client
    if (version === undefined) return
    const registration = { ...client.registration, scope: this.#someScope() }
    const { result } = await recorder.record(
      process,
      { kind: 'update', clientId, scope: registration.scope },
      () => system.update(clientId, registration, version),
    )
    client.version = result === 'ok' ? version + 1 : undefined
    if (result !== 'fail') client.registration = registration
  }

  async #rotateSecret(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const { clientId } = client
    if (!client.hasSecrets) return
    const run = () => system.addSecret(clientId)
    const { result, value } = await recorder.record(
      process,
      { kind: 'addSecret', clientId },
      run,
      (details, { secretId }) => Object.assign(details, { secretId }),
    )
    client.version = undefined
    if (value !== undefined) client.secrets.push(value)
    if (result === 'fail') return this.#removeUnknown(client)
    while (client.secrets.length > keptSecrets) {
      const [oldest] = client.secrets
      if (oldest === undefined) return
      // Not used any more from the attempt on, whatever comes of it.
      client.secrets.shift()
      if (!(await this.#removeSecret(client, oldest.secretId))) return
      client.removedSecrets.push(oldest)
    }
  }

  /** Secrets whose texts were lost with an answer take the room of others. */
  async #removeUnknown(client: ClientModel): Promise<void> {
    const shown = await this.#shared.system.show(client.clientId)
    const known = client.secrets.map(({ secretId }) => secretId)
    const unknown = (shown.value?.secretIds ?? []).filter(secretId => !known.includes(secretId))
    for (const secretId of unknown) await this.#removeSecret(client, secretId)
  }

  async #removeSecret({ clientId }: ClientModel, secretId: string): Promise<boolean> {
    const { system, recorder, process } = this.#shared
    const run = () => system.removeSecret(clientId, secretId)
    const { result } = await recorder.record(process, { kind: 'removeSecret', clientId, secretId }, run)
    return result === 'ok'
  }

  async #revokeToken(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const held = this.random.pick(client.tokens.filter(({ revokedAt }) => revokedAt === undefined))
    if (held === undefined) return
    const [secret] = client.secrets
    const login = this.random.chance(0.7) && secret ? client.loginWith(secret).login : undefined
    this.#watch([held])
    const run = () => system.revokeToken(held.text, login)
    await recorder.record(process, { kind: 'revokeToken', jti: held.token.jti }, run)
    this.#watch([held])
  }

  async #revokeClient(client: ClientModel): Promise<void> {
    const { system, recorder, process } = this.#shared
    const { clientId } = client
    await recorder.record(
      process,
      { kind: 'revokeClient', clientId },
      () => system.revokeClient(clientId),
      (details, upTo) => Object.assign(details, { upTo }),
    )
    client.version = undefined
    this.#watch(client.tokens)
  }

  /** Rotates, and now and then revokes a key or everything, but not one right after the other. */
  async #operateKeys(): Promise<void> {
    const { recorder, clients } = this.#shared
    const now = recorder.time.now()
    if (now < this.#nextKeyOperation) return
    this.#nextKeyOperation = now + this.random.between(1, 2) * keyOperationEvery
    if (this.#keyOperations++ === 0) await this.#listKeys()
    const action =
      this.#keyOperations === 2 ? 'rotate' : this.random.weighted({ rotate: 4, revoke: 1, all: 1 })
    // Repeating is safe, and what may have been done proves nothing.
    for (let attempt = 0; attempt < keyAttempts; attempt++) {
      const result = await this.#operateOnce(action)
      if (result !== 'unknown') break
      await recorder.time.sleep(1000)
    }
    if (action !== 'rotate') for (const { tokens } of clients) this.#watch(tokens)
    await this.#listKeys()
  }

  async #operateOnce(action: 'rotate' | 'revoke' | 'all'): Promise<Result> {
    const { system, recorder, process, clients } = this.#shared
    if (action === 'rotate') {
      return (await recorder.record(process, { kind: 'rotateKeys' }, () => system.rotateKeys())).result
    }
    if (action === 'all') {
      const { result } = await recorder.record(
        process,
        { kind: 'revokeAll' },
        () => system.revokeAll(),
        (details, upTo) => Object.assign(details, { upTo }),
      )
      return result
    }
    const kid = clients.flatMap(({ tokens }) => tokens).at(-1)?.token.kid
    if (kid === undefined) return 'fail'
    return (await recorder.record(process, { kind: 'revokeKey', kid }, () => system.revokeKey(kid))).result
  }

  async #listKeys(): Promise<void> {
    const { system, recorder, process } = this.#shared
    await recorder.record(
      process,
      { kind: 'listKeys' },
      () => system.listKeys(),
      (details, keys) => Object.assign(details, { keys }),
    )
  }

  /** Revoked from now on; what callers have seen refused stays so. */
  #watch(tokens: readonly HeldToken[]): void {
    const { recorder, revoked } = this.#shared
    for (const held of tokens) {
      if (held.isRefused) continue
      if (held.revokedAt === undefined) revoked.push(held)
      held.revokedAt = recorder.time.now()
    }
  }

  #someScope(): readonly string[] {
    const { scopes } = this.#shared.system
    const some = scopes.filter(() => this.random.chance(0.5))
    return some.length > 0 ? some : scopes.slice(0, 1)
  }
}
