import { type Clock, elapsedSince, type Instant, instant } from '../oauth/clock.ts'
import { jwsAlgorithms, parsePublicKey } from '../oauth/public-key.ts'
import { isKeyId, type SigningKey } from '../oauth/signing-key.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { Unavailable } from '../oauth/unavailable.ts'
import { fetchJwks } from './fetch-jwks.ts'
import type { Records } from './records.ts'
import { publicJwkOf } from './signing-key-item.ts'

const timeLimitMilliseconds = 3000

/** How long the last copy is good for where the JWKS cannot be read: it says of no key when it ends. */
const lastGoodMilliseconds = 3_600_000

/** The issuer's keys as its JWKS publishes them: a key that is gone from there is trusted no more. */
export class IssuerKeys {
  readonly #ring: SigningKeyRing
  readonly #clock: Clock
  #readAt: Instant | undefined

  constructor(jwksUri: string, clock: Clock, records: Pick<Records, 'issuerUnavailable'>) {
    this.#clock = clock
    this.#ring = new SigningKeyRing(async () => {
      const startedAt = instant(clock)
      const keys = await readJwks(jwksUri)
      if (typeof keys === 'string') {
        records.issuerUnavailable('jwks', keys)
        throw new Unavailable('store')
      }
      this.#readAt = startedAt
      return keys
    }, clock)
  }

  /** Reads the JWKS if it is due. Never throws: a token that comes asks again. */
  async start(): Promise<void> {
    await this.#ring.refresh().catch(() => {})
  }

  /** @throws Unavailable when the JWKS cannot be read, and was not in the last hour */
  readonly findKey = async (kid: string): Promise<SigningKey | undefined> => {
    const key = await this.#ring.findOrRead(kid)
    if (this.#age() >= lastGoodMilliseconds) throw new Unavailable('store')
    return key
  }

  /** Undefined as soon as the copy is due to be read again, so that a token that is remembered asks for that, too. */
  readonly findKnownKey = (kid: string): SigningKey | undefined => {
    return this.#ring.isDue ? undefined : this.#ring.find(kid)
  }

  #age(): number {
    return this.#readAt === undefined ? Number.POSITIVE_INFINITY : elapsedSince(this.#readAt, this.#clock)
  }
}

async function readJwks(jwksUri: string): Promise<readonly SigningKey[] | string> {
  const settings = { allowOrigin: new URL(jwksUri).origin, timeLimitMilliseconds }
  const fetched = await fetchJwks(jwksUri, settings)
  return typeof fetched === 'string' ? fetched : (parseIssuerJwks(fetched.document) ?? 'keys_refused')
}

/**
 * Parses an issuer's JWKS. Keys that are not understood are passed over (RFC 7517 §5); two of one identifier are a
 * reason to trust none of them.
 *
 * @returns undefined when there is none that can be used
 */
export function parseIssuerJwks(document: unknown): readonly SigningKey[] | undefined {
  const { keys: list } = Object(document) as { keys?: unknown }
  if (!Array.isArray(list)) return undefined
  const keys = list.flatMap(jwk => parseIssuerKey(Object(jwk)) ?? [])
  const isAmbiguous = new Set(keys.map(({ kid }) => kid)).size !== keys.length
  return keys.length === 0 || isAmbiguous ? undefined : keys
}

function parseIssuerKey(jwk: Record<string, unknown>): SigningKey | undefined {
  const { kid, alg, use } = jwk
  const algorithm = jwsAlgorithms.find(known => known === alg)
  if (typeof kid !== 'string' || !isKeyId(kid) || algorithm === undefined) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  const key = parsePublicKey(jwk)
  if (typeof key === 'string' || !key.algorithms.includes(algorithm)) return undefined
  return {
    kid,
    algorithm,
    publicJwk: publicJwkOf(key.jwk, kid, algorithm),
    // What the JWKS does not say, and verification does not ask.
    kmsKeyArn: '',
    wrappedPrivateKey: undefined,
    state: 'active',
    createdAt: 0,
    signFrom: 0,
    verifyUntil: undefined,
  }
}
