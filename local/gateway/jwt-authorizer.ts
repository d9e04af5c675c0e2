import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import type { RequestScope } from './event.ts'
import { type IdentitySource, parseIdentitySource } from './identity-source.ts'
import type { Authorization } from './lambda-authorizer.ts'
import type { GatewayRequest } from './request.ts'
import { forbidden, type GatewayResponse, internalServerError, unauthorized } from './response.ts'

/** An authorizer of type JWT, as its template describes it. */
export interface JwtAuthorizerSettings {
  id: string
  issuer: string
  audience: string[]
  /** One expression such as `$request.header.Authorization`. */
  identitySource: string
  now?: () => number
  fetch?: (url: string) => Promise<Response>
}

type Claims = Record<string, unknown>

/** Keys are kept for as long as API Gateway says that it may keep them: whoever relies on less is refused here. */
const keysLifetimeMilliseconds = 2 * 3600 * 1000

// "RSA-based" is all that is documented; RSASSA-PSS is not known to be among them.
const digests: Record<string, string> = { RS256: 'sha256', RS384: 'sha384', RS512: 'sha512' }

/**
 * API Gateway's own check of a token: signature by a key of the issuer, `iss`, `aud` or `client_id`, `exp`, `nbf`, `iat`,
 * and one of the route's scopes. It asks nobody for revocations.
 */
export class JwtAuthorizer {
  readonly id: string
  readonly #settings: JwtAuthorizerSettings
  readonly #identitySource: IdentitySource
  readonly #now: () => number
  readonly #fetch: (url: string) => Promise<Response>
  #keys: { readonly byId: Map<unknown, KeyObject>; readonly readAt: number } | undefined

  /** @throws where the identity source is none that the local run knows */
  constructor(settings: JwtAuthorizerSettings) {
    this.id = settings.id
    this.#settings = settings
    this.#identitySource = parseIdentitySource(settings.identitySource)
    this.#now = settings.now ?? Date.now
    this.#fetch = settings.fetch ?? (url => fetch(url, { signal: AbortSignal.timeout(5000) }))
  }

  /** @param routeScopes a token needs one of them; none = any token will do */
  async authorize(
    request: GatewayRequest,
    scope: RequestScope,
    routeScopes: readonly string[],
  ): Promise<Authorization> {
    const value = this.#identitySource(request, scope) ?? ''
    if (value === '') return { refusal: challenged(unauthorized, 'Bearer') }
    try {
      const claims = this.#verified(value.replace(/^Bearer /i, ''), await this.#readKeys())
      if (claims === undefined) return invalidToken()
      if (!this.#isAudience(claims)) return invalidToken('the token does not have a valid audience')
      if (!this.#isIssuedAndValid(claims)) return invalidToken()
      const granted = scopesOf(claims)
      if (routeScopes.length > 0 && !routeScopes.some(each => granted.includes(each)))
        return refusal(forbidden, routeScopes, 'error="insufficient_scope"')
      const matching = routeScopes.length === 0 ? null : routeScopes.filter(each => granted.includes(each))
      return { context: { claims: textOf(claims), scopes: matching } }
    } catch (error) {
      return { refusal: internalServerError, problem: `the keys of ${this.#settings.issuer}: ${error}` }
    }
  }

  #verified(token: string, keys: ReadonlyMap<unknown, KeyObject>): Claims | undefined {
    const [encodedHeader = '', encodedClaims = '', signature = '', ...more] = token.split('.')
    const header = decode(encodedHeader)
    const claims = decode(encodedClaims)
    const digest = digests[String(header?.alg)]
    const key = keys.get(header?.kid)
    if (more.length > 0 || digest === undefined || key?.asymmetricKeyType !== 'rsa') return undefined
    const signed = Buffer.from(`${encodedHeader}.${encodedClaims}`)
    return verify(digest, signed, key, Buffer.from(signature, 'base64url')) ? claims : undefined
  }

  #isAudience({ aud, client_id: clientId }: Claims): boolean {
    return [aud ?? clientId].flat().some(each => this.#settings.audience.includes(String(each)))
  }

  #isIssuedAndValid({ iss, exp, nbf, iat }: Claims): boolean {
    const seconds = this.#now() / 1000
    const isPast = (time: unknown) => time === undefined || (typeof time === 'number' && time <= seconds)
    return (
      iss === this.#settings.issuer && typeof exp === 'number' && exp > seconds && isPast(nbf) && isPast(iat)
    )
  }

  async #readKeys(): Promise<ReadonlyMap<unknown, KeyObject>> {
    if (this.#keys === undefined || this.#now() - this.#keys.readAt > keysLifetimeMilliseconds) {
      const readAt = this.#now()
      const metadata = await this.#readJson(`${this.#settings.issuer}/.well-known/openid-configuration`)
      const jwks = await this.#readJson(String(metadata.jwks_uri))
      const keys = jwks.keys as JsonWebKey[]
      const byId = new Map(keys.map(key => [key.kid, createPublicKey({ key, format: 'jwk' })] as const))
      this.#keys = { byId, readAt }
    }
    return this.#keys.byId
  }

  async #readJson(url: string): Promise<Record<string, unknown>> {
    const response = await this.#fetch(url)
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    return (await response.json()) as Record<string, unknown>
  }
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}

function scopesOf({ scope, scp }: Claims): string[] {
  const value = scope ?? scp ?? []
  return typeof value === 'string' ? value.split(' ') : [value].flat().map(String)
}

/** Claims reach the integration as text, lists in brackets. */
function textOf(claims: Claims): Record<string, string> {
  const text = (value: unknown) => (Array.isArray(value) ? `[${value.join(' ')}]` : String(value))
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, text(value)]))
}

function invalidToken(description?: string): Authorization {
  const error = 'error="invalid_token"'
  return refusal(unauthorized, [], description ? `${error} error_description="${description}"` : error)
}

function refusal(response: GatewayResponse, scopes: readonly string[], error: string): Authorization {
  return { refusal: challenged(response, `Bearer scope="${scopes.join(' ')}" ${error}`) }
}

function challenged(response: GatewayResponse, challenge: string): GatewayResponse {
  return { ...response, headers: [...response.headers, ['www-authenticate', challenge]] }
}
