import { beforeAll, expect } from 'vitest'
import { orders, type RegisteredClient } from '../../flow/local-stack.ts'
import { corsHeaders } from './attacked-endpoints.ts'
import { type Answer, type AttackedStack, type DecidedAnswer, useAttackedStack } from './attacked-stack.ts'
import { type RawApiRequest, rawApiRequest } from './raw-api-request.ts'

/** The routes of the example API of orders under attack. */
export class AttackedRoutes {
  readonly attacked: AttackedStack
  /** A token of `orders:read`: for `GET /orders` and `GET /orders/{id}`. */
  readonly reader: string
  /** A token of all scopes of the API: what it does not reach, no token reaches. */
  readonly writer: string

  private constructor(attacked: AttackedStack, reader: string, writer: string) {
    this.attacked = attacked
    this.reader = reader
    this.writer = writer
  }

  static async of(attacked: AttackedStack): Promise<AttackedRoutes> {
    const client: RegisteredClient = await attacked.stack.register()
    const reader = await attacked.stack.token(client, { resource: orders, scope: 'orders:read' })
    const writer = await attacked.stack.token(client, { resource: orders })
    attacked.keepSecret(client.client_secret, reader, writer)
    return new AttackedRoutes(attacked, reader, writer)
  }

  send(request: RawApiRequest, token?: string): Promise<Answer> {
    const credentials = token === undefined ? [] : [`Authorization: Bearer ${token}`]
    const fields = [...credentials, ...(request.fields ?? [])]
    return rawApiRequest(this.attacked.stack, { ...request, fields })
  }

  /** No route: the gateway says so, and no function is asked. */
  async notFound(request: RawApiRequest, token?: string, status = 404): Promise<void> {
    const answer = await this.attacked.answeredByGateway(() => this.send(request, token))
    expect([answer.status, corsHeaders(answer)]).toEqual([status, []])
  }

  /** A protected route, as the gateway answers who has no token. */
  async unauthorized(request: RawApiRequest): Promise<Answer> {
    const answer = await this.attacked.answeredByGateway(() => this.send(request))
    expect([answer.status, answer.body]).toEqual([401, '{"message":"Unauthorized"}'])
    return answer
  }

  /** A route that needs more than the token of `orders:read`. */
  async forbidden(request: RawApiRequest, token = this.reader): Promise<DecidedAnswer> {
    const answer = await this.attacked.refused('api.authorize', () => this.send(request, token))
    expect([answer.status, answer.body]).toEqual([403, '{"message":"Forbidden"}'])
    expect(answer.event.reason).toBe('scope_insufficient')
    return answer
  }

  /** Allowed, and what answers is the route that was decided on. */
  async reached(request: RawApiRequest, route: string, token = this.reader): Promise<DecidedAnswer> {
    const answer = await this.attacked.allowed('api.authorize', () => this.send(request, token))
    expect([answer.status, JSON.parse(answer.body).route]).toEqual([200, route])
    return answer
  }
}

/** Starts a stack for the tests of this file. */
export function useAttackedRoutes(): () => AttackedRoutes {
  const attacked = useAttackedStack()
  let routes: AttackedRoutes | undefined
  beforeAll(async () => {
    routes = await AttackedRoutes.of(attacked())
  })
  return () => {
    if (routes === undefined) throw new Error('the local stack did not start')
    return routes
  }
}
