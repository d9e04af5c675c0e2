import { type AssertionKey, craftedAssertion } from '../attacks/support/client-assertion.ts'
import type { Credential, IssuedToken, Milliseconds } from './history.ts'
import type { Random } from './random.ts'
import type { Login, RegisteredSecret, Registration } from './system.ts'

export interface HeldToken {
  readonly text: string
  readonly token: IssuedToken
  /** When it was last revoked, as far as its holder knows. */
  revokedAt?: Milliseconds | undefined
  /** Whether it was refused when it had to be. */
  isRefused?: boolean
}

/** Tokens that a client keeps: the others are given up. */
const heldTokens = 24

/** No client may fail so often that the server makes it wait: 20 times in a minute. */
const hostileEveryMilliseconds = 6000

/** One client as its owner knows it, who alone administers it. */
export class ClientModel {
  readonly clientId: string
  registration: Registration
  readonly secrets: RegisteredSecret[] = []
  readonly removedSecrets: RegisteredSecret[] = []
  readonly tokens: HeldToken[] = []
  readonly #key: AssertionKey | undefined
  /** undefined after a change without an answer. */
  status: 'active' | 'disabled' | undefined = 'active'
  version: number | undefined = 1
  #hostileAt = 0
  #lastAssertion = 0

  constructor(clientId: string, registration: Registration, key: AssertionKey | undefined) {
    this.clientId = clientId
    this.registration = registration
    this.#key = key
  }

  get hasSecrets(): boolean {
    return this.#key === undefined
  }

  /** A login, and what it is recorded as; undefined when the client has none. */
  login(random: Random, issuer: string, nowSeconds: number): Attempt | undefined {
    if (this.#key !== undefined) return this.#assert(this.#key, issuer, nowSeconds)
    const secret = random.pick(this.secrets)
    return secret && this.loginWith(secret)
  }

  loginWith({ secretId, secret }: RegisteredSecret): Attempt {
    return { login: { clientId: this.clientId, secret }, credential: { secretId } }
  }

  /** Whether something that must be refused may be tried now. */
  mayBeHostile(now: Milliseconds): boolean {
    if (now < this.#hostileAt) return false
    this.#hostileAt = now + hostileEveryMilliseconds
    return true
  }

  hold(text: string, token: IssuedToken): void {
    this.tokens.push({ text, token })
    if (this.tokens.length > heldTokens) this.tokens.shift()
  }

  /** Identifiers that count up: clients choose them, and two clients may well choose the same one. */
  #assert(key: AssertionKey, issuer: string, nowSeconds: number): Attempt {
    const { clientId } = this
    const assertionId = `assertion-${++this.#lastAssertion}`
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: issuer,
      iat: nowSeconds,
      exp: nowSeconds + 120,
      jti: assertionId,
    }
    return { login: { clientId, assertion: craftedAssertion(key, claims) }, credential: { assertionId } }
  }
}

export interface Attempt {
  readonly login: Login
  readonly credential: Credential
}
