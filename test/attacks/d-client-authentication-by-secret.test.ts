import { describe, expect, it } from 'vitest'
import { basic } from '../flow/local-stack.ts'
import { useAttackedStack } from './support/attacked-stack.ts'
import { expectOAuthError } from './support/oauth-error.ts'

const attacked = useAttackedStack()

describe('client authentication by secret', () => {
  it('D2: a wrong secret is invalid_client with a challenge (RFC 6749 §5.2)', async () => {
    const { stack } = attacked()
    const client = await stack.register()
    attacked().keepSecret(client.client_secret)
    const wrong = { ...client, client_secret: `${client.client_secret}x` }
    const answer = await attacked().refused('token.issue', () => stack.requestToken(wrong))
    expectOAuthError(answer, 401, 'invalid_client')
    expect(answer.event).toMatchObject({ reason: 'secret_wrong', clientId: client.client_id })
    expect(basic(client)).not.toBe(basic(wrong))
  })
})
