import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { RegisteredClient } from '../flow/local-stack.ts'
import {
  type ClientRequest,
  corsHeaders,
  endpointNames,
  endpoints,
  useAttackedEndpoints,
} from './support/attacked-endpoints.ts'
import type { Answer } from './support/attacked-stack.ts'

const attackedEndpoints = useAttackedEndpoints()
let client: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
})

describe.each(endpointNames)('an answer of the %s endpoint', endpoint => {
  const { audit, form } = endpoints[endpoint]
  const parameters = Object.fromEntries(new URLSearchParams(form))
  /** Marks its first 24 characters: they may be in no answer and no log line. */
  const splitting = () => {
    const mark = randomBytes(12).toString('hex')
    attackedEndpoints().attacked.keepSecret(mark)
    return `${mark}\r\nSet-Cookie: a=b\r\n\r\n<script>`
  }
  const bodyWith = (name: string, value: string) =>
    new URLSearchParams({ ...parameters, [name]: value }).toString()
  const send = (request: ClientRequest) => () => attackedEndpoints().send(endpoint, request)
  const expectNothingOf = (answer: Answer) => {
    expect(answer.body).not.toMatch(/<script|Set-Cookie/)
    expect([answer.headers.getSetCookie(), corsHeaders(answer)]).toEqual([[], []])
  }

  it.each([
    ...['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'],
    ...['grant_type', 'token', 'token_type_hint', 'scope', 'resource', 'x'],
  ])('C26: has nothing of the parameter %s in it, nor has a log line (CWE-113, CWE-117)', async name => {
    const { refused } = attackedEndpoints().attacked
    const both = { client_id: splitting(), client_secret: splitting() }
    const body = () =>
      `${bodyWith(name, splitting())}&${new URLSearchParams({ ...both, [name]: splitting() })}`
    for (const text of [bodyWith(name, splitting()), body()])
      expectNothingOf(await refused.call(attackedEndpoints().attacked, audit, send({ body: text })))
  })

  it('C26: has nothing of a header, a name or an escape in it, nor has a log line (CWE-113, CWE-117)', async () => {
    const { attacked } = attackedEndpoints()
    const mark = splitting().slice(0, 24)
    const authorization = `Basic ${Buffer.from(`${splitting()}:${splitting()}`).toString('base64')}`
    const headers = { authorization, 'user-agent': mark, 'x-request-id': mark, referer: `https://${mark}/` }
    for (const request of [
      { headers },
      { headers: { 'user-agent': mark, authorization: `Bearer ${mark}` } },
      { body: `${form}&${encodeURIComponent(splitting())}=1&x=1&x=2` },
      { body: `${form}&x=${mark}%` },
      { body: `${mark}=${mark}`, client },
    ]) {
      expectNothingOf(await attacked.refused(audit, send(request)))
    }
  })

  it('C26: has nothing of what an authenticated client says either', async () => {
    const { attacked } = attackedEndpoints()
    for (const name of ['grant_type', 'scope', 'resource']) {
      const body = bodyWith(name, splitting())
      if (endpoint === 'token') expectNothingOf(await attacked.refused(audit, send({ client, body })))
    }
    for (const name of endpoint === 'token' ? ['audience', 'x'] : ['token', 'token_type_hint', 'x']) {
      const body = bodyWith(name, splitting())
      expectNothingOf(await attacked.allowed(audit, send({ client, body })))
    }
  })
})
