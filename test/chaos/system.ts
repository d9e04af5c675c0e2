import type { Json } from '../flow/local-stack.ts'
import type { Key, Outcome } from './history.ts'

/** What a client of the harness is registered with. */
export interface Registration {
  readonly name: string
  readonly scope: readonly string[]
  /** Seconds. @default - the server's */
  readonly lifetime: number | undefined
  /** The public key of a client that authenticates by assertions. @default - it has a secret */
  readonly jwk: Json | undefined
}

export interface RegisteredSecret {
  readonly secretId: string
  readonly secret: string
}

/** A client as its administration shows it. */
export interface ShownClient {
  readonly version: number
  readonly status: 'active' | 'disabled'
  readonly secretIds: readonly string[]
}

export type Login =
  | { readonly clientId: string; readonly secret: string }
  | { readonly clientId: string; readonly assertion: string }

export interface Route {
  readonly name: string
  /** The scopes that it needs all of. */
  readonly requires: readonly string[]
}

/** What the generator drives: a whole local stack, or a simulated one. Nothing here rejects. */
export interface System {
  readonly issuer: string
  /** Every scope that a client can be granted. */
  readonly scopes: readonly string[]
  readonly routes: readonly Route[]
  register(registration: Registration): Promise<Outcome<{ clientId: string; secret?: RegisteredSecret }>>
  show(clientId: string): Promise<Outcome<ShownClient>>
  update(clientId: string, registration: Registration, version: number): Promise<Outcome<unknown>>
  addSecret(clientId: string): Promise<Outcome<RegisteredSecret>>
  removeSecret(clientId: string, secretId: string): Promise<Outcome<unknown>>
  disable(clientId: string): Promise<Outcome<unknown>>
  enable(clientId: string): Promise<Outcome<unknown>>
  /** Gives the access token's text. */
  token(login: Login, scope: readonly string[] | undefined): Promise<Outcome<string>>
  /** Whether a call of a protected route passes. */
  authorize(token: string, route: Route): Promise<Outcome<boolean>>
  /** Whether the resource server is told that a token is active. */
  introspect(token: string): Promise<Outcome<boolean>>
  /** By the client that it was issued to, or else by the operator. */
  revokeToken(token: string, login: Login | undefined): Promise<Outcome<unknown>>
  /** Gives the moment (epoch seconds). */
  revokeClient(clientId: string): Promise<Outcome<number>>
  revokeKey(kid: string): Promise<Outcome<unknown>>
  revokeAll(): Promise<Outcome<number>>
  rotateKeys(): Promise<Outcome<unknown>>
  listKeys(): Promise<Outcome<readonly Key[]>>
}
