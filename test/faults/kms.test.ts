import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SigningKey } from '../../lambda/oauth/signing-key.ts'
import { expectOAuthError } from '../attacks/support/oauth-error.ts'
import { type Fault, kmsFaults } from '../lambda/support/fault-server.ts'
import { kmsSigningKey } from '../lambda/support/kms-signing-key.ts'
import {
  expectUnavailable,
  type FaultedAnswer,
  useFaultedFunctions,
  waitLimitMilliseconds,
} from './support/faulted-functions.ts'

const functions = useFaultedFunctions()

const tokenOf = ({ status, body }: FaultedAnswer): string => {
  expect(status).toBe(200)
  return String(JSON.parse(body).access_token)
}
const kidOf = (answer: FaultedAnswer) => decodeProtectedHeader(tokenOf(answer)).kid

const outages: [string, Fault][] = [
  ['has an internal error', kmsFaults.failing],
  ['cannot reach the key', kmsFaults.keyUnavailable],
  ['breaks the connection', 'reset'],
  ['truncates its answer', 'truncate'],
  ['does not answer', 'hang'],
]

describe('a token, while KMS throttles', () => {
  it('F14: is 503 with Retry-After, after two attempts, and counted for the alarm', async () => {
    functions().kmsProxy.always(kmsFaults.throttled)
    const answer = await functions().ask('token')
    expectUnavailable(answer, 'signing_unavailable')
    expect(answer.kmsOperations.length).toBeLessThanOrEqual(2)
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
    expect(answer.lines[0]).toMatchObject({ message: 'kms call failed', KmsErrors: 1 })
  })

  it('F14: is no failure of the client, and is not remembered against it or another', async () => {
    await functions().addClient('neighbour')
    functions().kmsProxy.always(kmsFaults.throttled)
    for (const clientId of ['nightly-export', 'neighbour']) {
      const { storeOperations } = await functions().ask('token', undefined, clientId)
      expect(storeOperations).not.toContain('UpdateItem')
    }
    functions().kmsProxy.reset()
    for (const clientId of ['nightly-export', 'neighbour']) {
      expect((await functions().ask('token', undefined, clientId)).status).toBe(200)
    }
  })

  it('F14: is not asked of KMS for a client that would not get it', async () => {
    await functions().addClient('disabled', { status: { S: 'disabled' } })
    functions().kmsProxy.always(kmsFaults.throttled)
    const answer = await functions().ask('token', undefined, 'disabled')
    expect([answer.status, answer.kmsOperations]).toEqual([401, []])
    const ungranted = await functions().ask('token', {
      grant_type: 'client_credentials',
      scope: 'orders:none',
    })
    expect([ungranted.status, ungranted.kmsOperations]).toEqual([400, []])
  })
})

describe('what needs no new signature', () => {
  it('F14: goes on while KMS is away: authorization, introspection, revocation', async () => {
    const token = await functions().token()
    functions().kmsProxy.always('hang')
    expect(await functions().authorize(token)).toBe('allowed')
    const introspection = await functions().ask('introspect', { token }, 'orders-api')
    expect([JSON.parse(introspection.body).active, introspection.kmsOperations]).toEqual([true, []])
    const revocation = await functions().ask('revoke', { token })
    expect([revocation.status, revocation.kmsOperations]).toEqual([200, []])
    expect(await functions().authorize(token)).toBe('refused')
  })
})

describe('a key in an envelope', () => {
  // With a ring of its own, where that key signs.
  const functions = useFaultedFunctions()

  it('F14: is unwrapped once; from then on KMS may throttle what it likes', async () => {
    const { KeyMetadata } = await functions().kms.client.send(new CreateKeyCommand({}))
    const key = await kmsSigningKey(functions().kms.client, 'ES256', KeyMetadata?.Arn)
    await functions().publish({ ...key, createdAt: 1, signFrom: 2 })
    const token = await functions().start('token')
    expect(functions().kmsProxy.operations).toEqual(['Decrypt'])
    functions().kmsProxy.always(kmsFaults.throttled)
    for (let request = 0; request < 3; request++) {
      const answer = await functions().ask('token', undefined, undefined, token)
      expect([kidOf(answer), answer.kmsOperations]).toEqual([key.kid, []])
    }
  })

  it('F15: is 503 where it cannot be unwrapped, and unwrapped as soon as it can be', async () => {
    functions().kmsProxy.always(kmsFaults.failing)
    const token = await functions().start('token')
    const answer = await functions().ask('token', undefined, undefined, token)
    expectUnavailable(answer, 'signing_unavailable')
    expect(answer.kmsOperations).toEqual(['Decrypt', 'Decrypt'])
    functions().kmsProxy.reset()
    expect((await functions().ask('token', undefined, undefined, token)).status).toBe(200)
  })
})

describe('a token, where KMS', () => {
  it.each(outages)('F15: %s once, is issued by the second attempt', async (_, fault) => {
    functions().kmsProxy.next(fault)
    const answer = await functions().ask('token')
    expect([answer.status, answer.kmsOperations]).toEqual([200, ['Sign', 'Sign']])
  })

  it.each(outages)('F15: %s twice, is 503 within 1.5 s', async (_, fault) => {
    functions().kmsProxy.always(fault)
    const answer = await functions().ask('token')
    expectUnavailable(answer, 'signing_unavailable')
    expect(answer.kmsOperations).toEqual(['Sign', 'Sign'])
    expect(answer.milliseconds).toBeLessThan(waitLimitMilliseconds)
    functions().kmsProxy.reset()
    expect((await functions().ask('token')).status).toBe(200)
  })
})

describe('a signing key that KMS does not use', () => {
  // With a ring of its own, to which a second key is added.
  const functions = useFaultedFunctions()
  let standby: SigningKey

  beforeAll(async () => {
    const key = await kmsSigningKey(functions().kms.client, 'ES256')
    standby = { ...key, state: 'standby', createdAt: 1, signFrom: undefined }
    await functions().publish(standby)
  })

  const states = [
    {
      state: 'disabled',
      leave: (KeyId: string) => functions().kms.client.send(new DisableKeyCommand({ KeyId })),
      enter: (KeyId: string) => functions().kms.client.send(new EnableKeyCommand({ KeyId })),
    },
    {
      state: 'to be deleted',
      leave: (KeyId: string) => functions().kms.client.send(new ScheduleKeyDeletionCommand({ KeyId })),
      enter: async (KeyId: string) => {
        await functions().kms.client.send(new CancelKeyDeletionCommand({ KeyId }))
        await functions().kms.client.send(new EnableKeyCommand({ KeyId }))
      },
    },
  ]

  it.each(states)(
    'F16: as it is $state, is replaced at once by the standby key, with an alarm',
    async ({ leave, enter }) => {
      const { key } = functions()
      const before = await functions().ask('token')
      expect(kidOf(before)).toBe(key.kid)
      await leave(key.kmsKeyArn)
      const answer = await functions().ask('token')
      expect(kidOf(answer)).toBe(standby.kid)
      // One attempt each: trying again is of no use with such a key.
      expect(answer.kmsOperations).toEqual(['Sign', 'Sign'])
      expect(answer.lines[0]).toMatchObject({ level: 'ERROR', kid: key.kid, SigningKeyUnusable: 1 })
      // What either has signed is accepted.
      expect(await functions().authorize(tokenOf(before))).toBe('allowed')
      expect(await functions().authorize(tokenOf(answer))).toBe('allowed')
      await enter(key.kmsKeyArn)
      expect(kidOf(await functions().ask('token'))).toBe(key.kid)
    },
  )

  it.each([
    ['disabled', kmsFaults.disabled],
    ['pending deletion', kmsFaults.pendingDeletion],
  ])('F16: and no other that could: 503, never a token (%s)', async (_, fault) => {
    functions().kmsProxy.always(fault)
    const answer = await functions().ask('token')
    expectUnavailable(answer, 'signing_unavailable')
    expect(answer.kmsOperations).toEqual(['Sign', 'Sign'])
  })

  it('F16: is not replaced by a key that verifiers may not know yet', async () => {
    await functions().publish({ ...standby, createdAt: Math.floor(Date.now() / 1000) })
    const token = await functions().start('token')
    functions().kmsProxy.always(kmsFaults.disabled)
    const answer = await functions().ask('token', undefined, undefined, token)
    expectUnavailable(answer, 'signing_unavailable')
    expect(answer.kmsOperations).toEqual(['Sign'])
    await functions().publish(standby)
  })

  it('F16: has its tokens accepted until it is retired, and not after', async () => {
    const { key } = functions()
    const token = await functions().token()
    const now = Math.floor(Date.now() / 1000)
    await functions().publish({ ...key, state: 'retiring', verifyUntil: now + 600 })
    expect(await functions().authorize(token, await functions().start('authorizer'))).toBe('allowed')
    await functions().publish({ ...key, state: 'retiring', verifyUntil: now - 1 })
    expect(await functions().authorize(token, await functions().start('authorizer'))).toBe('refused')
    await functions().publish(key)
  })
})

describe('a signature that KMS gets wrong', () => {
  it('F17: never leaves: every token that does is verified by an independent library', async () => {
    const keys = createLocalJWKSet({ keys: [{ ...functions().key.publicJwk }] })
    functions().kmsProxy.on(kmsFaults.corrupted, { probability: 0.5 })
    for (let request = 0; request < 40; request++) {
      const answer = await functions().ask('token')
      const isWrong = answer.lines.some(({ SignatureSelfCheckFailed }) => SignatureSelfCheckFailed === 1)
      if (isWrong) {
        expectOAuthError(answer, 500, 'server_error')
        expect(answer.event).toMatchObject({ outcome: 'failed', reason: 'signature_invalid' })
      } else {
        const { protectedHeader } = await jwtVerify(tokenOf(answer), keys)
        expect(protectedHeader.kid).toBe(functions().key.kid)
      }
    }
  })

  it('F17: is 500 with an alarm that names the key, and is not asked for again', async () => {
    functions().kmsProxy.always(kmsFaults.corrupted)
    const answer = await functions().ask('token')
    expectOAuthError(answer, 500, 'server_error')
    expect(answer.kmsOperations).toEqual(['Sign'])
    const { kid } = functions().key
    expect(answer.lines[0]).toMatchObject({ level: 'ERROR', kid, SignatureSelfCheckFailed: 1 })
  })
})
