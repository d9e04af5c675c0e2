import { describe, expect, it } from 'vitest'
import { clientId, declaredWorld, overlapSeconds, secretArn, steps } from '../support/declared-world.ts'
import { nowSeconds } from '../support/token-maker.ts'

/** A world with a declared client, and the credentials that programs have read. */
async function declaredClient() {
  const world = declaredWorld()
  await world.declare()
  return { ...world, old: world.read() }
}

/** What a whole rotation comes to, however it went. */
function expectRotated(world: Awaited<ReturnType<typeof declaredClient>>) {
  const { old, clock } = world
  const fresh = world.read()
  expect([fresh.client_id, fresh.secret_id === old.secret_id]).toEqual([clientId, false])
  expect(world.stored('AWSPREVIOUS')).toEqual(old)
  expect(world.stored('AWSPENDING')).toEqual(fresh)
  expect(world.client()?.secrets).toEqual([
    { secretId: old.secret_id, createdAt: nowSeconds, expiresAt: nowSeconds + overlapSeconds },
    { secretId: fresh.secret_id, createdAt: nowSeconds, expiresAt: undefined },
  ])
  expect([...world.digests.keys()].sort()).toEqual([old.secret_id, fresh.secret_id].sort())
  clock.advance((overlapSeconds - 1) * 1000)
  expect([world.isAccepted(old), world.isAccepted(fresh)]).toEqual([true, true])
  clock.advance(1000)
  expect([world.isAccepted(old), world.isAccepted(fresh)]).toEqual([false, true])
}

describe('the rotation of a declared client’s secret', () => {
  it('adds one, makes it the current one, and ends the older one after the overlap', async () => {
    const world = await declaredClient()
    await world.rotate('v2')
    expectRotated(world)
  })

  it('keeps what else is stored, members of other people included', async () => {
    const world = await declaredClient()
    const value = JSON.stringify({ ...world.old, note: 'ours' })
    world.setVersions(version => ({ ...version, value }))
    await world.rotate('v2')
    const { client_secret, secret_id, ...members } = world.old
    expect(world.stored()).toMatchObject({ ...members, note: 'ours' })
  })

  it('comes to the same when each step is repeated', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    for (const step of steps) for (let time = 0; time < 3; time++) await world.step(step, 'v2')
    expectRotated(world)
  })

  it('gives the older one no longer time when the last step is repeated later, with the label gone or not', async () => {
    const world = await declaredClient()
    await world.rotate('v2')
    const secrets = world.client()?.secrets
    world.clock.advance(300_000)
    await world.step('finishSecret', 'v2')
    world.setVersions(version => ({
      ...version,
      stages: version.stages.filter(each => each !== 'AWSPENDING'),
    }))
    await world.step('finishSecret', 'v2')
    expect(world.client()?.secrets).toEqual(secrets)
  })

  it('goes on when a deployment without an overlap came in between', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    await world.step('createSecret', 'v2')
    await world.step('setSecret', 'v2')
    await world.declare({ declaration: { secret: { arn: secretArn, overlapSeconds: 0 } } }, 'request-2')
    for (const step of steps) await world.step(step, 'v2')
    const fresh = world.read()
    expect([
      fresh.secret_id === world.old.secret_id,
      world.isAccepted(fresh),
      world.isAccepted(world.old),
    ]).toEqual([false, true, false])
  })

  it('comes to the same when each step runs several times at once', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    for (const step of steps) {
      const runs = await Promise.allSettled([1, 2, 3].map(() => world.step(step, 'v2')))
      // One of them may find that another has moved the label.
      expect(runs.some(({ status }) => status === 'fulfilled')).toBe(true)
      await world.step(step, 'v2')
    }
    expectRotated(world)
  })

  it.each(steps)('comes to the same when %s is cut off anywhere and all is repeated', async step => {
    let cuts = 0
    for (let at = 1, isOver = false; !isOver; at++) {
      isOver = true
      for (const isAfter of [false, true]) {
        const world = await declaredClient()
        world.beginRotation('v2')
        for (const before of steps.slice(0, steps.indexOf(step))) await world.step(before, 'v2')
        if (!(await world.cutOff(() => world.step(step, 'v2'), at, isAfter))) continue
        isOver = false
        cuts++
        for (const each of steps) await world.step(each, 'v2')
        expectRotated(world)
      }
    }
    expect(cuts).toBeGreaterThanOrEqual(6)
  })

  it('may be given up at any step and begun anew: nothing that it left is in the way', async () => {
    for (const until of steps) {
      const world = await declaredClient()
      world.beginRotation('v2')
      for (const step of steps.slice(0, steps.indexOf(until))) await world.step(step, 'v2')
      await world.rotate('v3')
      expectRotated(world)
    }
  })

  it('once more during the overlap ends the oldest secret: a client has two', async () => {
    const world = await declaredClient()
    await world.rotate('v2')
    const second = world.stored()
    await world.rotate('v3')
    const third = world.stored()
    expect([world.old, second, third].map(each => each !== undefined && world.isAccepted(each))).toEqual([
      false,
      true,
      true,
    ])
    expect(world.digests.size).toBe(2)
  })

  it('never makes a secret current that the client does not have', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    await world.step('createSecret', 'v2')
    for (const step of ['testSecret', 'finishSecret'] as const)
      await expect(world.step(step, 'v2')).rejects.toMatchObject({ reason: 'secret_not_accepted' })
    expect(world.stored()).toEqual(world.old)
  })

  it('stops where the server cannot be asked, and goes on later', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    await world.step('createSecret', 'v2')
    await world.step('setSecret', 'v2')
    world.state.isReachable = false
    await expect(world.step('testSecret', 'v2')).rejects.toMatchObject({ reason: 'endpoint_unavailable' })
    world.state.isReachable = true
    for (const step of steps) await world.step(step, 'v2')
    expectRotated(world)
  })

  it('of a client that an administrator has disabled works, and tests nothing', async () => {
    const world = await declaredClient()
    await world.administration.disable(clientId)
    world.state.isWatched = false
    await world.rotate('v2')
    expect(world.stored()?.secret_id).not.toBe(world.old.secret_id)
    expect(world.client()?.status).toBe('disabled')
  })

  it('after an administrator removed the secret brings programs a new one', async () => {
    const world = await declaredClient()
    await world.administration.removeSecret(clientId, world.old.secret_id)
    world.state.isWatched = false
    await world.rotate('v2')
    const fresh = world.stored()
    expect(fresh && world.isAccepted(fresh)).toBe(true)
    expect(world.client()?.secrets).toHaveLength(1)
  })

  it('brings back no secret that an administrator has removed, when a step is repeated', async () => {
    const world = await declaredClient()
    await world.rotate('v2')
    await world.administration.removeSecret(clientId, world.read().secret_id)
    world.state.isWatched = false
    await world.step('createSecret', 'v2')
    await world.step('setSecret', 'v2')
    expect(world.isAccepted(world.read())).toBe(false)
    await expect(world.step('finishSecret', 'v2')).rejects.toMatchObject({ reason: 'secret_not_accepted' })
  })

  it('is tried out with the current secret when its schedule is made', async () => {
    const world = await declaredClient()
    world.beginRotation('trial')
    await world.step('testSecret', 'trial')
    expect(world.stored()).toEqual(world.old)
  })

  it('goes on with no version that Secrets Manager has not labelled', async () => {
    const world = await declaredClient()
    await world.rotate('v2')
    await world.rotate('v3')
    for (const versionId of ['v2', 'unknown'])
      await expect(world.step('createSecret', versionId)).rejects.toMatchObject({
        reason: 'version_not_pending',
      })
    world.beginRotation('v4')
    await expect(world.step('dance' as 'setSecret', 'v4')).rejects.toMatchObject({ reason: 'no_secret' })
    await world.step('createSecret', 'v4')
    await expect(world.step('dance' as 'setSecret', 'v4')).rejects.toMatchObject({ reason: 'unknown_step' })
  })

  it('gets whoever can write to one secret no other client’s', async () => {
    const world = await declaredClient()
    const other = `${secretArn}2`
    const record = world.secrets.get(secretArn)
    if (record === undefined) throw new Error('nothing is stored')
    const pending = { versionId: 'v2', createdAt: 0, stages: ['AWSPENDING'] }
    world.secrets.set(other, { ...record, arn: other, versions: [...record.versions, pending] })
    for (const step of steps)
      await expect(world.step(step, 'v2', other)).rejects.toMatchObject({ reason: 'secret_of_other_client' })
    expect(world.client()?.secrets).toHaveLength(1)
  })

  it('takes no pending secret of another client', async () => {
    const world = await declaredClient()
    world.beginRotation('v2')
    await world.step('createSecret', 'v2')
    const value = JSON.stringify({ ...world.stored('AWSPENDING'), client_id: 'b'.repeat(32) })
    world.setVersions(version => (version.versionId === 'v2' ? { ...version, value } : version))
    await expect(world.step('setSecret', 'v2')).rejects.toMatchObject({ reason: 'no_secret' })
  })

  it.each(['', 'x', '[]', '{}', 'null', '{"client_id":1}'])(
    'says nothing of a stored value that is none: %j',
    async value => {
      const world = await declaredClient()
      const record = world.secrets.get(secretArn)
      if (record !== undefined)
        world.secrets.set(secretArn, {
          ...record,
          versions: record.versions.map(each => ({ ...each, value })),
        })
      world.state.isWatched = false
      world.beginRotation('v2')
      const refused = world.step('createSecret', 'v2')
      await expect(refused).rejects.toMatchObject({
        name: 'MalformedRecord',
        message: expect.stringMatching(/^the stored secret (is not a JSON object|has no client_id)$/),
      })
    },
  )
})
