import { ApiKeyKeeper, type ApiKeyStore } from '../../../../lambda/oauth/api-key-keeper.ts'
import { Unavailable } from '../../../../lambda/oauth/unavailable.ts'

/** API Gateway and the clients of a server, in memory; each call can be made to fail, or to have something happen first. */
export function apiKeyWorld({ plans = ['plan'], clients = [] as string[] } = {}) {
  const keys = new Map<string, string>()
  const attached = new Set<string>()
  const present = new Set(clients)
  const calls: string[] = []
  const changes: string[] = []
  const taken: string[] = []
  const takenValues = new Set<string>()
  let made = 0
  const world = {
    plans,
    keys,
    attached,
    present,
    calls,
    changes,
    taken,
    takenValues,
    /** Told of each call before it is made: may change the world, or throw in its place. */
    before: (_call: string): void => {},
    /** Fails every call that begins like this. */
    fail(prefix: string) {
      world.before = call => {
        if (call.startsWith(prefix)) throw new Unavailable('api_gateway')
      }
    },
    /** What was written, and nothing that was read. */
    writes: () => calls.filter(call => /^(create|attach|remove) /.test(call)),
    /** A key that is there and in these plans. */
    add(clientId: string, ...inPlans: string[]): string {
      const keyId = `key${++made}`
      keys.set(clientId, keyId)
      for (const plan of inPlans) attached.add(`${keyId} ${plan}`)
      return keyId
    },
    keeper: (): ApiKeyKeeper => keeper,
  }
  const call = async <T>(name: string, answer: () => T): Promise<T> => {
    calls.push(name)
    world.before(name)
    return answer()
  }
  const store: ApiKeyStore = {
    plans: () => call('plans', () => world.plans),
    keys: () => call('keys', () => new Map(keys)),
    keysOfPlan: planId =>
      call(
        `keysOfPlan ${planId}`,
        () => new Set([...keys.values()].filter(keyId => attached.has(`${keyId} ${planId}`))),
      ),
    find: clientId => call(`find ${clientId}`, () => keys.get(clientId)),
    create: clientId =>
      call(`create ${clientId}`, () =>
        takenValues.has(clientId) ? 'taken' : (keys.get(clientId) ?? world.add(clientId)),
      ),
    isAttached: (keyId, planId) => call(`isAttached ${keyId}`, () => attached.has(`${keyId} ${planId}`)),
    attach: (keyId, planId) =>
      call(`attach ${keyId} ${planId}`, () => void attached.add(`${keyId} ${planId}`)),
    remove: keyId =>
      call(`remove ${keyId}`, () => {
        for (const [clientId, id] of keys) if (id === keyId) keys.delete(clientId)
      }),
  }
  const keeper = new ApiKeyKeeper({
    store,
    clients: {
      has: clientId => call(`has ${clientId}`, () => present.has(clientId)),
      all: () => call('all', () => new Set(present)),
    },
    onChange: (change, clientId) => changes.push(`${change} ${clientId}`),
    onTaken: clientId => taken.push(clientId),
  })
  return world
}
