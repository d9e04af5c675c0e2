import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { apiKeyWorld } from './support/api-key-world.ts'

const never = () => false
const finished = { missing: 0, leftOver: 0, failure: undefined }
const unavailable = new Unavailable('api_gateway')

describe('the key of one client', () => {
  it('is made, and put into every plan', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    await world.keeper().keep('a', ['one', 'two'])
    expect(world.writes()).toEqual(['create a', 'attach key1 one', 'attach key1 two'])
    expect(world.changes).toEqual(['create a'])
  })

  it('is put into the plans that lack it, and otherwise left alone', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    world.add('a', 'one')
    await world.keeper().keep('a', ['one', 'two'])
    await world.keeper().keep('a', ['one', 'two'])
    expect(world.writes()).toEqual(['attach key1 two'])
    expect(world.changes).toEqual([])
  })

  it('is removed when the client is gone, and that again does nothing', async () => {
    const world = apiKeyWorld()
    world.add('a', 'plan')
    await world.keeper().keep('a', ['plan'])
    await world.keeper().keep('a', ['plan'])
    expect(world.writes()).toEqual(['remove key1'])
    expect(world.changes).toEqual(['remove a'])
  })

  it('is not made where there is no plan, and then not removed either', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b'] })
    world.add('b')
    await world.keeper().keep('a', [])
    await world.keeper().keep('b', [])
    expect(world.writes()).toEqual([])
  })

  it('goes on after a failure where it stopped', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    world.fail('attach')
    await expect(world.keeper().keep('a', ['plan'])).rejects.toThrow(unavailable)
    world.before = () => {}
    await world.keeper().keep('a', ['plan'])
    expect(world.attached).toEqual(new Set(['key1 plan']))
    expect(world.changes).toEqual(['create a'])
  })

  it('is put into the other plans where one takes none', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    world.fail('attach key1 going')
    await expect(world.keeper().keep('a', ['going', 'plan'])).rejects.toThrow(unavailable)
    expect(world.attached).toEqual(new Set(['key1 plan']))
  })

  it('is not that of somebody else who has its value', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    world.takenValues.add('a')
    await world.keeper().keep('a', ['plan'])
    expect(world.writes()).toEqual(['create a'])
    expect([world.taken, world.changes]).toEqual([['a'], []])
  })
})

describe('the keys of all clients', () => {
  it('are completed, and those of clients that are gone removed', async () => {
    const world = apiKeyWorld({ plans: ['one', 'two'], clients: ['new', 'half', 'whole'] })
    world.add('half', 'one')
    world.add('whole', 'one', 'two')
    world.add('gone', 'one', 'two')
    expect(await world.keeper().keepAll(never)).toMatchObject(finished)
    expect(world.writes()).toEqual([
      'create new',
      'attach key4 one',
      'attach key4 two',
      'attach key1 two',
      'remove key3',
    ])
    expect(world.changes).toEqual(['create new', 'remove gone'])
  })

  it('are left as they are when nothing is to do', async () => {
    const world = apiKeyWorld({ clients: ['a'] })
    world.add('a', 'plan')
    await world.keeper().keepAll(never)
    expect(world.writes()).toEqual([])
  })

  it('are put into a plan that is not listed yet', async () => {
    const world = apiKeyWorld({ plans: [], clients: ['a'] })
    expect(await world.keeper().keepAll(never, 'new')).toMatchObject(finished)
    expect(world.attached).toEqual(new Set(['key1 new']))
  })

  it('stay where no plan is listed: an empty answer takes nobody the access', async () => {
    const world = apiKeyWorld({ plans: [], clients: ['a'] })
    world.add('a', 'plan')
    expect(await world.keeper().keepAll(never)).toMatchObject(finished)
    expect(world.writes()).toEqual([])
  })

  it('that are made while it looks are not taken for left over', async () => {
    const world = apiKeyWorld({ clients: [] })
    // The client and its key come after the keys were listed, or only the key is listed and the client comes then.
    world.add('early')
    world.before = call => {
      if (call === 'keysOfPlan plan') world.present.add('early')
    }
    await world.keeper().keepAll(never)
    expect(world.writes()).toEqual(['attach key1 plan'])
  })

  it('are asked about once more before they are removed: the client may be back', async () => {
    const world = apiKeyWorld()
    world.add('back')
    world.before = call => {
      if (call === 'has back') world.present.add('back')
    }
    expect(await world.keeper().keepAll(never)).toMatchObject(finished)
    expect(world.writes()).toEqual([])
  })

  it('are completed as far as the time goes, and the rest is counted', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b', 'c'] })
    world.add('gone')
    const isTimeUp = () => world.keys.size === 3
    expect(await world.keeper().keepAll(isTimeUp)).toMatchObject({
      missing: 1,
      leftOver: 1,
      failure: undefined,
    })
    expect(world.changes).toEqual(['create a', 'create b'])
    expect(await world.keeper().keepAll(never)).toMatchObject(finished)
    expect(world.keys.size).toBe(3)
  })

  it('are completed past a client that fails, which is counted', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b'] })
    world.fail('create a')
    expect(await world.keeper().keepAll(never)).toEqual({
      done: 1,
      missing: 1,
      leftOver: 0,
      failure: unavailable,
    })
    expect(world.changes).toEqual(['create b'])
  })

  it('are given up after five failures: it is not the clients then', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] })
    world.fail('create')
    expect(await world.keeper().keepAll(never)).toEqual({
      done: 0,
      missing: 7,
      leftOver: 0,
      failure: unavailable,
    })
    expect(world.writes()).toHaveLength(5)
  })

  it('count a client as missing whose value is taken, and nothing as failed', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b'] })
    world.takenValues.add('a')
    expect(await world.keeper().keepAll(never)).toMatchObject({ missing: 1, leftOver: 0, failure: undefined })
    expect([world.taken, world.changes]).toEqual([['a'], ['create b']])
  })

  it('are as they must be when two keepers do it at once', async () => {
    const clients = ['a', 'b', 'c']
    const world = apiKeyWorld({ plans: ['one', 'two'], clients })
    world.add('gone', 'one')
    const both = await Promise.all([world.keeper().keepAll(never), world.keeper().keepAll(never)])
    expect(both).toMatchObject([finished, finished])
    expect([...world.keys.keys()]).toEqual(clients)
    expect(world.attached).toEqual(
      new Set(['key1 one', ...['key2', 'key3', 'key4'].flatMap(key => [`${key} one`, `${key} two`])]),
    )
  })

  it('are completed in the other plans where one cannot be read or takes none: it is about to come or go', async () => {
    for (const call of ['keysOfPlan going', 'attach key1 going']) {
      const world = apiKeyWorld({ plans: ['going', 'plan'], clients: ['a'] })
      world.fail(call)
      expect(await world.keeper().keepAll(never, 'plan')).toMatchObject({ failure: unavailable })
      expect(world.attached).toEqual(new Set(['key1 plan']))
    }
  })

  it('are not taken for whole before a new plan can be read', async () => {
    const world = apiKeyWorld({ plans: ['plan'], clients: ['a'] })
    world.fail('keysOfPlan new')
    await expect(world.keeper().keepAll(never, 'new')).rejects.toThrow(unavailable)
  })

  it('are completed behind any number of clients that fail, but for five in a row', async () => {
    const clients = ['x1', 'x2', 'x3', 'a', 'x4', 'x5', 'x6', 'b']
    const world = apiKeyWorld({ clients })
    world.fail('create x')
    expect(await world.keeper().keepAll(never)).toMatchObject({ done: 2, missing: 6, failure: unavailable })
  })

  it('stay untouched when it cannot be seen what there is', async () => {
    for (const call of ['plans', 'keys', 'keysOfPlan', 'all']) {
      const world = apiKeyWorld({ clients: ['a'] })
      world.add('gone')
      world.fail(call)
      await expect(world.keeper().keepAll(never)).rejects.toThrow(unavailable)
      expect(world.writes()).toEqual([])
    }
  })
})

describe('when the last plan goes', () => {
  it('every key is removed', async () => {
    const world = apiKeyWorld({ clients: ['a', 'b'] })
    for (const clientId of ['a', 'b']) world.add(clientId, 'plan')
    expect(await world.keeper().removeAll('plan', never)).toMatchObject(finished)
    expect(world.changes).toEqual(['remove a', 'remove b'])
  })

  it('none is removed while another one is there', async () => {
    const world = apiKeyWorld({ plans: ['plan', 'other'], clients: ['a'] })
    world.add('a', 'plan', 'other')
    expect(await world.keeper().removeAll('plan', never)).toMatchObject(finished)
    expect(world.writes()).toEqual([])
  })

  it('what does not fit into the time is counted', async () => {
    const world = apiKeyWorld()
    for (const clientId of ['a', 'b', 'c']) world.add(clientId)
    const isTimeUp = () => world.keys.size === 1
    expect(await world.keeper().removeAll('plan', isTimeUp)).toMatchObject({ ...finished, leftOver: 1 })
  })
})
