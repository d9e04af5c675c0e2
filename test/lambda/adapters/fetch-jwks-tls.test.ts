import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer, type Server as PlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { fetchJwks } from '../../../lambda/adapters/fetch-jwks.ts'
import { startRawServer } from '../support/raw-server.ts'
import { selfSignedCertificate } from '../support/self-signed-certificate.ts'

const certificate = selfSignedCertificate('keys.example.com')
const folder = mkdtempSync(join(tmpdir(), 'fetch-jwks-'))
const trusted = join(folder, 'trusted.pem')
const program = fileURLToPath(new URL('../support/fetch-over-tls.ts', import.meta.url))
const seen: { host: string | undefined; servername: unknown; alpn: unknown }[] = []
let server: Server

beforeAll(async () => {
  writeFileSync(trusted, certificate.cert)
  server = createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] }, (request, response) => {
    const { servername, alpnProtocol } = request.socket as TLSSocket
    seen.push({ host: request.headers.host, servername, alpn: alpnProtocol })
    response.end('{"keys":[]}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const portOf = (listening: Server | PlainServer) => String((listening.address() as AddressInfo).port)

/** Fetches in a process that trusts the certificate, with more in its environment. */
async function fetchTrusting(uri: string, environment: Record<string, string> = {}): Promise<unknown> {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: trusted, ...environment }
  const args = ['--import', 'tsx', program, uri, portOf(server)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return JSON.parse(stdout)
}

describe('TLS', () => {
  it('is for the name in the URL, with HTTP/1.1 and without any proxy of the environment', async () => {
    const proxy = await startRawServer(socket => socket.destroy())
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']
    const proxies = Object.fromEntries(names.map(name => [name, proxy.origin]))
    const environment = { ...proxies, NODE_USE_ENV_PROXY: '1', NO_PROXY: '', no_proxy: '' }
    seen.length = 0
    expect(await fetchTrusting('https://keys.example.com/jwks', environment)).toEqual({
      document: { keys: [] },
    })
    const name = 'keys.example.com'
    expect(seen).toEqual([{ host: name, servername: name, alpn: 'http/1.1' }])
    expect(proxy.received).toEqual([])
  })

  it.each(['https://other.example.com/jwks', 'https://93.184.216.34/jwks'])(
    'is refused where the certificate is not for the host (RFC 9110 §4.3.4): %s',
    async uri => {
      seen.length = 0
      expect(await fetchTrusting(uri)).toBe('tls')
      expect(seen).toEqual([])
    },
  )

  it('is refused where nobody trusts the certificate, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    seen.length = 0
    const allowOrigin = `https://127.0.0.1:${portOf(server)}`
    expect(await fetchJwks(`${allowOrigin}/jwks`, { allowOrigin })).toBe('tls')
    expect(seen).toEqual([])
  })

  it('is refused where the server speaks none', async () => {
    const plain = createPlainServer()
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    onTestFinished(() => void plain.close())
    const allowOrigin = `https://127.0.0.1:${portOf(plain)}`
    expect(await fetchJwks(`${allowOrigin}/jwks`, { allowOrigin })).toBe('tls')
  })
})
