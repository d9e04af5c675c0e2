import { describe, expect, it } from 'vitest'
import { digestSecret } from '../../lambda/oauth/client-secret.ts'
import {
  basicHeader,
  client,
  formRequest,
  newTokenEndpoint,
  otherSecret,
  secret,
  storedSecret,
} from '../lambda/oauth/support/token-endpoint.ts'
import { clientId, nowSeconds } from '../lambda/oauth/support/token-maker.ts'
import { clientItem, clientSecret } from '../lambda/support/client-item.ts'
import { useKillableFunctions } from './support/killable-functions.ts'

const functions = useKillableFunctions()
const addSecret = 'POST /admin/clients/{client_id}/secrets'
const of = (id: string, body?: object) => ({
  parameters: { client_id: id },
  ...(body && { body: JSON.stringify(body) }),
})

describe('two secrets of a client', () => {
  const grant = { grant_type: 'client_credentials' }
  const end = nowSeconds + 86_400
  const secrets = [
    { ...storedSecret, expiresAt: end },
    { ...storedSecret, secretId: 'secret-2', digest: digestSecret(otherSecret) },
  ]

  it.each([
    [nowSeconds, 200, 200],
    [end - 1, 200, 200],
    [end, 401, 200],
    [end + 86_400, 401, 200],
  ])(
    'F34: are both good to the second in which the older one ends (at %i: %i and %i)',
    async (now, older, newer) => {
      const statuses = [secret, otherSecret].map(async text => {
        const request = formRequest(grant, basicHeader(clientId, text))
        const { response } = await newTokenEndpoint({ ...client, secrets }).request(request, now)
        return response.status
      })
      expect(await Promise.all(statuses)).toEqual([older, newer])
    },
  )
})

describe('a secret that is replaced while it is used', () => {
  it('F34: works all through the overlap, and the new one from its answer on', async () => {
    await functions().store.put('Clients', clientItem('overlapping'))
    const statuses: number[] = []
    let isDone = false
    const requests = (async () => {
      while (!isDone) statuses.push((await functions().requestToken('overlapping')).status)
    })()
    const added = await functions().administer(addSecret, of('overlapping', { overlap_seconds: 3600 }))
    expect(added.status).toBe(201)
    const newSecret = String(added.body.client_secret)
    isDone = true
    await requests
    for (let request = 0; request < 10; request++) {
      const text = request % 2 === 0 ? newSecret : clientSecret
      statuses.push((await functions().requestToken('overlapping', text)).status)
    }
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  it('F34: without overlap works no more from the answer on', async () => {
    await functions().store.put('Clients', clientItem('replaced'))
    const { body } = await functions().administer(addSecret, of('replaced', { overlap_seconds: 0 }))
    const old = await functions().requestToken('replaced')
    expect([old.status, old.reason]).toEqual([401, 'secret_expired'])
    expect((await functions().requestToken('replaced', String(body.client_secret))).status).toBe(200)
  })

  it('F34: by several at once is replaced once: every secret that was told works, and nobody is told one that does not', async () => {
    await functions().store.put('Clients', clientItem('contended'))
    const admins = await Promise.all([1, 2, 3].map(() => functions().start('admin')))
    const added = await Promise.all(
      admins.map(admin =>
        functions().administer(addSecret, of('contended', { overlap_seconds: 3600 }), admin),
      ),
    )
    await Promise.all(admins.map(admin => admin.stop()))
    expect(added.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
    const told = added.flatMap(({ body }) =>
      typeof body.client_secret === 'string' ? [body.client_secret] : [],
    )
    for (const text of [...told, clientSecret])
      expect((await functions().requestToken('contended', text)).status).toBe(200)
  })

  it('F34: and then removed works no more from the answer on, and the other one does', async () => {
    await functions().store.put('Clients', clientItem('narrowed'))
    const { body } = await functions().administer(addSecret, of('narrowed'))
    const [old] = body.secrets as { secret_id: string }[]
    const parameters = { client_id: 'narrowed', secret_id: old?.secret_id ?? '' }
    const route = 'DELETE /admin/clients/{client_id}/secrets/{secret_id}'
    expect((await functions().administer(route, { parameters })).status).toBe(204)
    const refused = await functions().requestToken('narrowed')
    expect([refused.status, refused.reason]).toEqual([401, 'secret_wrong'])
    expect((await functions().requestToken('narrowed', String(body.client_secret))).status).toBe(200)
  })
})
