import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { SingleUseTable } from '../../lambda/adapters/single-use-table.ts'
import { Unavailable } from '../../lambda/oauth/unavailable.ts'
import {
  assertionClaims,
  assertionKey,
  craftedAssertion,
  jwtBearer,
} from '../attacks/support/client-assertion.ts'
import { issuer } from '../lambda/support/client-item.ts'
import {
  denied,
  type Fault,
  failing,
  noTable,
  overloaded,
  throttled,
} from '../lambda/support/fault-server.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { nowSeconds, recordedLines } from '../lambda/support/recorded-lines.ts'
import { expectUnavailable, useFaultedFunctions, waitLimitMilliseconds } from './support/faulted-functions.ts'

// A replay is a failed authentication; here there are more than a client may have.
const functions = useFaultedFunctions({ AUTHENTICATION_FAILURE_LIMIT: '100000' })

const clientId = 'signing-export'
const key = assertionKey()
const claims = { operation: 'PutItem', table: 'SingleUse' }

beforeAll(async () => {
  const members = Object.entries({ ...key.jwk, alg: 'ES256' }).map(([name, value]) => [
    name,
    { S: String(value) },
  ])
  await functions().addClient(clientId, {
    token_endpoint_auth_method: { S: 'private_key_jwt' },
    token_endpoint_auth_signing_alg: { S: 'ES256' },
    jwks: { L: [{ M: Object.fromEntries(members) }] },
    secrets: { L: [] },
    secret_digests: { M: {} },
  })
})

const honest = () => craftedAssertion(key, assertionClaims(clientId, issuer))

const ask = (assertion = honest()) =>
  functions().askWithForm({
    grant_type: 'client_credentials',
    client_assertion_type: jwtBearer,
    client_assertion: assertion,
  })

describe('an assertion whose claim may have lost its answer', () => {
  it('F9: is no replay: an honest client is served, or told to come back', async () => {
    functions().storeProxy.on('lost', { ...claims, probability: 0.5 })
    let served = 0
    for (let request = 0; request < 100; request++) {
      const answer = await ask()
      if (answer.status === 200) served++
      else expectUnavailable(answer)
    }
    // Three in four, by the coin: a claim has two attempts.
    expect(served).toBeGreaterThan(50)
  })

  it('F9: is no replay where its answer is truncated, or the claim is delivered twice', async () => {
    for (const fault of ['truncate', 'dup'] as const) {
      functions().storeProxy.on(fault, { ...claims, count: 1 })
      expect((await ask()).status).toBe(200)
    }
  })

  it('F9: has one winner among ten claims at once', async () => {
    const client = storeClient(functions().storeProxy.url)
    const table = new SingleUseTable(client, 'SingleUse', recordedLines().records)
    functions().storeProxy.on('lost', { ...claims, probability: 0.5 })
    for (let round = 0; round < 20; round++) {
      const use = { jti: randomUUID(), expiresAt: nowSeconds + 60 }
      const claim = () => table.claimAssertion(clientId, use, nowSeconds).catch((thrown: unknown) => thrown)
      const outcomes = await Promise.all(Array.from({ length: 10 }, claim))
      const unknown = outcomes.filter(outcome => outcome instanceof Unavailable)
      const winners = outcomes.filter(outcome => outcome === true)
      expect(winners.length + unknown.length).toBeGreaterThanOrEqual(1)
      expect(winners.length).toBeLessThanOrEqual(1)
      expect(outcomes.filter(outcome => outcome === false)).toHaveLength(10 - winners.length - unknown.length)
    }
    client.destroy()
  })
})

describe('an assertion that cannot be claimed', () => {
  it('F10: is 503 within 1.5 s where the store never answers, after two attempts', async () => {
    await ask()
    functions().storeProxy.on('hang', claims)
    const answer = await ask()
    expectUnavailable(answer)
    expect(answer.storeOperations).toEqual(['BatchGetItem', 'PutItem', 'PutItem'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
    expect(answer.kmsOperations).toEqual([])
  })

  it.each<[string, Fault]>([
    ['fails', failing],
    ['is overloaded', overloaded],
    ['throttles', throttled],
    ['denies access', denied],
    ['has no such table', noTable],
    ['breaks connections', 'reset'],
  ])(
    'F10: gets one token at most where the store %s now and then, and is good until it has',
    async (_, fault) => {
      for (let round = 0; round < 5; round++) {
        functions().storeProxy.on(fault, { ...claims, probability: 0.5 })
        const assertion = honest()
        let served = 0
        for (let request = 0; request < 4; request++) {
          const answer = await ask(assertion)
          if (answer.status === 200) served++
          else if (answer.status === 503) expectUnavailable(answer)
          // None of these faults leaves a claim: only the assertion's own token makes it a replay.
          else expect([answer.status, answer.event.reason, served]).toEqual([401, 'assertion_replayed', 1])
        }
        functions().storeProxy.reset()
        if ((await ask(assertion)).status === 200) served++
        expect(served).toBe(1)
      }
    },
  )

  it('F10: gets one token at most where its claim was made and the answers were lost', async () => {
    for (let round = 0; round < 10; round++) {
      functions().storeProxy.on('lost', { ...claims, probability: 0.5 })
      const assertion = honest()
      let served = 0
      for (let request = 0; request < 3; request++) if ((await ask(assertion)).status === 200) served++
      expect(served).toBeLessThanOrEqual(1)
      functions().storeProxy.reset()
    }
  })
})

describe('a table of claims that is away', () => {
  it('F10: stops no client that has a secret', async () => {
    functions().storeProxy.on('reset', { table: 'SingleUse', operation: 'PutItem' })
    expect((await functions().ask('token')).status).toBe(200)
  })
})
