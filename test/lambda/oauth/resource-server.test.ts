import { describe, expect, it } from 'vitest'
import { type ResourceServer, ResourceServerDirectory } from '../../../lambda/oauth/resource-server.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { virtualClock } from './support/fake-revocations.ts'
import { audience } from './support/token-maker.ts'

const server = (...scopes: string[]): ResourceServer => ({
  audience,
  scopes: new Set(scopes),
  accessTokenLifetimeSeconds: 120,
})
const grant = (...scope: string[]) => ({ audience, scope })

function newDirectory(first: ResourceServer | undefined) {
  const clock = virtualClock()
  const state: { stored: ResourceServer | undefined; isDown: boolean; reads: string[] } = {
    stored: first,
    isDown: false,
    reads: [],
  }
  const directory = new ResourceServerDirectory(async asked => {
    state.reads.push(asked)
    if (state.isDown) throw new Unavailable('store')
    return state.stored
  }, clock)
  return { directory, clock, state }
}

describe('the resource server of a grant', () => {
  it('is read once in a minute', async () => {
    const { directory, clock, state } = newDirectory(server('a', 'b'))
    expect(await directory.find(grant('a'))).toEqual(server('a', 'b'))
    clock.advance(59_999)
    await directory.find(grant('a', 'b'))
    expect(state.reads).toEqual([audience])
    clock.advance(1)
    await directory.find(grant('a'))
    expect(state.reads).toEqual([audience, audience])
  })

  it('is read again at once when it lacks a scope, which may have been registered since', async () => {
    const { directory, state } = newDirectory(server('a'))
    await directory.find(grant('a'))
    state.stored = server('a', 'b')
    expect(await directory.find(grant('a', 'b'))).toEqual(server('a', 'b'))
    expect(state.reads).toHaveLength(2)
  })

  it('must be registered, with every scope (RFC 8707 §2, RFC 6749 §3.3)', async () => {
    const { directory, state } = newDirectory(undefined)
    await expect(directory.find(grant('a'))).rejects.toMatchObject({ reason: 'resource_not_registered' })
    state.stored = server('a')
    await expect(directory.find(grant('a', 'b'))).rejects.toMatchObject({ reason: 'scope_not_registered' })
    expect(await directory.find(grant('a'))).toEqual(server('a'))
    expect(await directory.find(grant())).toEqual(server('a'))
  })

  it('is the last one known while the store is down, which does not add to its scopes', async () => {
    const { directory, clock, state } = newDirectory(server('a'))
    await directory.find(grant('a'))
    state.isDown = true
    clock.advance(60_000)
    expect(await directory.find(grant('a'))).toEqual(server('a'))
    await expect(directory.find(grant('b'))).rejects.toMatchObject({ reason: 'scope_not_registered' })
  })

  it('is an outage where it was never read, or was not registered when it was', async () => {
    const { directory, state } = newDirectory(undefined)
    state.isDown = true
    await expect(directory.find(grant('a'))).rejects.toBeInstanceOf(Unavailable)
    state.isDown = false
    await expect(directory.find(grant('a'))).rejects.toMatchObject({ reason: 'resource_not_registered' })
    state.isDown = true
    await expect(directory.find(grant('a'))).rejects.toBeInstanceOf(Unavailable)
  })

  it('is no other error of the store', async () => {
    const failure = new Error('bug')
    const directory = new ResourceServerDirectory(async () => {
      throw failure
    }, virtualClock())
    await expect(directory.find(grant('a'))).rejects.toBe(failure)
  })

  it('is remembered for at most a thousand audiences', async () => {
    const { directory, state } = newDirectory(server('a'))
    const at = (name: number) => directory.find({ audience: `urn:${name}`, scope: ['a'] })
    for (let name = 0; name < 1000; name++) await at(name)
    await at(0)
    expect(state.reads).toHaveLength(1000)
    await at(1000)
    await at(0)
    expect(state.reads).toHaveLength(1002)
  })
})
