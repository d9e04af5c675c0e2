import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../lambda/oauth/unavailable.ts'
import { metadata, newAdministration } from '../support/fake-clients.ts'
import { nowSeconds } from '../support/token-maker.ts'

async function withClient() {
  const fake = newAdministration()
  const created = await fake.administration.create(metadata)
  const issued = { ...created, secretId: created.client.secrets[0]?.secretId ?? '' }
  fake.writes.length = 0
  const clientId = issued.client.clientId
  const stored = () => {
    const client = fake.clients.get(clientId)
    if (client === undefined) throw new Error('no client')
    return client
  }
  return { ...fake, issued, clientId, stored }
}

describe('a moment', () => {
  it('is told to the authorizers exactly as the client has it', async () => {
    const { administration, clientId, revocations, stored, clock } = await withClient()
    for (const step of [0, 0, 1, 999, 60_000]) {
      clock.advance(step)
      const moment = await administration.revokeTokens(clientId)
      expect(moment).toBe(stored().tokensRevokedUpTo)
      expect(revocations.at(-1)).toEqual({
        kind: 'client',
        clientId,
        revokedUpTo: moment,
        expiresAt: moment + 3680,
      })
    }
  })

  it('only ever grows, also when the clock is put back', async () => {
    const { administration, clientId, clock } = await withClient()
    const first = await administration.revokeTokens(clientId)
    clock.jumpWall(-3_600_000)
    expect(await administration.revokeTokens(clientId)).toBe(first + 1)
  })

  it('stays when the client is enabled: tokens from before stay revoked', async () => {
    const { administration, clientId, stored, revocations } = await withClient()
    await administration.disable(clientId)
    const enabled = await administration.enable(clientId)
    expect(enabled).toEqual(stored())
    expect(enabled).toMatchObject({ status: 'active', tokensRevokedUpTo: nowSeconds + 5, version: 3 })
    // Enabling tells the authorizers again: the disabling may have been cut off before it did.
    expect(revocations).toEqual([revocations[0], revocations[0]])
  })
})

describe('half of a change', () => {
  it('disables the client: its revocation is repeated with the moment that is stored', async () => {
    const { administration, clientId, stored, state, revocations, writes, clock } = await withClient()
    state.isRevocationsDown = true
    await expect(administration.disable(clientId)).rejects.toEqual(new Unavailable('store'))
    expect(stored()).toMatchObject({ status: 'disabled', tokensRevokedUpTo: nowSeconds + 5, version: 2 })
    state.isRevocationsDown = false
    clock.advance(30_000)
    expect(await administration.disable(clientId)).toEqual(stored())
    expect(revocations).toMatchObject([{ revokedUpTo: nowSeconds + 5 }])
    expect(writes).toEqual(['client', 'revocation'])
  })

  it('deletes the client: repeating it completes the revocation and changes no tombstone', async () => {
    const { administration, clientId, stored, state, revocations } = await withClient()
    state.isRevocationsDown = true
    await expect(administration.delete(clientId)).rejects.toEqual(new Unavailable('store'))
    const tombstone = stored()
    state.isRevocationsDown = false
    await administration.delete(clientId)
    await administration.delete(clientId)
    expect(stored()).toBe(tombstone)
    expect(revocations).toEqual(Array(2).fill(revocations[0]))
    expect(revocations[0]).toMatchObject({ clientId, revokedUpTo: tombstone.tokensRevokedUpTo })
  })
})

describe('a change of nothing', () => {
  it('writes nothing: a client that is enabled already stays at its version', async () => {
    const { administration, clientId, stored, writes } = await withClient()
    expect(await administration.enable(clientId)).toMatchObject({ status: 'active', version: 1 })
    expect([writes, stored().version]).toEqual([[], 1])
  })

  it('is what an unknown client and a refused one leave', async () => {
    const { administration, writes, clientId } = await withClient()
    const absent = { code: 'not_found', status: 404, detail: 'there is no such client' }
    const update = { ...metadata, version: 1 }
    await expect(administration.update('unknown', update)).rejects.toMatchObject(absent)
    await expect(administration.addSecret('unknown', 0)).rejects.toMatchObject(absent)
    await expect(administration.removeSecret('unknown', 'x')).rejects.toMatchObject(absent)
    await expect(administration.update(clientId, { ...update, version: 2 })).rejects.toMatchObject({
      code: 'conflict',
      detail: 'the client was changed meanwhile: read it again and repeat the change on its current version',
    })
    expect(writes).toEqual([])
  })
})

describe('secrets', () => {
  it('never live longer for another: the earlier end counts', async () => {
    const { administration, clientId, issued, clock } = await withClient()
    const second = await administration.addSecret(clientId, 60)
    await administration.removeSecret(clientId, second.secretId)
    clock.advance(10_000)
    const third = await administration.addSecret(clientId, 3600)
    expect(third.client.secrets).toMatchObject([
      { secretId: issued.secretId, expiresAt: nowSeconds + 60 },
      { secretId: third.secretId, createdAt: nowSeconds + 10, expiresAt: undefined },
    ])
  })

  it('overlap by no time at all when that is wanted: the old one ends in this second', async () => {
    const { administration, clientId } = await withClient()
    const { client } = await administration.addSecret(clientId, 0)
    expect(client.secrets.map(({ expiresAt }) => expiresAt)).toEqual([nowSeconds, undefined])
  })

  it('are added once however many changes come first, and their text stays the one told', async () => {
    const { administration, clientId, clients, state, stored, digests } = await withClient()
    let races = 3
    state.beforeReplace = () => {
      if (races-- > 0) clients.set(clientId, { ...stored(), version: stored().version + 1 })
    }
    const added = await administration.addSecret(clientId, 60)
    expect(added.client).toEqual(stored())
    expect(added.client.version).toBe(5)
    expect([...digests.keys()].filter(secretId => secretId === added.secretId)).toHaveLength(1)
    expect(stored().secrets).toHaveLength(2)
  })

  it('are added once when the answer to the write was lost', async () => {
    const { administration, clientId, state, stored, writes } = await withClient()
    state.isAnswerLost = true
    const added = await administration.addSecret(clientId, 60)
    expect(added.client).toEqual(stored())
    expect(stored().secrets.map(({ secretId }) => secretId)).toContain(added.secretId)
    expect([stored().secrets.length, stored().version, writes]).toEqual([2, 2, ['client']])
  })

  it('are not added to a client that became full meanwhile', async () => {
    const { administration, clientId, clients, state, stored, digests } = await withClient()
    state.beforeReplace = () => {
      const other = { secretId: 'other', createdAt: nowSeconds, expiresAt: undefined }
      clients.set(clientId, { ...stored(), version: 2, secrets: [...stored().secrets, other] })
    }
    await expect(administration.addSecret(clientId, 60)).rejects.toMatchObject({ code: 'too_many_secrets' })
    expect(digests.size).toBe(1)
  })
})
