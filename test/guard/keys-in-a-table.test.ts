import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createGuard } from '../../guard/index.ts'
import {
  accessToken,
  signingKeyItem,
  signingKeyPair,
  tokenClaims,
} from '../lambda/support/signing-key-pair.ts'
import { serve } from './local-issuer.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const require = { allOf: ['orders:read'] }

it('are read again when a known token comes: a revoked one is given up within five minutes', async () => {
  const pair = signingKeyPair()
  let item = signingKeyItem('ring', pair.key)
  const endpoint = await serve((request, response) => {
    request.resume()
    response.setHeader('date', new Date().toUTCString())
    response.end(JSON.stringify({ Items: [item], Count: 1 }))
  })
  const now = Math.floor(Date.now() / 1000)
  const guard = createGuard({
    issuer: 'https://auth.example.com',
    audience: 'https://orders.example.com',
    keys: { table: 'SigningKeys', ring: 'ring' },
    dynamoDb: { endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 's' } },
    revocations: 'none',
  })
  const claims = tokenClaims(now, { iss: 'https://auth.example.com', exp: now + 3600 })
  const authorization = `Bearer ${accessToken(pair, claims)}`
  expect(await guard.authorize({ authorization, require })).toMatchObject({ allowed: true })

  item = { ...item, state: { S: 'revoked' }, verify_until: { N: String(now + 10) } }
  vi.setSystemTime(Date.now() + 299_000)
  expect(await guard.authorize({ authorization, require })).toMatchObject({ allowed: true })
  vi.setSystemTime(Date.now() + 1_000)
  expect(await guard.authorize({ authorization, require })).toMatchObject({
    reason: 'key_unknown',
    status: 401,
  })
})
