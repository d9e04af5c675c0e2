import { describe, expect, it } from 'vitest'
import { declaredClientId } from '../../../../lambda/oauth/administration/declared-clients.ts'
import {
  clientId,
  declared,
  declaredWorld,
  overlapSeconds,
  secretArn,
  wider,
  withKeys,
} from '../support/declared-world.ts'
import { metadata, resourceServer } from '../support/fake-clients.ts'
import { audience, nowSeconds } from '../support/token-maker.ts'

describe('a client that an app declares', () => {
  it('is registered with a secret that is stored, and nowhere else', async () => {
    const world = declaredWorld()
    await world.declare()
    const stored = world.read()
    expect(stored).toEqual({
      client_id: clientId,
      client_secret: expect.stringMatching(/^ctsn_[\w-]{49}$/),
      secret_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      token_endpoint: declared.tokenEndpoint,
      resource: audience,
      scope: 'orders:read',
    })
    expect(world.isAccepted(stored)).toBe(true)
    expect(world.client()).toEqual({
      ...metadata,
      clientId,
      status: 'active',
      version: 2,
      createdAt: nowSeconds,
      updatedAt: nowSeconds,
      tokensRevokedUpTo: 0,
      secrets: [{ secretId: stored.secret_id, createdAt: nowSeconds, expiresAt: undefined }],
      declaration: declared.declaration,
    })
    expect(JSON.stringify([...world.clients.values()])).not.toContain(stored.client_secret)
  })

  it('says nothing of a resource and a scope where it has several grants', async () => {
    const world = declaredWorld()
    const stock = { ...resourceServer, audience: 'urn:stock' }
    world.resourceServers.push(stock)
    const grants = [...metadata.grants, { resource: stock.audience, scope: ['orders:read'] }]
    await world.declare({ metadata: { ...metadata, grants } })
    expect(Object.keys(world.read()).sort()).toEqual([
      'client_id',
      'client_secret',
      'secret_id',
      'token_endpoint',
    ])
  })

  it('with keys has no secret', async () => {
    const world = declaredWorld()
    await world.declare(withKeys)
    expect([world.client()?.secrets, world.digests.size, world.secrets.size]).toEqual([[], 0, 0])
  })

  it('is the same after the same request, and after another one', async () => {
    const world = declaredWorld()
    await world.declare()
    const [client, stored, versions] = [
      world.client(),
      world.stored(),
      world.secrets.get(secretArn)?.versions,
    ]
    await world.declare()
    await world.declare({}, 'request-2')
    expect([world.client(), world.stored(), world.secrets.get(secretArn)?.versions]).toEqual([
      client,
      stored,
      versions,
    ])
  })

  it('is one client with one secret when a request is delivered twice at once', async () => {
    const world = declaredWorld()
    await Promise.all([world.declare(), world.declare()])
    expect(world.isAccepted(world.read())).toBe(true)
    expect([world.clients.size, world.client()?.secrets.length, world.digests.size]).toEqual([1, 1, 1])
  })

  it('follows its declaration with the secret that it has: an administrator’s edits are undone', async () => {
    const world = declaredWorld()
    await world.declare()
    const before = world.read()
    await world.administration.update(clientId, { ...metadata, clientName: 'edited', version: 2 })
    await world.declare({ ...wider, tokenEndpoint: 'https://new.example.com/token' }, 'request-2')
    expect(world.client()).toMatchObject({ ...wider.metadata, clientName: 'billing', version: 4 })
    expect(world.stored()).toEqual({
      ...before,
      token_endpoint: 'https://new.example.com/token',
      scope: 'orders:read orders:write',
    })
    expect(world.stored('AWSPENDING')).toEqual(world.stored())
    expect(world.client()?.secrets).toHaveLength(1)
  })

  it('that an administrator has disabled stays so', async () => {
    const world = declaredWorld()
    await world.declare()
    await world.administration.disable(clientId)
    world.state.isWatched = false
    await world.declare(wider, 'request-2')
    expect(world.client()).toMatchObject({ status: 'disabled', ...wider.metadata })
  })

  it('gets a new secret where the stored one is no longer its own', async () => {
    const world = declaredWorld()
    await world.declare()
    const removed = world.read()
    await world.administration.removeSecret(clientId, removed.secret_id)
    world.state.isWatched = false
    await world.declare(wider, 'request-2')
    expect(world.isAccepted(world.read())).toBe(true)
    expect(world.isAccepted(removed)).toBe(false)
    expect(world.digests.size).toBe(1)
  })

  it('gets a new secret where somebody has written over the stored one', async () => {
    const world = declaredWorld()
    await world.declare()
    const old = world.read()
    world.setVersions(version => ({ ...version, value: 'hello' }))
    world.state.isWatched = false
    await world.declare({}, 'request-2')
    expect(world.isAccepted(world.read())).toBe(true)
    expect(world.client()?.secrets[0]).toMatchObject({
      secretId: old.secret_id,
      expiresAt: nowSeconds + overlapSeconds,
    })
  })

  it('goes from a secret to keys: the secret ends within a day, and at once as a way to authenticate', async () => {
    const world = declaredWorld()
    await world.declare()
    await world.declare(withKeys, 'request-2')
    expect(world.client()).toMatchObject({
      tokenEndpointAuthMethod: 'private_key_jwt',
      declaration: { secret: undefined },
      secrets: [{ expiresAt: nowSeconds + 86_400 }],
    })
  })

  it('goes back to a secret, as a deployment that is rolled back: programs read a new one, the old one serves the overlap', async () => {
    const world = declaredWorld()
    await world.declare()
    const old = world.read()
    await world.declare(withKeys, 'request-2')
    await world.declare({}, 'request-3')
    const fresh = world.read()
    expect([world.isAccepted(old), world.isAccepted(fresh)]).toEqual([true, true])
    world.clock.advance(overlapSeconds * 1000)
    expect([world.isAccepted(old), world.isAccepted(fresh)]).toEqual([false, true])
  })

  it('takes another secret of Secrets Manager, and the older one serves the overlap', async () => {
    const world = declaredWorld()
    await world.declare()
    const old = world.read()
    world.state.isWatched = false
    const arn = `${secretArn}2`
    await world.declare({ declaration: { secret: { arn, overlapSeconds } } }, 'request-2')
    const fresh = world.stored('AWSCURRENT', arn)
    expect(fresh && world.isAccepted(fresh)).toBe(true)
    expect(world.client()?.secrets).toMatchObject([
      { secretId: old.secret_id, expiresAt: nowSeconds + overlapSeconds },
      { secretId: fresh?.secret_id, expiresAt: undefined },
    ])
  })

  it('is not registered with a grant that is not, and the reason names it by its number', async () => {
    const world = declaredWorld()
    const grants = [{ resource: 'urn:unknown', scope: ['a'] }]
    await expect(world.declare({ metadata: { ...metadata, grants } })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      detail: 'grants: the resource of entry 1 is not registered: register the resource server first',
    })
    expect(world.clients.size).toBe(0)
  })

  it('is not brought back after administration has deleted it', async () => {
    const world = declaredWorld()
    await world.declare()
    await world.administration.delete(clientId)
    world.state.isWatched = false
    await expect(world.declare(wider, 'request-2')).rejects.toMatchObject({
      code: 'conflict',
      detail: `client ${clientId} was deleted by administration, and its identifier is not used again: declare it under another id`,
    })
  })

  it('gets no secret by administration, which programs would never read', async () => {
    const world = declaredWorld()
    await world.declare()
    await expect(world.administration.addSecret(clientId, 60)).rejects.toMatchObject({
      code: 'invalid_request',
      detail: 'the client is declared by an app, its secret is in Secrets Manager: have that rotated there',
    })
  })
})

describe('a client that an app declares no longer', () => {
  it('is disabled, has no secret, and its tokens are refused; its record stays for administration', async () => {
    const world = declaredWorld()
    await world.declare()
    const stored = world.read()
    world.state.isWatched = false
    await world.withdraw()
    expect(world.isAccepted(stored)).toBe(false)
    expect(world.client()).toMatchObject({
      ...metadata,
      status: 'disabled',
      secrets: [],
      declaration: undefined,
      tokensRevokedUpTo: nowSeconds + 5,
    })
    expect([world.digests.size, world.revocations.length]).toEqual([0, 1])
  })

  it('is active again with a new secret when it is declared again; its old tokens stay refused', async () => {
    const world = declaredWorld()
    await world.declare()
    const old = world.read()
    world.state.isWatched = false
    await world.withdraw()
    await world.declare({}, 'request-2')
    expect(world.client()).toMatchObject({ status: 'active', tokensRevokedUpTo: nowSeconds + 5 })
    expect([world.isAccepted(old), world.isAccepted(world.read())]).toEqual([false, true])
    expect(world.revocations).toHaveLength(2)
  })

  it('may never have been there, or may have been deleted', async () => {
    const world = declaredWorld()
    await world.withdraw()
    await world.declare()
    await world.administration.delete(clientId)
    world.state.isWatched = false
    await world.withdraw()
    expect(world.client()?.status).toBe('deleted')
  })
})

describe('the identifier of a declared client', () => {
  it('is that of its place in the stack', () => {
    const id = declaredClientId('arn:aws:cloudformation:us-east-1:111122223333:stack/A/1', 'Billing')
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(declaredClientId('arn:aws:cloudformation:us-east-1:111122223333:stack/A/1', 'Billing')).toBe(id)
    expect(declaredClientId('arn:aws:cloudformation:us-east-1:111122223333:stack/A/2', 'Billing')).not.toBe(
      id,
    )
    expect(declaredClientId('arn:aws:cloudformation:us-east-1:111122223333:stack/A/1', 'Other')).not.toBe(id)
  })
})
