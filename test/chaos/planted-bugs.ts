import { createHash } from 'node:crypto'
import type { AccessDecision } from '../../lambda/oauth/authorize.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import type { Milliseconds } from './history.ts'
import { noWrappers, type Wrappers } from './wrappers.ts'

/** Every how many revocations one is lost. */
const dropEvery = 1000

const cacheLifetime: Milliseconds = 60_000

/** The mistakes that others made, each made anew for a run. A harness that misses one is worth nothing. */
const bugs = {
  'drop 1/1000 revocations': () => {
    let count = 0
    return {
      writeRevocation: write => async revocation => {
        count += 1
        if (count % dropEvery !== 0) await write(revocation)
      },
    }
  },
  'revocation keyed by token hash': () => {
    const revoked = new Set<string>()
    const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
    return {
      writeRevocation: write => async revocation => {
        if (revocation.kind !== 'jti') await write(revocation)
      },
      revokeToken: revoke => async text => {
        const outcome = await revoke(text)
        if (outcome.result === 'ok') revoked.add(hashOf(text))
        return outcome
      },
      isRevoked: isRevoked => async (token, text) =>
        revoked.has(hashOf(text)) || (await isRevoked(token, text)),
      // As a lenient decoder does, which lets one token have many spellings.
      presentedToken: text => text.replace(/=+$/, ''),
    }
  },
  'skip consistent read': () => ({ revocationStore: (_, eventual) => eventual }),
  'cache allow 60 s': () => ({
    decide: (decide, time) => {
      const cache = new Map<string, { at: Milliseconds; decision: AccessDecision }>()
      return async (token, routeKey) => {
        const key = `${routeKey} ${token}`
        const cached = cache.get(key)
        if (cached !== undefined && time.now() - cached.at < cacheLifetime) return cached.decision
        const decision = await decide(token, routeKey)
        if (decision.outcome === 'allowed') cache.set(key, { at: time.now(), decision })
        return decision
      }
    },
  }),
  '200 on failed revoke': () => ({
    revokeToken: revoke => async text => {
      const outcome = await revoke(text)
      return outcome.result === 'unknown' ? { result: 'ok', value: true } : outcome
    },
  }),
  'ignore client.disabled': () => ({
    findClient: find => async subject => {
      const found = await find(subject)
      if (typeof found.client !== 'object') return found
      return { ...found, client: { ...found.client, status: 'active' } }
    },
  }),
  'non-namespaced jti': () => ({ assertionUse: (_, jti) => jti }),
  'fail-open on timeout': () => ({
    isRevoked: isRevoked => async (token, text) => {
      try {
        return await isRevoked(token, text)
      } catch (error) {
        if (error instanceof Unavailable) return false
        throw error
      }
    },
  }),
  'remove old kid early': () => ({
    verifierRing: ring => ring.filter(({ state }) => state !== 'retiring'),
  }),
  'prefix scope match': () => ({
    findClient: find => async subject => {
      const found = await find(subject)
      if (typeof found.client !== 'object') return found
      const grants = found.client.grants.map(({ resource, scope }) => ({
        resource,
        scope: simulatedScopes.filter(each => scope.some(granted => each.startsWith(granted))),
      }))
      return { ...found, client: { ...found.client, grants } }
    },
  }),
} satisfies Record<string, () => Partial<Wrappers>>

/** The scopes of the simulated API: one begins as another does. */
export const simulatedScopes = ['orders:read', 'orders:read:all', 'orders:write'] as const

export type PlantedBug = keyof typeof bugs

export const plantedBugs = Object.keys(bugs) as PlantedBug[]

export function isPlantedBug(name: string): name is PlantedBug {
  return Object.hasOwn(bugs, name)
}

/** The wrappers with one of the bugs; undefined = with none. */
export function wrappersWith(bug: PlantedBug | undefined): Wrappers {
  return bug === undefined ? noWrappers : { ...noWrappers, ...bugs[bug]() }
}
