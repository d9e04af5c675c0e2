import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ClientJwksUris } from '../../../lambda/adapters/client-jwks-uris.ts'
import { ecJwk, ed25519Jwk, type Jwk, rsaJwk } from '../oauth/support/client-jwks.ts'
import { frozenClock, recordedLines } from '../support/recorded-lines.ts'

const first: Jwk = { ...ecJwk(), kid: 'first' }
const second: Jwk = { ...ecJwk(), kid: 'second' }

let published: (
  path: string,
) => { status?: number; body: unknown } | Promise<{ status?: number; body: unknown }>
const asked: string[] = []
const server = createServer(async (request, response) => {
  asked.push(request.url ?? '')
  const { status = 200, body } = await published(request.url ?? '')
  response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
})
let origin: string
let clock: ReturnType<typeof frozenClock>
let recorded: ReturnType<typeof recordedLines>
let uris: ClientJwksUris

beforeEach(async () => {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  asked.length = 0
  clock = frozenClock()
  recorded = recordedLines()
  uris = new ClientJwksUris({ clock, records: recorded.records }, { allowOrigin: origin })
  publish(first)
})

afterAll(() => {
  server.close()
})

function publish(...keys: Jwk[]): void {
  published = () => ({ body: { keys } })
}

function fail(): void {
  published = () => ({ status: 503, body: '' })
}

const advance = (seconds: number) => clock.advance(seconds * 1000)

/** The kids that are found, or that there is nothing. */
async function find(kid?: string, path = '/jwks', algorithm?: 'ES256' | 'RS256' | 'PS256' | 'EdDSA') {
  const keys = await uris.find(`${origin}${path}`, kid, algorithm)
  return keys === 'unavailable' ? keys : keys.map(key => key.kid)
}

const problems = () => recorded.lines.map(line => line.problem)

describe('the keys at a jwks_uri', () => {
  it('are those that it publishes, parsed as registered ones are (RFC 7591 §2)', async () => {
    const [key] = await keysAt('/jwks')
    const { kid, x, y } = first
    expect(key).toEqual({ kid, algorithm: 'ES256', jwk: { crv: 'P-256', kty: 'EC', x, y } })
    expect(recorded.texts).toEqual([])
  })

  it('are asked for once in 300 seconds', async () => {
    expect(await find('first')).toEqual(['first'])
    publish(second)
    advance(299.999)
    expect([await find('first'), await find()]).toEqual([['first'], ['first']])
    expect(asked).toHaveLength(1)
    advance(0.001)
    expect(await find('second')).toEqual(['second'])
    expect(asked).toHaveLength(2)
  })

  it('are as old as the fetch is that brought them, from its start', async () => {
    published = () => {
      advance(290)
      return { body: { keys: [first] } }
    }
    await find('first')
    advance(10)
    publish(second)
    expect(await find()).toEqual(['second'])
  })

  it('are asked for again for a kid that is not among them, at most once in 10 seconds', async () => {
    await find('first')
    publish(first, second)
    advance(9.999)
    expect(await find('second')).toEqual(['first'])
    expect(asked).toHaveLength(1)
    advance(0.001)
    expect(await find('second')).toEqual(['first', 'second'])
    expect([await find('third'), await find('third')]).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ])
    expect(asked).toHaveLength(2)
    advance(10)
    await find('third')
    expect(asked).toHaveLength(3)
  })

  it('are not asked for again where no kid is named', async () => {
    publish({ ...ecJwk() })
    expect([await find(), await find()]).toEqual([[undefined], [undefined]])
    advance(200)
    await find()
    expect(asked).toHaveLength(1)
  })

  it('are asked for by one request, whoever else needs them meanwhile', async () => {
    let answer = () => {}
    const answered = new Promise<void>(resolve => {
      answer = resolve
    })
    published = async () => {
      await answered
      return { body: { keys: [first] } }
    }
    const finds = [find('first'), find('other'), find(), find('first', '/jwks', 'ES256')]
    await expect.poll(() => asked.length).toBe(1)
    const late = find('first')
    answer()
    expect(await Promise.all([...finds, late])).toEqual(Array(5).fill(['first']))
    expect(asked).toHaveLength(1)
  })

  it('are kept for each URI', async () => {
    published = path => ({ body: { keys: [path === '/a' ? first : second] } })
    expect([await find('first', '/a'), await find('second', '/b')]).toEqual([['first'], ['second']])
    expect(await find('first', '/a')).toEqual(['first'])
    expect(asked).toEqual(['/a', '/b'])
  })

  it('are kept for 100 URIs: the one that was asked longest ago goes', async () => {
    for (let index = 0; index < 100; index++) await find('first', `/${index}`)
    await find('first', '/0')
    expect(asked).toHaveLength(100)
    advance(300)
    await find('first', '/0')
    await find('first', '/100')
    asked.length = 0
    advance(10)
    for (const path of ['/100', '/0']) await find('first', path)
    expect(asked).toEqual([])
    await find('first', '/1')
    expect(asked).toEqual(['/1'])
  })
})

describe('where a jwks_uri fails', () => {
  it('the last good keys are used, up to an hour', async () => {
    await find('first')
    fail()
    advance(300)
    expect(await find('first')).toEqual(['first'])
    advance(3299.999)
    expect(await find('first')).toEqual(['first'])
    advance(0.001)
    expect(await find('first')).toBe('unavailable')
    publish(second)
    advance(10)
    expect(await find('second')).toEqual(['second'])
  })

  it('it is asked at most once in 10 seconds', async () => {
    fail()
    expect([await find('first'), await find('second'), await find()]).toEqual(Array(3).fill('unavailable'))
    expect(asked).toHaveLength(1)
    advance(9.999)
    await find('first')
    expect(asked).toHaveLength(1)
    publish(first)
    advance(0.001)
    expect(await find('first')).toEqual(['first'])
    expect(asked).toHaveLength(2)
  })

  it('and keys are old, it is asked at most once in 10 seconds too', async () => {
    await find('first')
    fail()
    advance(300)
    for (let elapsed = 0; elapsed < 20; elapsed++) {
      expect(await find('first')).toEqual(['first'])
      advance(1)
    }
    expect(asked).toHaveLength(3)
  })

  it('a kid that is new is not found, and the keys there are stay', async () => {
    await find('first')
    fail()
    advance(10)
    expect(await find('second')).toEqual(['first'])
    expect(asked).toHaveLength(2)
  })

  it('a clock that is put back makes nothing younger', async () => {
    let wall = 0
    const jumping = { now: () => clock.now() + wall, monotonic: () => clock.monotonic() }
    uris = new ClientJwksUris({ clock: jumping, records: recorded.records }, { allowOrigin: origin })
    await find('first')
    publish(second)
    wall = -86_400_000
    advance(300)
    expect(await find()).toEqual(['second'])
  })

  it.each<[string, unknown, string]>([
    ['no JSON', '<html>', 'not_json'],
    ['no set of keys', [], 'keys_refused'],
    ['an empty set', { keys: [] }, 'keys_refused'],
    ['a set with one bad key', { keys: [first, { ...second, use: 'enc' }] }, 'keys_refused'],
    ['a private key', { keys: [{ ...first, d: 'AA' }] }, 'keys_refused'],
  ])('with %s, nothing of it is used', async (_, body, problem) => {
    published = () => ({ body })
    expect(await find('first')).toBe('unavailable')
    publish(first)
    advance(10)
    expect(await find('first')).toEqual(['first'])
    published = () => ({ body })
    advance(300)
    expect(await find('first')).toEqual(['first'])
    expect(problems()).toEqual([problem, problem])
  })

  it('a line says why, and nothing of the URI', async () => {
    published = () => ({ status: 302, body: '' })
    await find('first', '/secret-tenant?token=abc')
    expect(recorded.lines).toEqual([
      {
        timestamp: '2026-01-02T03:04:05.000Z',
        level: 'WARN',
        service: 'token',
        message: 'the keys at the jwks_uri of a client are not available',
        problem: 'redirect',
      },
    ])
  })

  it('because it may not be one at all, nothing is asked', async () => {
    for (const uri of ['http://keys.example.com/', 'https://169.254.169.254/', 'nonsense']) {
      expect(await uris.find(uri, 'first', undefined)).toBe('unavailable')
    }
    expect(problems()).toEqual(['uri_refused', 'uri_refused', 'uri_refused'])
  })
})

describe('the algorithm of a client', () => {
  it('is for every key at its jwks_uri', async () => {
    const rsa = { ...rsaJwk(), kid: 'rsa' }
    publish(rsa)
    const algorithms = ['PS256', 'RS256', undefined] as const
    const found = await Promise.all(algorithms.map(algorithm => keysAt('/jwks', algorithm)))
    expect(found.map(([key]) => key?.algorithm)).toEqual(['PS256', 'RS256', 'RS256'])
    expect(asked).toHaveLength(1)
  })

  it('that not every key fits leaves that client without keys, and no other', async () => {
    publish(first, { ...ed25519Jwk(), kid: 'ed' })
    expect(await find('first', '/jwks', 'ES256')).toBe('unavailable')
    expect(await find('first', '/jwks')).toEqual(['first', 'ed'])
    expect(await find('first', '/jwks', 'ES256')).toBe('unavailable')
    expect(problems()).toEqual(['keys_refused'])
    publish(first)
    advance(10)
    expect(await find('first', '/jwks', 'ES256')).toEqual(['first'])
    expect(asked).toHaveLength(2)
  })
})

async function keysAt(path: string, algorithm?: 'PS256' | 'RS256') {
  const keys = await uris.find(`${origin}${path}`, undefined, algorithm)
  if (keys === 'unavailable') throw new Error('there are no keys')
  return keys
}
