import { beforeEach, describe, expect, it } from 'vitest'
import { administrationEndpoint, type Operation } from '../../../lambda/adapters/administration-endpoint.ts'
import { AdministrationError } from '../../../lambda/oauth/administration/administration-error.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { adminArn, adminEvent, type EventParts, requestId } from '../support/http-event.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const recorded = recordedLines('admin')
const routeKey = 'POST /admin/clients'
const json = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const noBody = async () => undefined

function ask(run: Operation['run'], parts: Partial<EventParts> = {}, status: Operation['status'] = 200) {
  const operation: Operation = { audit: 'client.create', status, run }
  return administrationEndpoint(
    { [routeKey]: operation },
    recorded.records,
  )(adminEvent({ routeKey, ...parts }))
}

beforeEach(() => recorded.clear())

describe('administrationEndpoint', () => {
  it('gives the operation path, query and parsed body', async () => {
    const seen: unknown[] = []
    const run: Operation['run'] = async request => void seen.push(request)
    const parts = { parameters: { client_id: 'a' }, query: { limit: '5' }, body: '{"a":1}' }
    await ask(run, parts)
    await ask(run, { body: Buffer.from('{"a":1}').toString('base64'), isBase64Encoded: true })
    await ask(run, { body: '' })
    await ask(run)
    const nothing = { parameters: {}, query: {}, body: undefined }
    expect(seen).toEqual([
      { parameters: { client_id: 'a' }, query: { limit: '5' }, body: { a: 1 } },
      { parameters: {}, query: {}, body: { a: 1 } },
      nothing,
      nothing,
    ])
  })

  it('answers with the operation’s status and document, and records the caller’s ARN', async () => {
    const answer = await ask(
      async (_request, facts) => {
        facts.clientId = 'nightly-export'
        facts.subject = 'secret-1'
        return { a: 1 }
      },
      {},
      201,
    )
    expect(answer).toEqual({ statusCode: 201, headers: json, body: '{"a":1}' })
    expect(recorded.lines).toMatchObject([
      {
        audit: 'client.create',
        outcome: 'allowed',
        reason: 'ok',
        actor: adminArn,
        requestId,
        sourceIp: '192.0.2.7',
        clientId: 'nightly-export',
        subject: 'secret-1',
        AdministrationAllowed: 1,
      },
    ])
  })

  it('answers 204 without a body', async () => {
    expect(await ask(noBody, {}, 204)).toMatchObject({ statusCode: 204, body: '' })
  })

  it('answers 404 on a route that is no operation’s', async () => {
    expect(await ask(noBody, { routeKey: 'GET /admin/other' })).toEqual({
      statusCode: 404,
      headers: json,
      body: '{"error":"not_found","error_description":"there is no such client, secret, resource server or path"}',
    })
  })

  it('knows no operation by the name of an object’s own method', async () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(await ask(noBody, { routeKey: name })).toMatchObject({ statusCode: 404 })
    }
  })

  it.each<[string, string, string]>([
    ['is not JSON', '{"a":', 'the request body is not JSON'],
    ['is too large', ' '.repeat(262_145), 'the request body is too large'],
  ])('refuses a body that %s, and echoes nothing of it', async (_, body, description) => {
    const answer = await ask(noBody, { body })
    expect([answer.statusCode, answer.body]).toEqual([
      400,
      JSON.stringify({ error: 'invalid_request', error_description: description }),
    ])
    expect(recorded.lines).toMatchObject([
      { outcome: 'refused', reason: 'invalid_request', AdministrationRefused: 1 },
    ])
  })

  it.each<[unknown, number, string, string]>([
    [new AdministrationError('conflict'), 409, 'conflict', 'refused'],
    [new Unavailable('store'), 503, 'temporarily_unavailable', 'failed'],
    [new TypeError('ctsn_secret'), 500, 'server_error', 'failed'],
  ])('turns %o into status %i, code %s', async (thrown, status, code, outcome) => {
    const answer = await ask(() => Promise.reject(thrown))
    expect([answer.statusCode, JSON.parse(answer.body ?? '').error]).toEqual([status, code])
    expect(answer.headers).toEqual(status === 503 ? { ...json, 'retry-after': '1' } : json)
    expect(recorded.lines.at(-1)).toMatchObject({ outcome, reason: code, actor: adminArn })
    expect(recorded.texts.join('') + answer.body).not.toContain('ctsn_secret')
  })
})
