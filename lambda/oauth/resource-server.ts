import { type Clock, elapsedSince, type Instant, instant } from './clock.ts'
import type { Grant } from './grant.ts'
import { OAuthError } from './oauth-error.ts'
import { Unavailable } from './unavailable.ts'

/** A registered resource server (RFC 6749 §1.1), as the token endpoint sees it. */
export interface ResourceServer {
  /** Its resource indicator (RFC 8707 §2), which is the `aud` of its tokens. */
  readonly audience: string
  readonly scopes: ReadonlySet<string>
  /** Seconds; undefined = the server's default. */
  readonly accessTokenLifetimeSeconds: number | undefined
}

/** @throws OAuthError `invalid_target` or `invalid_scope` when it is not registered, Unavailable */
export type FindResourceServer = (grant: Grant) => Promise<ResourceServer>

/** How long a record is used without being read again. */
const maxAgeMilliseconds = 60_000

/** A client can only make entries of audiences that it is granted. */
const maxEntries = 1000

interface Entry {
  readonly server: ResourceServer | undefined
  readonly readAt: Instant
}

/**
 * The resource servers as one execution environment knows them. A record that does not have what a grant needs is read
 * again, so that what was registered a moment ago is there; while the store is down the last good record serves.
 */
export class ResourceServerDirectory {
  readonly #read: (audience: string) => Promise<ResourceServer | undefined>
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(read: (audience: string) => Promise<ResourceServer | undefined>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  find: FindResourceServer = async grant => {
    const known = this.#entries.get(grant.audience)
    const isFresh = known !== undefined && elapsedSince(known.readAt, this.#clock) < maxAgeMilliseconds
    const server = isFresh && covers(known.server, grant) ? known.server : await this.#readAgain(grant, known)
    if (server === undefined) throw new OAuthError('resource_not_registered')
    if (!covers(server, grant)) throw new OAuthError('scope_not_registered')
    return server
  }

  async #readAgain({ audience }: Grant, known: Entry | undefined): Promise<ResourceServer | undefined> {
    const readAt = instant(this.#clock)
    try {
      const server = await this.#read(audience)
      if (this.#entries.size >= maxEntries) this.#entries.clear()
      this.#entries.set(audience, { server, readAt })
      return server
    } catch (error) {
      if (error instanceof Unavailable && known?.server !== undefined) return known.server
      throw error
    }
  }
}

function covers(server: ResourceServer | undefined, grant: Grant): boolean {
  return server !== undefined && grant.scope.every(scope => server.scopes.has(scope))
}
