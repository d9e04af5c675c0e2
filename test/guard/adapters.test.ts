import express from 'express'
import { Hono } from 'hono'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  type AuditEvent,
  type Auth,
  createGuard,
  type Guard,
  type GuardVariables,
} from '../../guard/index.ts'
import { rawRequest } from '../attacks/support/raw-request.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../lambda/support/signing-key-pair.ts'
import { serve, startIssuer } from './local-issuer.ts'

declare global {
  namespace Express {
    interface Request {
      auth: Auth
    }
  }
}

const pair = signingKeyPair()
const audience = 'https://orders.example.com'
const read = { allOf: ['orders:read'] }
const write = { allOf: ['orders:write'] }
const events: AuditEvent[] = []

let issuer: Awaited<ReturnType<typeof startIssuer>>
let guard: Guard
let token: string
beforeEach(async () => {
  events.length = 0
  issuer = await startIssuer(pair.key)
  token = accessToken(pair, tokenClaims(Math.floor(Date.now() / 1000), { iss: issuer.url }))
  guard = createGuard({
    issuer: issuer.url,
    audience,
    revocations: 'none',
    onDecision: event => events.push(event),
  })
})

/** An API with the two routes `/read` and `/write`, which answer with what the guard has published. */
const apis: Record<string, () => Promise<string>> = {
  'Express 5': async () => {
    const app = express()
    const answer: express.RequestHandler = (request, response) => void response.json(request.auth)
    app.get('/read', guard.express(read), answer)
    app.get('/write', guard.express(write), answer)
    return serve(app)
  },
  Hono: async () => {
    const app = new Hono<{ Variables: GuardVariables }>()
    app.get('/read', guard.hono(read), c => c.json(c.get('auth')))
    app.use('/write', guard.hono(write))
    app.get('/write', c => c.json(c.get('auth').clientId))
    return serve(asNode(request => app.fetch(request)))
  },
  'node:http': async () => {
    const listeners = [read, write].map(requirement =>
      guard.node(requirement, ({ auth }, response) => response.end(JSON.stringify(auth))),
    )
    return serve((request, response) => listeners[request.url === '/read' ? 0 : 1]?.(request, response))
  },
  'the Fetch API': async () => {
    const listeners = [read, write].map(requirement =>
      guard.fetch(requirement, (_, auth, name: string) => Response.json(auth, { headers: { name } })),
    )
    const answer = (request: Request) => {
      const listener = listeners[new URL(request.url).pathname === '/read' ? 0 : 1]
      return listener?.(request, 'fetch') ?? Response.error()
    }
    return serve(asNode(answer))
  },
}

/** What an adapter of a framework to Node does. */
function asNode(answer: (request: Request) => Response | Promise<Response>) {
  return async (
    request: import('node:http').IncomingMessage,
    response: import('node:http').ServerResponse,
  ) => {
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(request.headersDistinct))
      for (const value of values) headers.append(name, value)
    const result = await answer(new Request(`http://localhost${request.url}`, { headers }))
    response.writeHead(result.status, Object.fromEntries(result.headers))
    response.end(await result.text())
  }
}

describe.each(Object.keys(apis))('a guard of %s', name => {
  const open = () => apis[name]?.() ?? Promise.reject(new Error(name))
  const call = (url: string, authorization?: string) =>
    fetch(url, { headers: authorization === undefined ? {} : { authorization } })

  it('lets a token with the scope pass, and says who calls', async () => {
    const response = await call(`${await open()}/read`, `Bearer ${token}`)
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        clientId: 'nightly-export',
        scope: ['orders:read'],
        claims: expect.objectContaining({ iss: issuer.url, aud: audience, jti: 'token-0001' }),
      },
    ])
    expect(events).toMatchObject([
      {
        audit: 'api.authorize',
        outcome: 'allowed',
        reason: 'ok',
        clientId: 'nightly-export',
        scope: 'orders:read',
      },
    ])
  })

  it('challenges who has no token, without an error (RFC 6750 §3.1)', async () => {
    const response = await call(`${await open()}/read`)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(await response.text()).toBe('')
    expect(events).toMatchObject([{ outcome: 'refused', reason: 'credentials_missing' }])
  })

  it('refuses what is no token of the issuer (RFC 6750 §3.1)', async () => {
    const response = await call(`${await open()}/read`, `Bearer ${token}x`)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", /)
    expect(await response.json()).toMatchObject({ error: 'invalid_token' })
  })

  it('refuses a token without the scope (RFC 6750 §3.1)', async () => {
    const response = await call(`${await open()}/write`, `Bearer ${token}`)
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_scope", .*scope="orders:write"$/,
    )
    expect(await response.json()).toMatchObject({ error: 'insufficient_scope', scope: 'orders:write' })
  })

  it('answers 503 while the keys cannot be read, and never calls the handler', async () => {
    issuer.state.jwks = (_, response) => response.destroy()
    const response = await call(`${await open()}/read`, `Bearer ${token}`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(events).toMatchObject([{ outcome: 'failed', reason: 'store_unavailable' }])
  })

  it('refuses a request with two Authorization headers, in either order (RFC 9110 §5.3, RFC 6750 §2)', async () => {
    const url = await open()
    const send = (...values: string[]) => {
      const fields = values.map(value => `Authorization: ${value}\r\n`).join('')
      const head = `GET /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n`
      return rawRequest(url, head)
    }
    expect((await send(`Bearer ${token}`)).status).toBe(200)
    expect((await send(`Bearer ${token}`, `Bearer ${token}`)).status).toBe(400)
    expect((await send(`Bearer ${token}`, 'Basic eDp5')).status).toBe(400)
    expect((await send('Basic eDp5', `Bearer ${token}`)).status).toBe(401)
  })
})

describe('what a guard publishes', () => {
  it('cannot be changed for the next request: no handler gives a token more scope', async () => {
    const authorize = () => guard.authorize({ authorization: `Bearer ${token}`, require: read })
    const first = await authorize()
    if (!first.allowed) throw new Error('refused')
    Object.assign(first.auth.claims, { scope: 'orders:read orders:write', exp: 9_999_999_999 })
    ;(first.auth.scope as string[]).push('orders:write')
    expect(await guard.authorize({ authorization: `Bearer ${token}`, require: write })).toMatchObject({
      allowed: false,
      status: 403,
    })
    expect(await authorize()).toMatchObject({
      auth: { scope: ['orders:read'], claims: { scope: 'orders:read' } },
    })
  })
})

describe('an Authorization header', () => {
  it.each([
    ['a list', (text: string) => [text]],
    ['an object', (text: string) => Object(text)],
  ])('that is %s is none: only text decides', async (_, make) => {
    const authorization = make(`Bearer ${token}`) as string
    expect(await guard.authorize({ authorization, require: read })).toMatchObject({ status: 401, body: '' })
  })
})

describe('the audit event of a decision', () => {
  it('has the caller’s address, by Express’s setting trust proxy where there is one', async () => {
    const app = express().set('trust proxy', true)
    app.get('/read', guard.express(read))
    const headers = { 'x-forwarded-for': '192.0.2.9' }
    await fetch(`${await serve(app)}/read`, { headers })
    await fetch(await serve(guard.node(read, () => {})), { headers })
    expect(events.map(({ sourceIp }) => sourceIp)).toEqual(['192.0.2.9', '127.0.0.1'])
  })

  it('is what the request has of an identifier, and nothing of its token', async () => {
    await guard.authorize({ authorization: `Bearer ${token}`, require: read, requestId: 'r-1' })
    expect(events).toEqual([
      {
        audit: 'api.authorize',
        outcome: 'allowed',
        reason: 'ok',
        requestId: 'r-1',
        sourceIp: undefined,
        clientId: 'nightly-export',
        audience,
        scope: 'orders:read',
        jti: 'token-0001',
      },
    ])
  })

  it('must be heard: where onDecision throws, nothing passes', async () => {
    const lines: string[] = []
    const deaf = createGuard({
      issuer: issuer.url,
      audience,
      revocations: 'none',
      onDecision: () => {
        throw new Error('disk full')
      },
      log: line => lines.push(line),
    })
    const decision = await deaf.authorize({ authorization: `Bearer ${token}`, require: read })
    expect(decision).toMatchObject({ allowed: false, status: 500, reason: 'internal_error' })
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { message: 'unexpected error', error: 'Error' },
    ])
  })

  it('is not held up by a log that throws', async () => {
    issuer.state.jwks = (_, response) => response.destroy()
    const mute = createGuard({
      issuer: issuer.url,
      audience,
      revocations: 'none',
      log: () => {
        throw new Error('disk full')
      },
    })
    expect(await mute.authorize({ authorization: `Bearer ${token}`, require: read })).toMatchObject({
      status: 503,
    })
  })
})

describe('a clock that is more than ten seconds off the issuer’s', () => {
  it('allows nothing, until the issuer shows that it is right', async () => {
    issuer.state.introspect = () => ({ active: true, jti: 'token-0001' })
    const lines: string[] = []
    const introspecting = createGuard({
      issuer: issuer.url,
      audience,
      revocations: { clientId: 'c', clientSecret: 's', maxRevocationDelaySeconds: 0 },
      log: line => lines.push(line),
    })
    const authorize = () => introspecting.authorize({ authorization: `Bearer ${token}`, require: read })
    issuer.state.date = new Date(Date.now() + 60_000)
    expect(await authorize()).toMatchObject({ allowed: false, reason: 'clock_wrong', status: 503 })
    expect(lines.map(line => JSON.parse(line))).toMatchObject([{ service: 'guard', ClockWrong: 1 }])
    issuer.state.date = undefined
    expect(await authorize()).toMatchObject({ allowed: true })
  })
})

describe('start', () => {
  it('reads the keys beforehand, and never throws', async () => {
    await guard.start()
    await guard.authorize({ authorization: `Bearer ${token}`, require: read })
    expect(issuer.state.asked.jwks).toBe(1)
    const lost = createGuard({ issuer: 'http://127.0.0.1:1', audience, revocations: 'none' })
    await expect(lost.start()).resolves.toBe(undefined)
  })
})
