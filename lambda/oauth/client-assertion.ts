import { clockSkewSeconds } from './check-claims.ts'
import { type ClientKey, parseAssertionAlgorithm } from './client-keys.ts'
import { type Jws, parseJws } from './jws.ts'
import type { JwsAlgorithm } from './public-key.ts'
import { verifySignature } from './verify-signature.ts'

/** RFC 7523 §2.2: the one value of `client_assertion_type`. */
export const jwtBearerAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** No longer text is parsed, in characters. */
export const maxAssertionLength = 4096

/** How far away `exp` may be: as long as a captured assertion could be tried, and its `jti` has to be remembered. */
export const maxAssertionLifetimeSeconds = 300

const maxTokenIdLength = 256

/** A client assertion in the form that it must have. Neither its claims nor its signature are checked yet. */
export interface ClientAssertion {
  readonly algorithm: JwsAlgorithm
  readonly kid: string | undefined
  /** Who the client says it is: `sub`. */
  readonly clientId: string
  readonly jws: Jws
}

export type AssertionRefusal =
  | 'assertion_subject_mismatch'
  | 'assertion_audience_mismatch'
  | 'assertion_claims_malformed'
  | 'assertion_expired'
  | 'assertion_lifetime_too_long'
  | 'assertion_not_yet_valid'

/**
 * Parses a client assertion (RFC 7523 §2.2). The header has `alg`, perhaps `typ` (`JWT`, or `client-authentication+jwt`
 * of rfc7523bis §4) and `kid`, and nothing else: no key of its own, no `crit`, `b64`, `zip` or `cty` (RFC 8725 §3).
 *
 * @returns undefined when it is malformed, or does not name a client as its subject
 */
export function parseClientAssertion(text: string): ClientAssertion | undefined {
  const jws = parseJws(text)
  if (jws === undefined) return undefined
  const { alg, typ, kid, ...others } = jws.header
  const algorithm = parseAssertionAlgorithm(alg)
  const isTyped =
    typ === undefined ||
    (typeof typ === 'string' && /^(application\/)?(client-authentication\+)?jwt$/i.test(typ))
  const isNamed = kid === undefined || (typeof kid === 'string' && /^[A-Za-z0-9._~:=-]{1,128}$/.test(kid))
  if (algorithm === undefined || !isTyped || !isNamed || Object.keys(others).length > 0) return undefined
  const { sub } = jws.payload
  return typeof sub === 'string' ? { algorithm, kid, clientId: sub, jws } : undefined
}

/** What is left to be done with an assertion whose claims hold: to be claimed, once. */
export interface AssertionUse {
  readonly jti: string
  /** Epoch seconds, rounded up. */
  readonly expiresAt: number
}

/**
 * Checks the claims (RFC 7523 §3 with rfc7523bis): issuer and subject are the client, the audience is this issuer as
 * the sole value, a string; `exp` is required, at most 300 s away; `nbf` and `iat` are honoured where present; `jti` is
 * required, as it is what makes an assertion good for one use.
 */
export function checkAssertionClaims(
  { jws, clientId }: ClientAssertion,
  issuer: string,
  nowSeconds: number,
): AssertionUse | AssertionRefusal {
  const { iss, aud, exp, nbf, iat, jti } = jws.payload
  if (iss !== clientId) return 'assertion_subject_mismatch'
  if (aud !== issuer) return 'assertion_audience_mismatch'
  if (typeof jti !== 'string' || jti === '' || jti.length > maxTokenIdLength)
    return 'assertion_claims_malformed'
  if (!isNumericDate(exp) || !isOptionalDate(nbf) || !isOptionalDate(iat)) return 'assertion_claims_malformed'
  if (exp <= nowSeconds) return 'assertion_expired'
  if (exp > nowSeconds + maxAssertionLifetimeSeconds) return 'assertion_lifetime_too_long'
  const latest = nowSeconds + clockSkewSeconds
  if ((nbf ?? 0) > latest || (iat ?? 0) > latest) return 'assertion_not_yet_valid'
  return { jti, expiresAt: Math.ceil(exp) }
}

/** RFC 7519 §2: a number, which may have a fraction. */
function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function isOptionalDate(value: unknown): value is number | undefined {
  return value === undefined || isNumericDate(value)
}

/** The example key of RFC 7515 A.3, to verify with when there is no key; whatever comes of it is refused. */
const decoyKey: ClientKey = {
  kid: undefined,
  algorithm: 'ES256',
  jwk: {
    crv: 'P-256',
    kty: 'EC',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  },
}

/**
 * Finds the key that an assertion names, or the only one where it names none, bound to the algorithm; and whether the
 * signature is that key's. Where there is no such key a decoy takes the same time.
 */
export function verifyAssertion(
  { algorithm, kid, jws }: ClientAssertion,
  keys: readonly ClientKey[],
): 'ok' | 'assertion_key_unknown' | 'assertion_signature_invalid' {
  const candidates = kid === undefined ? keys : keys.filter(key => key.kid === kid)
  const [found] = candidates.length === 1 ? candidates : []
  const key = found?.algorithm === algorithm ? found : undefined
  const isSigned = verifySignature(jws.signingInput, jws.signature, key ?? decoyKey)
  if (key === undefined) return 'assertion_key_unknown'
  return isSigned ? 'ok' : 'assertion_signature_invalid'
}
