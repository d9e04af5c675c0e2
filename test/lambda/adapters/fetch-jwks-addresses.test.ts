import { connect as connectTcp, type TcpNetConnectOpts } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { fetchJwks } from '../../../lambda/adapters/fetch-jwks.ts'
import { answerOf, startRawServer } from '../support/raw-server.ts'

const addressOf = (address: string) => ({ address, family: address.includes(':') ? 6 : 4 })
const publicAddress = '93.184.216.34'

/** What a name that stands for these addresses is connected to: the options of every connection. */
async function connectionsTo(addresses: string[], uri = 'https://keys.example.com/jwks') {
  const connections: TcpNetConnectOpts[] = []
  const result = await fetchJwks(uri, {
    allowOrigin: undefined,
    lookup: async () => addresses.map(addressOf),
    connect: options => {
      connections.push(options)
      throw new Error('there is no network in this test')
    },
  })
  return { result, connections }
}

/** What Node would get from the `lookup` of a connection. */
function lookedUp({ host, lookup }: TcpNetConnectOpts) {
  return new Promise(resolve =>
    lookup?.(host ?? '', { all: true }, (_error, addresses) => resolve(addresses)),
  )
}

describe('a name that a jwks_uri has', () => {
  it.each([
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '172.20.0.1',
    '192.168.1.1',
    '169.254.169.254',
    'fd00:ec2::254',
    '100.64.0.1',
    '0.0.0.0',
    '::',
    '255.255.255.255',
    '224.0.0.1',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:93.184.216.34',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '192.0.2.1',
    'nonsense',
    '',
  ])('that stands for %j is not connected to', async address => {
    expect(await connectionsTo([address])).toEqual({ result: 'not_public_address', connections: [] })
  })

  it('that stands for one such address among public ones is not connected to', async () => {
    for (const addresses of [
      [publicAddress, '127.0.0.1'],
      ['::1', publicAddress],
      [publicAddress, '2606:4700::1', '10.0.0.1'],
    ]) {
      expect(await connectionsTo(addresses)).toEqual({ result: 'not_public_address', connections: [] })
    }
  })

  it('that stands for public addresses is connected to at these, without another look-up, on port 443', async () => {
    const addresses = [publicAddress, '2606:4700::1']
    const { result, connections } = await connectionsTo(addresses)
    expect(result).toBe('connection')
    expect(connections).toHaveLength(1)
    const [options = { port: 0 }] = connections
    expect(options).toMatchObject({ host: 'keys.example.com', port: 443, autoSelectFamily: true })
    expect(await lookedUp(options)).toEqual(addresses.map(addressOf))
  })

  it('that stands for nothing, or cannot be looked up, is not connected to', async () => {
    expect(await connectionsTo([])).toEqual({ result: 'connection', connections: [] })
    const connect = vi.fn()
    const lookup = () => Promise.reject(new Error('getaddrinfo ENOTFOUND'))
    const settings = { allowOrigin: undefined, lookup, connect }
    expect(await fetchJwks('https://keys.example.com/', settings)).toBe('connection')
    expect(connect).not.toHaveBeenCalled()
  })

  it('is looked up as it is written, once', async () => {
    const lookup = vi.fn(async () => [addressOf('127.0.0.1')])
    await fetchJwks('https://keys.example.com/jwks', { allowOrigin: undefined, lookup })
    expect(lookup.mock.calls).toEqual([['keys.example.com']])
  })

  it('is looked up by the system where nothing else is said', async () => {
    // RFC 6761 §6.4: a name that never exists.
    expect(await fetchJwks('https://keys.invalid/jwks', { allowOrigin: undefined })).toBe('connection')
  })
})

describe('an address that a jwks_uri has', () => {
  it.each(['93.184.216.34', '[2606:4700::1]'])('is connected to without a look-up: %s', async host => {
    const lookup = vi.fn()
    const connections: TcpNetConnectOpts[] = []
    const connect = (options: TcpNetConnectOpts) => {
      connections.push(options)
      throw new Error('there is no network in this test')
    }
    await fetchJwks(`https://${host}/jwks`, { allowOrigin: undefined, lookup, connect })
    expect(lookup).not.toHaveBeenCalled()
    expect(connections).toMatchObject([{ host: host.replace(/[[\]]/g, ''), port: 443 }])
  })
})

describe('a connection', () => {
  it('that reaches another address than was looked up is ended before anything is sent', async () => {
    const server = await startRawServer(answerOf('200 OK', {}, '{"keys":[]}'))
    const result = await fetchJwks('https://keys.example.com/jwks', {
      allowOrigin: undefined,
      lookup: async () => [addressOf(publicAddress)],
      connect: ({ signal }) =>
        connectTcp({ host: '127.0.0.1', port: server.port, ...(signal && { signal }) }),
    })
    expect(result).toBe('not_public_address')
    await server.allClosed()
    expect(server.received.join('')).toBe('')
  })

  it('to the origin that is allowed may be to any address, and to no other origin', async () => {
    const server = await startRawServer(answerOf('200 OK', {}, '{"keys":[]}'))
    const allowOrigin = `http://localhost:${server.port}`
    expect(await fetchJwks(`${allowOrigin}/jwks`, { allowOrigin })).toEqual({ document: { keys: [] } })
    expect(await fetchJwks(`${server.origin}/jwks`, { allowOrigin })).toBe('uri_refused')
    const lookup = async () => [addressOf('127.0.0.1')]
    expect(await fetchJwks('https://keys.example.com/', { allowOrigin, lookup })).toBe('not_public_address')
    expect(server.received).toHaveLength(1)
  })
})
