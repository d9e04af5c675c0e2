import { base64url, importJWK, type JWTPayload, jwtVerify } from 'jose'
import type { Revocation } from '../../lambda/oauth/revocation.ts'
import type { ScopeRequirement } from '../../lambda/oauth/route-table.ts'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'

/** All that a decision may depend on, besides the event. */
export interface World {
  readonly nowSeconds: number
  readonly issuer: string
  readonly audience: string
  readonly routes: Readonly<Record<string, ScopeRequirement>>
  readonly keys: readonly SigningKey[]
  readonly revocations: readonly Revocation[]
}

/**
 * The authorizer once more, slow and plain: what it may allow, by jose and by the rules as they are written down. It
 * shares no code with the one that runs, remembers nothing and reads everything anew.
 */
export async function referenceAllows(event: unknown, world: World): Promise<boolean> {
  const { version, type, routeKey, headers } = Object(event)
  if (version !== '2.0' || type !== 'REQUEST' || typeof routeKey !== 'string') return false
  const token = bearerToken(Object(headers).authorization)
  const claims = token === undefined ? undefined : await verifiedClaims(token, world)
  if (claims === undefined) return false
  const requirement = Object.entries(world.routes).find(([key]) => key === routeKey)?.[1]
  return requirement !== undefined && satisfied(requirement, claims.scope.split(' '))
}

/** RFC 6750 §2.1: the scheme in any case, one space, the token. */
function bearerToken(authorization: unknown): string | undefined {
  if (typeof authorization !== 'string') return undefined
  const [scheme = '', token, ...others] = authorization.split(' ')
  return scheme.toLowerCase() === 'bearer' && others.length === 0 ? token : undefined
}

interface Claims extends JWTPayload {
  readonly client_id: string
  readonly scope: string
}

/** RFC 9068 §4, RFC 8725 §3: everything that must hold of a token, at this moment. */
async function verifiedClaims(token: string, world: World): Promise<Claims | undefined> {
  if (!hasTheOneSpelling(token)) return undefined
  const { header, payload } = decode(token)
  if (Object.keys(header).sort().join() !== 'alg,kid,typ') return undefined
  const key = world.keys.find(each => each.kid === header.kid)
  if (key === undefined || !isTrusted(key, world.nowSeconds)) return undefined
  try {
    await jwtVerify(token, await importJWK({ ...key.publicJwk }), {
      algorithms: ['ES256'],
      typ: 'at+jwt',
      issuer: world.issuer,
      audience: world.audience,
      subject: String(payload.client_id),
      requiredClaims: ['iss', 'sub', 'aud', 'iat', 'exp', 'jti', 'client_id'],
      clockTolerance: 10,
      currentDate: new Date(world.nowSeconds * 1000),
    })
  } catch {
    return undefined
  }
  const claims = { scope: '', ...payload } as Claims
  return areClaimsOfOurs(claims, world.nowSeconds) && !isRevoked(claims, key.kid, world) ? claims : undefined
}

/**
 * Content that is decoded and written again is the very same text. Of the two signatures that an ECDSA key has for one
 * text, (r, s) and (r, n - s), the one with the lower s counts.
 */
function hasTheOneSpelling(token: string): boolean {
  const [header = '', payload = '', signature = '', ...others] = token.split('.')
  if (token.length > 8192 || others.length > 0) return false
  try {
    for (const segment of [header, payload]) {
      const text = JSON.stringify(JSON.parse(new TextDecoder().decode(base64url.decode(segment))))
      // A lone surrogate has no UTF-8, and JSON only this way to write it.
      if (base64url.encode(text) !== segment || text.includes('\\ud')) return false
    }
    const octets = base64url.decode(signature)
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = BigInt(`0x${Buffer.from(octets.subarray(32)).toString('hex')}`)
    return octets.length === 64 && s <= order / 2n && base64url.encode(octets) === signature
  } catch {
    return false
  }
}

function decode(token: string): { header: Record<string, unknown>; payload: Record<string, unknown> } {
  const [header, payload] = token.split('.', 2).map(segment => {
    return Object(JSON.parse(new TextDecoder().decode(base64url.decode(segment))))
  })
  return { header, payload }
}

function isTrusted(key: SigningKey, nowSeconds: number): boolean {
  return key.state !== 'revoked' && (key.verifyUntil === undefined || key.verifyUntil > nowSeconds)
}

/** What jose does not check: single values of the right types, no tolerance for `exp`, an hour at most. */
function areClaimsOfOurs(claims: Claims, nowSeconds: number): boolean {
  const { aud, sub, client_id, jti, iat, exp, nbf = 1, scope } = claims
  const isTime = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0
  if (typeof aud !== 'string' || typeof sub !== 'string' || sub !== client_id) return false
  if (!/^[A-Za-z0-9._~-]{1,64}$/.test(sub)) return false
  if (typeof jti !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(jti)) return false
  if (!isTime(iat) || !isTime(exp) || !isTime(nbf)) return false
  const [issuedAt, expiresAt] = [Number(iat), Number(exp)]
  if (expiresAt <= nowSeconds || issuedAt > nowSeconds + 10) return false
  if (expiresAt <= issuedAt || expiresAt > issuedAt + 3600) return false
  if (Object.keys(claims).includes('cnf')) return false
  return isScope(scope)
}

/** RFC 6749 §3.3, each token once; or no scope at all. */
function isScope(scope: unknown): boolean {
  if (scope === '') return true
  if (typeof scope !== 'string') return false
  const tokens = scope.split(' ')
  return tokens.every(token => /^[!#-[\]-~]+$/.test(token)) && new Set(tokens).size === tokens.length
}

function isRevoked({ jti, client_id, iat = 0 }: Claims, kid: string, world: World): boolean {
  return world.revocations.some(revocation => {
    if (revocation.expiresAt <= world.nowSeconds) return false
    if (revocation.kind === 'jti') return revocation.jti === jti
    if (revocation.kind === 'kid') return revocation.kid === kid
    if (revocation.kind === 'client' && revocation.clientId !== client_id) return false
    return iat <= revocation.revokedUpTo
  })
}

function satisfied({ allOf, anyOf }: ScopeRequirement, scope: readonly string[]): boolean {
  if (allOf !== undefined) return allOf.every(wanted => scope.includes(wanted))
  return anyOf.some(wanted => scope.includes(wanted))
}
