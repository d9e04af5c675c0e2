import { describe, expect, it } from 'vitest'
import { digestSecret } from '../../../../lambda/oauth/client-secret.ts'
import { Unavailable } from '../../../../lambda/oauth/unavailable.ts'
import { metadata, newAdministration } from '../support/fake-clients.ts'
import { audience, nowSeconds } from '../support/token-maker.ts'

async function withClient() {
  const fake = newAdministration()
  const created = await fake.administration.create(metadata)
  const issued = { ...created, secretId: created.client.secrets[0]?.secretId ?? '' }
  fake.writes.length = 0
  return { ...fake, issued, clientId: issued.client.clientId }
}

describe('registration', () => {
  it('makes an identifier and a secret of which only the digest is stored (RFC 7591 §3.2.1)', async () => {
    const { issued, digests, clients } = await withClient()
    expect(issued.client.clientId).toMatch(/^[0-9a-f]{32}$/)
    expect(issued.clientSecret).toMatch(/^ctsn_[\w-]{49}$/)
    expect(digests.get(issued.secretId)).toEqual(digestSecret(issued.clientSecret ?? ''))
    expect(JSON.stringify([...clients])).not.toContain(issued.clientSecret)
    expect(issued.client).toMatchObject({ ...metadata, status: 'active', version: 1, createdAt: nowSeconds })
  })
})

describe('what a client is granted', () => {
  it('is looked for among the resource servers that it names, and no others', async () => {
    const { administration, asked } = newAdministration()
    const own = { ...metadata, resourceServer: audience }
    await administration.create(metadata)
    await administration.create(own)
    expect(asked).toEqual([[audience], [audience, audience]])
  })
})

describe('an update', () => {
  it('replaces the metadata on the version that it names, and on no other (RFC 7592 §2.2)', async () => {
    const { administration, clientId } = await withClient()
    const updated = await administration.update(clientId, { ...metadata, clientName: 'new', version: 1 })
    expect(updated).toMatchObject({ clientName: 'new', version: 2 })
    const stale = administration.update(clientId, { ...metadata, clientName: 'late', version: 1 })
    await expect(stale).rejects.toMatchObject({ code: 'conflict', status: 409 })
  })

  it('on a version that was not read is a conflict, even where another change makes it that version', async () => {
    const { administration, clientId, clients, state } = await withClient()
    state.beforeReplace = () => {
      const current = clients.get(clientId)
      if (current !== undefined) clients.set(clientId, { ...current, clientName: 'other', version: 2 })
    }
    const update = administration.update(clientId, { ...metadata, version: 2 })
    await expect(update).rejects.toMatchObject({ code: 'conflict' })
  })

  it('is a conflict when another change comes between reading and writing', async () => {
    const { administration, clientId, clients, state } = await withClient()
    state.beforeReplace = () => {
      const current = clients.get(clientId)
      if (current !== undefined) clients.set(clientId, { ...current, version: 9 })
    }
    const update = administration.update(clientId, { ...metadata, version: 1 })
    await expect(update).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('disabling, deleting and revoking', () => {
  it.each(['disable', 'delete', 'revokeTokens'] as const)(
    '%s writes the client first, the revocation second',
    async operation => {
      const { administration, clientId, clients, writes, revocations } = await withClient()
      await administration[operation](clientId)
      expect(writes).toEqual(['client', 'revocation'])
      const moment = nowSeconds + 5
      expect(clients.get(clientId)?.tokensRevokedUpTo).toBe(moment)
      expect(revocations).toEqual([
        { kind: 'client', clientId, revokedUpTo: moment, expiresAt: moment + 3600 + 80 },
      ])
    },
  )

  it.each(['disable', 'delete', 'revokeTokens'] as const)(
    '%s fails when only half is written, and repeating it completes it',
    async operation => {
      const { administration, clientId, revocations, state } = await withClient()
      state.isRevocationsDown = true
      await expect(administration[operation](clientId)).rejects.toBeInstanceOf(Unavailable)
      state.isRevocationsDown = false
      await administration[operation](clientId)
      expect(revocations).toMatchObject([{ kind: 'client', clientId }])
    },
  )

  it('never leaves a token alive that was issued between two of them in one second', async () => {
    const { administration, clientId, clients } = await withClient()
    for (let round = 0; round < 4; round++) {
      const issuedAt = Math.max(nowSeconds, (clients.get(clientId)?.tokensRevokedUpTo ?? 0) + 1)
      await administration.disable(clientId)
      await administration.enable(clientId)
      expect(clients.get(clientId)?.tokensRevokedUpTo).toBeGreaterThanOrEqual(issuedAt)
    }
  })

  it('leaves the moment of a client that is disabled already, but tells the authorizers again', async () => {
    const { administration, clientId, writes, clients } = await withClient()
    await administration.disable(clientId)
    const moment = clients.get(clientId)?.tokensRevokedUpTo
    await administration.disable(clientId)
    expect(clients.get(clientId)?.tokensRevokedUpTo).toBe(moment)
    expect(writes).toEqual(['client', 'revocation', 'revocation'])
  })

  it('completes a disabling that was cut off when the client is enabled, so that old tokens stay refused', async () => {
    const { administration, clientId, revocations, state } = await withClient()
    state.isRevocationsDown = true
    await expect(administration.disable(clientId)).rejects.toBeInstanceOf(Unavailable)
    await expect(administration.enable(clientId)).rejects.toBeInstanceOf(Unavailable)
    state.isRevocationsDown = false
    expect(await administration.enable(clientId)).toMatchObject({ status: 'active' })
    expect(revocations).toMatchObject([{ kind: 'client', clientId, revokedUpTo: nowSeconds + 5 }])
  })

  it('completes a deletion that another one began and did not finish', async () => {
    const { administration, clientId, clients, revocations, state } = await withClient()
    state.beforeReplace = () => {
      const current = clients.get(clientId)
      if (current?.status === 'active') {
        clients.set(clientId, {
          ...current,
          status: 'deleted',
          version: 2,
          tokensRevokedUpTo: nowSeconds + 5,
        })
      }
    }
    await administration.delete(clientId)
    expect(revocations).toMatchObject([{ kind: 'client', clientId, revokedUpTo: nowSeconds + 5 }])
  })

  it('leaves a tombstone without secrets: nothing finds the client any more', async () => {
    const { administration, clientId, clients, digests } = await withClient()
    await administration.delete(clientId)
    expect(clients.get(clientId)).toMatchObject({ status: 'deleted', secrets: [] })
    expect(digests.size).toBe(0)
    for (const operation of ['show', 'enable', 'disable', 'revokeTokens'] as const) {
      await expect(administration[operation](clientId)).rejects.toMatchObject({
        code: 'not_found',
        status: 404,
      })
    }
    await expect(administration.delete('unknown')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('makes its change on the newest version when others come first, and gives up after five', async () => {
    const { administration, clientId, clients, state } = await withClient()
    let races = 4
    state.beforeReplace = () => {
      const current = clients.get(clientId)
      if (current !== undefined && races-- > 0)
        clients.set(clientId, { ...current, version: current.version + 1 })
    }
    expect(await administration.disable(clientId)).toMatchObject({ status: 'disabled', version: 6 })
    races = 5
    await expect(administration.enable(clientId)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('secrets', () => {
  it('overlap for as long as wanted; a third is refused, naming the one to remove', async () => {
    const { administration, clientId, issued, clock, digests } = await withClient()
    const second = await administration.addSecret(clientId, 3600)
    expect(second.client.secrets).toMatchObject([
      { secretId: issued.secretId, expiresAt: nowSeconds + 3600 },
      { secretId: second.secretId, expiresAt: undefined },
    ])
    await expect(administration.addSecret(clientId, 3600)).rejects.toMatchObject({
      code: 'too_many_secrets',
      detail: `the client has two live secrets, ${issued.secretId} and ${second.secretId}: remove one first, the older is ${issued.secretId}`,
    })
    clock.advance(3_600_000)
    const third = await administration.addSecret(clientId, 0)
    expect(third.client.secrets.map(({ secretId }) => secretId)).toEqual([second.secretId, third.secretId])
    expect([...digests.keys()]).toEqual([second.secretId, third.secretId])
  })

  it('are told apart by when they were made, also when the clock was put back in between', async () => {
    const { administration, clientId, issued, clock } = await withClient()
    clock.jumpWall(-60_000)
    const { secretId } = await administration.addSecret(clientId, 3600)
    await expect(administration.addSecret(clientId, 3600)).rejects.toMatchObject({
      detail: `the client has two live secrets, ${issued.secretId} and ${secretId}: remove one first, the older is ${secretId}`,
    })
  })

  it('lose their digest with their record', async () => {
    const { administration, clientId, issued, digests } = await withClient()
    const second = await administration.addSecret(clientId, 60)
    await administration.removeSecret(clientId, issued.secretId)
    expect([...digests.keys()]).toEqual([second.secretId])
    const again = administration.removeSecret(clientId, issued.secretId)
    await expect(again).rejects.toMatchObject({ code: 'not_found', detail: 'the client has no such secret' })
  })
})
