import { describe, expect, it } from 'vitest'
import type { DeclaredClient } from '../../../../lambda/oauth/administration/declared-clients.ts'
import { declaredWorld, overlapSeconds, wider, withKeys } from '../support/declared-world.ts'
import { metadata } from '../support/fake-clients.ts'
import { nowSeconds } from '../support/token-maker.ts'

// A run is ended at each call of a store in turn, before that call and after it.
describe('a client that an app declares', () => {
  it.each<[string, Partial<DeclaredClient>]>([
    ['is registered', {}],
    ['is changed', wider],
  ])('comes to the same when a run that %s is cut off anywhere and repeated', async (_, changes) => {
    let cuts = 0
    for (let at = 1, isOver = false; !isOver; at++) {
      isOver = true
      for (const isAfter of [false, true]) {
        const world = declaredWorld()
        if (changes === wider) await world.declare()
        const before = world.stored()
        if (!(await world.cutOff(() => world.declare(changes, 'request-2'), at, isAfter))) continue
        isOver = false
        cuts++
        await world.declare(changes, 'request-2')
        const stored = world.read()
        expect(world.isAccepted(stored)).toBe(true)
        expect(stored.secret_id).toBe(before?.secret_id ?? stored.secret_id)
        expect([world.client()?.secrets.length, world.digests.size]).toEqual([1, 1])
        expect(world.client()).toMatchObject({ ...metadata, ...changes.metadata })
      }
    }
    expect(cuts).toBeGreaterThanOrEqual(16)
  })

  it('comes to the same when a run that gives it a new secret is cut off anywhere and repeated', async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      isOver = true
      for (const isAfter of [false, true]) {
        const world = declaredWorld()
        await world.declare()
        await world.declare(withKeys, 'request-2')
        const old = world.read()
        if (!(await world.cutOff(() => world.declare({}, 'request-3'), at, isAfter))) continue
        isOver = false
        await world.declare({}, 'request-3')
        const fresh = world.read()
        expect([fresh.secret_id === old.secret_id, world.isAccepted(fresh), world.isAccepted(old)]).toEqual([
          false,
          true,
          true,
        ])
        expect(world.client()?.secrets).toMatchObject([{ expiresAt: nowSeconds + overlapSeconds }, {}])
        expect(world.digests.size).toBe(2)
      }
    }
  })

  it('has the secret of a rotation that came before the repetition', async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      const world = declaredWorld()
      await world.declare()
      isOver = !(await world.cutOff(() => world.declare(wider, 'request-2'), at, true))
      await world.rotate(`rotation-${at}`)
      const rotated = world.read()
      await world.declare(wider, 'request-2')
      expect(world.read()).toMatchObject({ secret_id: rotated.secret_id, scope: 'orders:read orders:write' })
    }
  })

  it('leaves nothing that can be used when its registration is cut off anywhere and rolled back', async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      const world = declaredWorld()
      isOver = !(await world.cutOff(() => world.declare(), at, true))
      world.state.isWatched = false
      await world.withdraw()
      expect(world.digests.size).toBe(0)
      expect(world.client() ?? { status: 'disabled', secrets: [] }).toMatchObject({
        status: 'disabled',
        secrets: [],
      })
    }
  })

  it('comes to the same when its withdrawal is cut off anywhere and repeated', async () => {
    for (let at = 1, isOver = false; !isOver; at++) {
      isOver = true
      for (const isAfter of [false, true]) {
        const world = declaredWorld()
        await world.declare()
        world.state.isWatched = false
        if (!(await world.cutOff(() => world.withdraw(), at, isAfter))) continue
        isOver = false
        await world.withdraw()
        expect(world.client()).toMatchObject({ status: 'disabled', secrets: [], declaration: undefined })
        expect(world.revocations.at(-1)).toMatchObject({ revokedUpTo: nowSeconds + 5 })
      }
    }
  })
})
