import { beforeAll, expect } from 'vitest'
import type { BearerRefusal } from '../../../lambda/oauth/bearer-token.ts'
import type { TokenRefusal } from '../../../lambda/oauth/verify-access-token.ts'
import { orders } from '../../flow/local-stack.ts'
import { type Answer, type AttackedStack, type DecidedAnswer, useAttackedStack } from './attacked-stack.ts'
import { HostileTokens } from './hostile-tokens.ts'

export type Refusal = BearerRefusal | TokenRefusal

/** A route of a protected API of the local stack. */
export interface Route {
  readonly api?: 'orders' | 'payments'
  readonly method?: string
  readonly path?: string
}

/** The protected APIs under attack: tokens go in as bearer tokens, verdicts and answers come out. */
export class AttackedApi {
  readonly attacked: AttackedStack
  readonly tokens: HostileTokens

  constructor(attacked: AttackedStack, tokens: HostileTokens) {
    this.attacked = attacked
    this.tokens = tokens
    attacked.keepSecret(tokens.genuine)
  }

  /** `invalid_token` (RFC 6750 §3.1): 401, and nothing of the token in the audit event, none of it being verified. */
  readonly refused = async (token: string, reason: Refusal, route: Route = {}): Promise<DecidedAnswer> => {
    this.attacked.keepSecret(token, ...token.split('.'))
    const answer = await this.attacked.refused('api.authorize', () => this.send(token, route))
    expect([answer.event.reason, answer.status, answer.body]).toEqual([
      reason,
      401,
      '{"message":"Unauthorized"}',
    ])
    for (const member of ['clientId', 'audience', 'scope', 'jti'])
      expect(answer.event).not.toHaveProperty(member)
    return answer
  }

  /** `insufficient_scope` (RFC 6750 §3.1): 403. */
  readonly forbidden = async (token: string, route: Route = {}): Promise<DecidedAnswer> => {
    this.attacked.keepSecret(token)
    const answer = await this.attacked.refused('api.authorize', () => this.send(token, route))
    expect([answer.event.reason, answer.status, answer.body]).toEqual([
      'scope_insufficient',
      403,
      '{"message":"Forbidden"}',
    ])
    return answer
  }

  /** The neighbour that must pass. */
  readonly allowed = async (token: string, route: Route = {}): Promise<DecidedAnswer> => {
    this.attacked.keepSecret(token)
    const answer = await this.attacked.allowed('api.authorize', () => this.send(token, route))
    expect([answer.event.reason, answer.status]).toEqual(['ok', 200])
    return answer
  }

  /** What the gateway refuses before any function sees it. */
  readonly answeredByGateway = (token: string): Promise<Answer> =>
    this.attacked.answeredByGateway(() => this.send(token))

  readonly send = (
    token: string,
    { api = 'orders', method = 'GET', path = `/${api}` }: Route = {},
  ): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` }
    return fetch(this.attacked.stack.url(api, path), { method, headers })
  }
}

/** Starts a stack for the tests of this file, with a genuine token of the scopes `orders:read orders:write`. */
export function useAttackedApi(): () => AttackedApi {
  const attacked = useAttackedStack()
  let api: AttackedApi | undefined
  beforeAll(async () => {
    const { stack } = attacked()
    const genuine = await stack.token(await stack.register(), { resource: orders })
    api = new AttackedApi(attacked(), await HostileTokens.around(stack, genuine))
  })
  return () => {
    if (api === undefined) throw new Error('the local stack did not start')
    return api
  }
}
