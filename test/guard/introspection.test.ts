import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { IntrospectionOptions } from '../../guard/guard-options.ts'
import { Introspection } from '../../guard/introspection.ts'
import { frozenClock, recordedLines } from '../lambda/support/recorded-lines.ts'
import { serve, startIssuer } from './local-issuer.ts'

const token = { jti: 'token-0001', clientId: 'billing', kid: 'k', iat: 1 }
const other = { ...token, jti: 'token-0002' }
const active = (text: string) => ({ active: true, jti: text })

function newIntrospection(introspectionEndpoint: string, changes: Partial<IntrospectionOptions> = {}) {
  const clock = frozenClock()
  const recorded = recordedLines('guard')
  const dates: number[] = []
  const options = {
    clientId: 'orders api',
    clientSecret: 's:3cr+t',
    introspectionEndpoint,
    maxRevocationDelaySeconds: 5,
    ...changes,
  }
  const watch = { observe: (date: number) => void dates.push(date) }
  const introspection = new Introspection(options, { clock, records: recorded.records, watch })
  // The issuer of these tests takes the identifier of a token for the token.
  const ask = (which = token) => introspection.isRevoked(which, which.jti)
  return { clock, recorded, dates, ask }
}

async function newIssuer(changes: Partial<IntrospectionOptions> = {}) {
  const { url, state } = await startIssuer()
  state.introspect = active
  return { state, ...newIntrospection(`${url}/introspect`, changes) }
}

describe('introspection', () => {
  it('asks as a client with a secret, form-encoded (RFC 7662 §2.1, RFC 6749 §2.3.1)', async () => {
    const { state, ask, dates } = await newIssuer()
    expect(await ask()).toBe(false)
    expect(state.asked.introspect).toEqual([
      { authorization: `Basic ${btoa('orders+api:s%3A3cr%2Bt')}`, body: 'token=token-0001' },
    ])
    expect(dates).toEqual([expect.any(Number)])
  })

  it('takes a token that is not active for revoked (RFC 7662 §2.2)', async () => {
    const { state, ask } = await newIssuer()
    state.introspect = () => ({ active: false })
    expect(await ask()).toBe(true)
  })

  it('uses an answer for that token alone, and for less than the delay', async () => {
    const { state, ask, clock } = await newIssuer()
    await ask()
    await ask(other)
    clock.advance(4999)
    state.introspect = () => ({ active: false })
    expect([await ask(), state.asked.introspect.length]).toEqual([false, 2])
    clock.advance(1)
    expect([await ask(), state.asked.introspect.length]).toEqual([true, 3])
  })

  it('asks for each request with a delay of 0, for those at the same time, too', async () => {
    const { state, ask } = await newIssuer({ maxRevocationDelaySeconds: 0 })
    await Promise.all([ask(), ask()])
    await ask()
    expect(state.asked.introspect).toHaveLength(3)
  })

  it('asks once for several requests at the same time', async () => {
    const { state, ask } = await newIssuer()
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([false, false, false])
    expect(state.asked.introspect).toHaveLength(1)
  })

  it('asks anew when the answer that was waited for has become too old', async () => {
    const { state, ask, clock } = await newIssuer()
    let answer: (value: object) => void = () => {}
    const asked = new Promise<void>(resolve => {
      state.introspect = () => {
        resolve()
        return new Promise(resolveAnswer => {
          answer = resolveAnswer
        })
      }
    })
    const one = ask()
    const two = ask()
    await asked
    clock.advance(5000)
    state.introspect = () => ({ active: false })
    answer(active('token-0001'))
    expect(await Promise.all([one, two])).toEqual([false, true])
  })

  it('asks for the secret each time where it is a function', async () => {
    const secrets = ['old', 'new']
    const clientSecret = async () => secrets.shift() ?? ''
    const { state, ask } = await newIssuer({ clientSecret, maxRevocationDelaySeconds: 0 })
    await ask()
    await ask()
    const sent = state.asked.introspect.map(({ authorization = '' }) => atob(authorization.slice(6)))
    expect(sent).toEqual(['orders+api:old', 'orders+api:new'])
  })

  it('fails, and says so without the secret, where there is no secret', async () => {
    const { ask, recorded } = await newIssuer({ clientSecret: () => Promise.reject(new Error('s3cr3t')) })
    await expect(ask()).rejects.toThrow('store unavailable')
    expect(recorded.lines).toMatchObject([{ endpoint: 'introspection', problem: 'client_secret' }])
    expect(recorded.texts.join()).not.toContain('s3cr3t')
  })

  it.each<[string, string, (response: ServerResponse) => void]>([
    ['refuses the client', 'status_401', response => response.writeHead(401).end('{}')],
    ['is overloaded', 'status_503', response => response.writeHead(503).end('{"active":true}')],
    ['redirects', 'connection', response => response.writeHead(307, { location: '/elsewhere' }).end()],
    ['says nothing', 'not_json', response => response.end()],
    ['answers with text', 'not_of_this_token', response => response.end('"active"')],
    ['says active in a text', 'not_of_this_token', response => response.end('{"active":"true"}')],
    ['is of another token', 'not_of_this_token', response => response.end('{"active":true,"jti":"x"}')],
    ['is endless', 'too_large', response => response.end('x'.repeat(64 * 1024 + 1))],
    ['breaks off', 'connection', response => response.destroy()],
  ])('says neither where the answer %s', async (_, problem, answer) => {
    const { ask, recorded } = newIntrospection(await serve((_request, response) => answer(response)))
    await expect(ask()).rejects.toThrow('store unavailable')
    expect(recorded.lines).toMatchObject([{ level: 'WARN', endpoint: 'introspection', problem }])
  })

  it('asks once more over a connection that was closed, and then again for the next request', async () => {
    let isBroken = true
    let count = 0
    const url = await serve((_, response) => {
      count++
      if (count === 1 || isBroken) response.destroy()
      else response.end('{"active":true,"jti":"token-0001"}')
    })
    const { ask } = newIntrospection(url)
    await expect(ask()).rejects.toThrow('store unavailable')
    expect(count).toBe(2)
    isBroken = false
    count = 0
    expect([await ask(), count]).toEqual([false, 2])
  })
})
