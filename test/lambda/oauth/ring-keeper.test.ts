import { describe, expect, it } from 'vitest'
import type { RingPolicy } from '../../../lambda/oauth/keep-signing-keys.ts'
import type { Revocation } from '../../../lambda/oauth/revocation.ts'
import {
  type KeyMaker,
  type PendingKey,
  RingKeeper,
  type RingStore,
} from '../../../lambda/oauth/ring-keeper.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { publicationLeadSeconds, retirementSeconds } from '../../../lambda/oauth/signing-key-times.ts'
import { nowSeconds, signingKey } from './support/token-maker.ts'

const policy: RingPolicy = { algorithm: 'ES256', custody: 'kms', rotationSeconds: 86_400 }

/** A keeper over a ring in memory, which notes what is done in which order. */
function newKeeper(ring: readonly SigningKey[] = [], maker: Partial<KeyMaker> = {}) {
  const keys = new Map(ring.map(key => [key.kid, key]))
  const pending = new Map<string, PendingKey>()
  const done: string[] = []
  const revocations: Revocation[] = []
  let made = 0
  const change = (kid: string, changes: Partial<SigningKey>) => {
    const key = keys.get(kid)
    if (key !== undefined) keys.set(kid, { ...key, ...changes })
  }
  const store: RingStore = {
    readWithPending: async () => ({ keys: [...keys.values()], pending: [...pending.values()] }),
    putPending: async key => {
      done.push(`pending ${key.kid}`)
      pending.set(key.kid, key)
    },
    put: async key => void keys.set(key.kid, key),
    activate: async ({ kid }, signFrom) => change(kid, { state: 'active', signFrom }),
    retire: async ({ kid }, verifyUntil) => change(kid, { state: 'retiring', verifyUntil }),
    revoke: async ({ kid }, verifyUntil) => {
      done.push(`row revoked ${kid}`)
      change(kid, { state: 'revoked', verifyUntil })
    },
    remove: async ({ kid }) => {
      if (!pending.delete(kid)) keys.delete(kid)
    },
  }
  const keeper = new RingKeeper(
    {
      store,
      maker: {
        create: async createdAt => ({
          pending: { kid: `kms-${++made}`, kmsKeyArn: `arn-${made}`, createdAt },
        }),
        complete: async ({ kmsKeyArn }) => {
          const { algorithm, publicJwk, wrappedPrivateKey } = signingKey
          return { kid: `new-${kmsKeyArn}`, algorithm, publicJwk, kmsKeyArn, wrappedPrivateKey }
        },
        unusable: async () => new Set(),
        destroy: async ({ kid }) => void done.push(`destroyed ${kid}`),
        ...maker,
      },
      writeRevocation: async revocation => {
        done.push(`revocation ${revocation.kind}`)
        revocations.push(revocation)
      },
      now: () => nowSeconds,
      onChange: (what, kid) => done.push(`${what} ${kid}`),
      onUnusable: kids => done.push(`unusable ${[...kids].join(' ')}`),
    },
    policy,
  )
  return { keeper, keys, pending, done, revocations }
}

const longAgo = nowSeconds - publicationLeadSeconds
const active: SigningKey = { ...signingKey, kid: 'active', createdAt: longAgo, signFrom: longAgo }
const standby: SigningKey = { ...active, kid: 'standby', state: 'standby', signFrom: undefined }

describe('a keeper', () => {
  it('makes an empty ring one of a key that signs and a key that waits, step by step', async () => {
    const { keeper, keys, done, pending } = newKeeper()
    await keeper.keep()
    expect(done).toEqual(['pending kms-1', 'create new-arn-1', 'pending kms-2', 'create new-arn-2'])
    expect([...keys.values()].map(({ state, createdAt, signFrom }) => [state, createdAt, signFrom])).toEqual([
      ['active', nowSeconds, nowSeconds],
      ['standby', nowSeconds, undefined],
    ])
    expect([pending.size, await keeper.isWaiting()]).toEqual([0, false])
    await keeper.keep()
    expect(done).toHaveLength(4)
  })

  it('puts a key pair that is complete at once without a pending row', async () => {
    const { algorithm, publicJwk, kmsKeyArn } = signingKey
    const key = { kid: 'pair', algorithm, publicJwk, kmsKeyArn, wrappedPrivateKey: undefined }
    const { keeper, done } = newKeeper([active], { create: async () => ({ key }) })
    await keeper.keep()
    expect(done).toEqual(['create pair'])
  })

  it('goes on with a key that another run has left pending, and forgets one that is gone', async () => {
    const left = newKeeper([active])
    left.pending.set('kms-0', { kid: 'kms-0', kmsKeyArn: 'arn-0', createdAt: 1 })
    expect(await left.keeper.isWaiting()).toBe(true)
    await left.keeper.keep()
    expect([left.done, left.pending.size]).toEqual([['create new-arn-0'], 0])
    let completions = 0
    const gone = newKeeper([active], {
      complete: async ({ kid, kmsKeyArn }) => {
        if (completions++ === 0) return 'gone'
        return { ...standby, kid, kmsKeyArn }
      },
    })
    gone.pending.set('kms-0', { kid: 'kms-0', kmsKeyArn: 'arn-0', createdAt: 1 })
    await gone.keeper.keep()
    expect([gone.done, gone.pending.size]).toEqual([['pending kms-1', 'create kms-1'], 0])
  })

  it('has a key destroyed before it forgets it, and says what it did', async () => {
    const old: SigningKey = { ...active, kid: 'old', state: 'retiring', verifyUntil: nowSeconds }
    const { keeper, keys, done } = newKeeper([old, active, standby])
    await keeper.keep()
    expect([done, [...keys.keys()]]).toEqual([
      ['destroyed old', 'remove old'],
      ['active', 'standby'],
    ])
  })

  it('tells of keys that KMS does not use, and asks about those that sign or wait alone', async () => {
    const asked: string[] = []
    const retiring: SigningKey = { ...active, kid: 'old', state: 'retiring', verifyUntil: nowSeconds + 9 }
    const { keeper, done } = newKeeper([active, standby, retiring], {
      unusable: async keys => {
        asked.push(...keys.map(({ kid }) => kid))
        return new Set(['active'])
      },
    })
    await keeper.keep()
    expect(asked).toEqual(['active', 'standby'])
    expect(done).toEqual([
      'unusable active',
      'activate standby',
      'retire active',
      'pending kms-1',
      'create new-arn-1',
    ])
  })

  it('gives up where its changes do not last', async () => {
    const { keeper } = newKeeper([active], { complete: async () => 'gone' })
    await expect(keeper.keep()).rejects.toThrow('still needs changes after 20')
  })

  it('shows the keys in the order of their making', async () => {
    const { keeper } = newKeeper([
      { ...standby, createdAt: 2 },
      { ...active, createdAt: 1 },
    ])
    expect((await keeper.keys()).map(({ kid }) => kid)).toEqual(['active', 'standby'])
  })
})

describe('a rotation that is asked for', () => {
  it('has the standby key sign at once', async () => {
    const { keeper, keys, done } = newKeeper([active, standby])
    expect([await keeper.rotate(), done]).toEqual([0, ['activate standby']])
    expect(keys.get('standby')).toMatchObject({ state: 'active', signFrom: nowSeconds })
  })

  it('says how long to wait for a key that verifiers may not know, and changes nothing', async () => {
    const young = newKeeper([active, { ...standby, createdAt: longAgo + 7 }])
    expect([await young.keeper.rotate(), young.done]).toEqual([7, []])
    const none = newKeeper([active])
    expect([await none.keeper.rotate(), none.done]).toEqual([publicationLeadSeconds, []])
  })
})

describe('the revocation of a key', () => {
  it('has another one sign first, then ends the key, then records its revocation', async () => {
    const { keeper, keys, done, revocations } = newKeeper([active, standby])
    expect(await keeper.revoke('active')).toBe(true)
    expect(done).toEqual(['activate standby', 'row revoked active', 'revocation kid', 'revoke active'])
    const verifyUntil = nowSeconds + retirementSeconds
    expect(keys.get('active')).toMatchObject({ state: 'revoked', verifyUntil })
    // It outlives the last token that a copy of the ring may still have it sign.
    expect(revocations).toEqual([{ kind: 'kid', kid: 'active', expiresAt: verifyUntil + 80 }])
  })

  it('of one that does not sign leaves the one that does, and of nobody is none', async () => {
    const { keeper, keys, done } = newKeeper([active, standby])
    await keeper.revoke('standby')
    expect(keys.get('active')).toEqual(active)
    expect(await keeper.revoke('nobody')).toBe(false)
    expect(done).toEqual(['row revoked standby', 'revocation kid', 'revoke standby'])
  })

  it('goes ahead where there is no other key: a leaked one is worse than none', async () => {
    const { keeper, keys } = newKeeper([active])
    expect(await keeper.revoke('active')).toBe(true)
    expect(keys.get('active')?.state).toBe('revoked')
  })
})
