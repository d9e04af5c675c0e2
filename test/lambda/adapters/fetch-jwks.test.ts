import { Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type FetchJwksSettings, fetchJwks } from '../../../lambda/adapters/fetch-jwks.ts'
import { answerOf, startRawServer } from '../support/raw-server.ts'

const maxOctets = 65_536
const json = { 'content-type': 'application/jwk-set+json' }
const ok = (body: string | Buffer, headers: Record<string, string> = json) =>
  answerOf('200 OK', headers, body)

/** Fetches from a server that gives this answer, allowed by its origin. */
async function fetched(
  answer: Parameters<typeof startRawServer>[0],
  settings: Partial<FetchJwksSettings> = {},
) {
  const server = await startRawServer(answer)
  const result = await fetchJwks(`${server.origin}/jwks.json?tenant=1`, {
    allowOrigin: server.origin,
    ...settings,
  })
  await server.allClosed()
  return { result, server }
}

/** JSON of exactly so many octets. */
const jsonOf = (octets: number) => `{"keys":[],"a":"${'a'.repeat(octets - 18)}"}`

describe('fetching a JWKS', () => {
  it('is one GET that takes JSON as it is, and ends its connection', async () => {
    const { result, server } = await fetched(ok('{"keys":[]}'))
    expect(result).toEqual({ document: { keys: [] } })
    expect(server.received).toEqual([
      'GET /jwks.json?tenant=1 HTTP/1.1\r\n' +
        `host: 127.0.0.1:${server.port}\r\n` +
        'accept: application/jwk-set+json, application/json\r\n' +
        'accept-encoding: identity\r\n' +
        'user-agent: countersign\r\n' +
        'connection: close\r\n\r\n',
    ])
  })

  it('takes an answer in chunks, or to the end of the connection', async () => {
    const chunked = ok('b\r\n{"keys":[]}\r\n0\r\n\r\n', { 'transfer-encoding': 'chunked' })
    expect((await fetched(chunked)).result).toEqual({ document: { keys: [] } })
    expect((await fetched('HTTP/1.1 200 OK\r\n\r\n{"keys":[]}')).result).toEqual({ document: { keys: [] } })
  })

  it.each(['identity', 'Identity'])('takes the content-encoding %s', async encoding => {
    expect((await fetched(ok('1', { 'content-encoding': encoding }))).result).toEqual({ document: 1 })
  })

  it('takes 64 KiB', async () => {
    const body = jsonOf(maxOctets)
    expect(body).toHaveLength(maxOctets)
    expect((await fetched(ok(body))).result).toEqual({ document: JSON.parse(body) })
  })
})

describe('a JWKS is not fetched', () => {
  it.each(['300', '301', '302', '303', '304', '307', '308'])('by a redirect, %s', async status => {
    const elsewhere = await startRawServer(ok('{"keys":[]}'))
    const { result, server } = await fetched(answerOf(`${status} -`, { location: `${elsewhere.origin}/` }))
    expect(result).toBe('redirect')
    expect([server.received.length, elsewhere.received.length]).toEqual([1, 0])
  })

  it.each(['201', '202', '203', '204', '206', '400', '401', '404', '429', '500', '503', '599'])(
    'with status %s',
    async status => {
      expect(
        (await fetched(answerOf(`${status} -`, json, status === '204' ? '' : '{"keys":[]}'))).result,
      ).toBe('status')
    },
  )

  it.each(['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', 'x', ''])(
    'with the content-encoding %j',
    async encoding => {
      expect((await fetched(ok('{"keys":[]}', { 'content-encoding': encoding }))).result).toBe('encoding')
    },
  )

  it('with more than 64 KiB, whether the length is said or not', async () => {
    const body = jsonOf(maxOctets + 1)
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    expect((await fetched(ok(body))).result).toBe('too_large')
    expect((await fetched(ok(chunk, { 'transfer-encoding': 'chunked' }))).result).toBe('too_large')
    expect((await fetched(`HTTP/1.1 200 OK\r\n\r\n${body}`)).result).toBe('too_large')
  })

  it('without an end, and the server is told to stop', async () => {
    const { result } = await fetched(socket => {
      const more = () => {
        while (!socket.destroyed && socket.write('a'.repeat(16_384))) {}
      }
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.on('drain', more)
      more()
    })
    expect(result).toBe('too_large')
  })

  it('with headers without an end', async () => {
    const headers = { 'x-a': 'a'.repeat(40_000) }
    expect((await fetched(ok('{"keys":[]}', headers))).result).toBe('too_large')
  })

  it.each([
    ['nothing', ''],
    ['half of it', '{"keys":['],
    ['HTML', '<html></html>'],
    ['a byte order mark', '\ufeff{"keys":[]}'],
    ['invalid UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
    ['UTF-16', Buffer.from('{"keys":[]}', 'utf16le')],
    ['two documents', '{"keys":[]}{"keys":[]}'],
  ])('that is not JSON: %s', async (_, body) => {
    expect((await fetched(ok(body))).result).toBe('not_json')
  })

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
    ['nothing at all', ''],
    ['less than was promised', ok('{"keys":[]}', { 'content-length': '12' })],
    ['a chunk that is cut off', ok('b\r\n{"keys', { 'transfer-encoding': 'chunked' })],
    ['another protocol', answerOf('101 Switching Protocols', { upgrade: 'x', connection: 'upgrade' })],
    ['two lengths', ok('1', { 'content-length': '1', 'Content-Length': '2' })],
  ])('from a server that answers with %s', async (_, answer) => {
    expect((await fetched(answer)).result).toBe('connection')
  })

  it('from a server that resets the connection', async () => {
    expect((await fetched(socket => socket.resetAndDestroy())).result).toBe('connection')
  })

  it('from a port where nobody listens', async () => {
    const { origin } = await closedServer()
    expect(await fetchJwks(`${origin}/`, { allowOrigin: origin })).toBe('connection')
  })

  it.each(['', 'nonsense', 'http://keys.example.com/', 'https://localhost/', 'file:///etc/passwd'])(
    'from what may not be registered: %j',
    async uri => {
      const settings = { allowOrigin: undefined, lookup: neverCalled, connect: neverCalled }
      expect(await fetchJwks(uri, settings)).toBe('uri_refused')
    },
  )
})

describe('the time limit', () => {
  const limited = { timeLimitMilliseconds: 100 }

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['sends its head in drops', socket => drip(socket, 'HTTP/1.1 200 OK\r\nx: ')],
    [
      'sends one interim answer after another',
      socket => drip(socket, '', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
    ['sends its body in drops', socket => drip(socket, 'HTTP/1.1 200 OK\r\n\r\n')],
    ['stops in the middle', socket => socket.write(ok('{"keys', { 'content-length': '11' }))],
  ])('is for everything: a server that %s is left', async (_, answer) => {
    const { result } = await fetched(answer, limited)
    expect(result).toBe('timeout')
  })

  it('is for the look-up of the name too, and what is found later is not connected to', async () => {
    let found = (_: { address: string; family: number }[]) => {}
    const lookup = () =>
      new Promise<{ address: string; family: number }[]>(resolve => {
        found = resolve
      })
    const connect = vi.fn(() => new Socket())
    const settings = { ...limited, allowOrigin: undefined, lookup, connect }
    expect(await fetchJwks('https://keys.example.com/', settings)).toBe('timeout')
    found([{ address: '93.184.216.34', family: 4 }])
    await new Promise(setImmediate)
    expect(connect).not.toHaveBeenCalled()
  })

  it('is for connecting too', async () => {
    const sockets: Socket[] = []
    const connect = ({ signal }: { signal?: AbortSignal }) => {
      const socket = new Socket({ ...(signal && { signal }) })
      sockets.push(socket)
      return socket
    }
    const settings = { ...limited, allowOrigin: undefined, connect }
    expect(await fetchJwks('https://93.184.216.34/', settings)).toBe('timeout')
    expect(sockets.map(socket => socket.destroyed)).toEqual([true])
  })

  it('is for the handshake of TLS too', async () => {
    const server = await startRawServer(() => undefined)
    const origin = server.origin.replace('http:', 'https:')
    expect(await fetchJwks(`${origin}/`, { ...limited, allowOrigin: origin })).toBe('timeout')
    await server.allClosed()
  })

  it('is 800 ms where nothing else is said', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    expect((await fetched(ok('1'))).result).toEqual({ document: 1 })
    expect(timers.mock.calls.map(([, ...rest]) => rest)).toContainEqual([800, 'timeout'])
  })
})

function neverCalled(): never {
  throw new Error('nothing is to be looked up or connected to')
}

async function closedServer() {
  const { Server } = await import('node:net')
  const server = new Server()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return { origin: `http://127.0.0.1:${port}` }
}

/** Sends a beginning, and then a drop every few milliseconds. */
function drip(socket: Socket, beginning: string, drop = 'a'): void {
  socket.write(beginning)
  const timer = setInterval(() => socket.write(drop), 5)
  socket.on('close', () => clearInterval(timer))
  onTestFinished(() => clearInterval(timer))
}
