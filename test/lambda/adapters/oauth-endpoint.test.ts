import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type EndpointDecision, oauthEndpoint } from '../../../lambda/adapters/oauth-endpoint.ts'
import { ClockWatch } from '../../../lambda/oauth/clock-watch.ts'
import { OAuthError } from '../../../lambda/oauth/oauth-error.ts'
import { Unavailable } from '../../../lambda/oauth/unavailable.ts'
import { httpEvent, requestId } from '../support/http-event.ts'
import { frozenClock, nowSeconds, recordedLines } from '../support/recorded-lines.ts'

const recorded = recordedLines()
const watch = new ClockWatch(() => {})
const metrics = { allowed: 'TokensIssued', refused: 'TokensRefused', failed: 'TokensFailed' } as const
const event = httpEvent({ routeKey: 'ANY /token', headers: { 'content-type': 'text/plain' }, body: 'a=b' })
const deciding = (decide: Parameters<typeof oauthEndpoint>[0]['decide']) =>
  oauthEndpoint(
    { audit: 'token.issue', metrics, decide },
    { clock: frozenClock(), records: recorded.records, watch },
  )
const failingWith = (error: unknown) => deciding(() => Promise.reject(error))(event)
const noStore = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' }

beforeEach(() => recorded.clear())

describe('oauthEndpoint', () => {
  it('gives the protocol what it reads of the request, and the time once', async () => {
    const seen: unknown[] = []
    const decision: EndpointDecision = { response: { status: 200, headers: {}, body: '{}' }, reason: 'ok' }
    await deciding(async (...passed) => {
      seen.push(...passed)
      return decision
    })(event)
    expect(seen).toEqual([
      {
        method: 'POST',
        rawQueryString: '',
        headers: { 'content-type': 'text/plain' },
        body: 'a=b',
        isBase64Encoded: false,
        sourceIp: '192.0.2.7',
      },
      nowSeconds,
      {},
    ])
  })

  it('answers as decided, and records the facts that were established', async () => {
    const response = { status: 200, headers: { 'x-a': 'b' }, body: 'body' }
    const answer = await deciding(async (_request, _now, facts) => {
      facts.clientId = 'nightly-export'
      return { response, reason: 'ok' }
    })(event)
    expect(answer).toEqual({ statusCode: 200, headers: { 'x-a': 'b' }, body: 'body' })
    expect(recorded.lines).toMatchObject([
      {
        audit: 'token.issue',
        outcome: 'allowed',
        reason: 'ok',
        requestId,
        clientId: 'nightly-export',
        TokensIssued: 1,
      },
    ])
  })

  it('answers a refusal as the protocol words it, and records its reason (RFC 6749 §5.2)', async () => {
    expect(await failingWith(new OAuthError('secret_wrong'))).toEqual({
      statusCode: 401,
      headers: { ...noStore, 'www-authenticate': 'Basic realm="countersign", charset="UTF-8"' },
      body: '{"error":"invalid_client","error_description":"client authentication failed"}',
    })
    expect(recorded.lines).toMatchObject([
      { level: 'INFO', outcome: 'refused', reason: 'secret_wrong', TokensRefused: 1 },
    ])
  })

  it.each([
    ['store' as const, 'store_unavailable'],
    ['kms' as const, 'store_unavailable'],
  ])('answers 503 with Retry-After when the %s is away (RFC 9110 §10.2.3)', async (dependency, reason) => {
    const answer = await failingWith(new Unavailable(dependency))
    expect(answer).toMatchObject({ statusCode: 503, headers: { ...noStore, 'retry-after': '1' } })
    expect(recorded.lines).toMatchObject([{ level: 'ERROR', outcome: 'failed', reason, TokensFailed: 1 }])
  })

  it.each<[string, unknown]>([
    ['an error', new TypeError('cannot read ctsn_secret')],
    ['no error', 'ctsn_secret'],
  ])('answers 500 at %s that nobody expected, and tells and prints nothing of it', async (_, thrown) => {
    expect(await failingWith(thrown)).toEqual({
      statusCode: 500,
      headers: noStore,
      body: '{"error":"server_error","error_description":"the request could not be completed"}',
    })
    expect(recorded.lines).toMatchObject([
      { message: 'unexpected error' },
      { outcome: 'failed', reason: 'internal_error', TokensFailed: 1 },
    ])
    expect(recorded.texts.join('')).not.toContain('ctsn_secret')
  })

  it('answers 503 after 1.4 s, whatever it is that a decision waits for', async () => {
    vi.useFakeTimers()
    try {
      const answering = deciding(() => new Promise(() => {}))(event)
      await vi.advanceTimersByTimeAsync(1399)
      expect(recorded.lines).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      expect(await answering).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } })
      expect(recorded.lines).toMatchObject([{ outcome: 'failed', reason: 'store_unavailable' }])
    } finally {
      vi.useRealTimers()
    }
  })

  it('F27: tells nothing that was decided by a clock that is wrong', async () => {
    const wrong = deciding(async () => {
      watch.observe(0, { sentAt: nowSeconds * 1000, receivedAt: nowSeconds * 1000 })
      return { response: { status: 200, headers: {}, body: 'a token' }, reason: 'ok' }
    })
    expect(await wrong(event)).toMatchObject({
      statusCode: 503,
      body: expect.not.stringContaining('a token'),
    })
    expect(recorded.lines).toMatchObject([{ outcome: 'failed', reason: 'clock_wrong' }])
    watch.observe(nowSeconds * 1000, { sentAt: nowSeconds * 1000, receivedAt: nowSeconds * 1000 })
  })
})
