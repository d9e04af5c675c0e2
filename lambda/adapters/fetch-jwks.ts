import type { LookupAddress } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { connect as connectTcp, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { hostOf, isExempt, isJwksUri } from '../oauth/jwks-uri.ts'
import { isPublicAddress } from '../oauth/public-address.ts'

/** Why keys could not be had from a `jwks_uri`: fixed codes, for the records. */
export type JwksProblem =
  | 'uri_refused'
  | 'not_public_address'
  | 'connection'
  | 'tls'
  | 'redirect'
  | 'status'
  | 'encoding'
  | 'too_large'
  | 'timeout'
  | 'not_json'
  | 'keys_refused'

export interface FetchJwksSettings {
  /**
   * The one origin that need not be https, public or on port 443, since no client chose it: the issuer's own, or one of
   * the local run; undefined = none.
   */
  readonly allowOrigin: string | undefined
  /** For everything, from the look-up of the name to the last octet. @default 800 */
  readonly timeLimitMilliseconds?: number
  /** Every address of a name. @default - the system's resolver */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>
  /** @default - node:net's */
  readonly connect?: (options: TcpNetConnectOpts) => Socket
}

const maxOctets = 64 * 1024
const defaultTimeLimitMilliseconds = 800

class JwksFetchError extends Error {
  override readonly name = 'JwksFetchError'
  readonly problem: JwksProblem

  constructor(problem: JwksProblem) {
    super(problem)
    this.problem = problem
  }
}

/**
 * Fetches a client's JWKS (RFC 7517 §5). The URL is the client's choice, so what is asked is guarded: an address of the
 * public internet, and that of the connection there is, not of a look-up that another may follow; port 443, TLS with a
 * certificate for the name, one request without a redirect or a proxy, at most 64 KiB of JSON, within the time limit.
 *
 * @returns the parsed JSON, not looked at; or why there is none
 */
export async function fetchJwks(
  uri: string,
  settings: FetchJwksSettings,
): Promise<{ readonly document: unknown } | JwksProblem> {
  if (!isJwksUri(uri, settings.allowOrigin)) return 'uri_refused'
  const end = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<JwksProblem>(resolve => {
    timer = setTimeout(resolve, settings.timeLimitMilliseconds ?? defaultTimeLimitMilliseconds, 'timeout')
  })
  try {
    return await Promise.race([download(new URL(uri), settings, end.signal), timeUp])
  } finally {
    clearTimeout(timer)
    // Whatever came of it, no connection stays.
    end.abort()
  }
}

async function download(url: URL, settings: FetchJwksSettings, signal: AbortSignal) {
  try {
    const socket = await connectTo(url, settings, signal)
    const stream = url.protocol === 'https:' ? await secure(socket, hostOf(url)) : socket
    return { document: parseJson(await get(url, stream)) }
  } catch (error) {
    return error instanceof JwksFetchError ? error.problem : 'connection'
  }
}

async function connectTo(url: URL, settings: FetchJwksSettings, signal: AbortSignal): Promise<Socket> {
  const host = hostOf(url)
  const isAllowed = (address: string | undefined) =>
    isExempt(url, settings.allowOrigin) || (address !== undefined && isPublicAddress(address))

  const family = isIP(host)
  const addresses =
    family === 0 ? [...(await (settings.lookup ?? systemLookup)(host))] : [{ address: host, family }]
  if (addresses.length === 0) throw new JwksFetchError('connection')
  if (!addresses.every(({ address }) => isAllowed(address))) throw new JwksFetchError('not_public_address')
  signal.throwIfAborted()

  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const socket = (settings.connect ?? connectTcp)({
    host,
    port,
    signal,
    autoSelectFamily: true,
    // The addresses that were just checked, and no others.
    lookup: (_host, _options, callback) => callback(null, addresses),
  })
  await happened(socket, 'connect', 'connection')
  if (!isAllowed(socket.remoteAddress)) throw new JwksFetchError('not_public_address')
  return socket
}

async function systemLookup(host: string): Promise<readonly LookupAddress[]> {
  const { lookup } = await import('node:dns/promises')
  return lookup(host, { all: true })
}

async function secure(socket: Socket, host: string): Promise<TLSSocket> {
  const { connect } = await import('node:tls')
  const secured = connect({
    socket,
    host,
    // An address has no place in the extension (RFC 6066 §3); the certificate must be for it all the same.
    servername: isIP(host) === 0 ? host : '',
    // Said here, since the environment can turn the default off.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  })
  await happened(secured, 'secureConnect', 'tls')
  return secured
}

/** Waits for an event of a socket. An error that comes after it is somebody else's to notice. */
function happened(socket: Socket, event: 'connect' | 'secureConnect', problem: JwksProblem): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new JwksFetchError(problem))
    socket.once(event, resolve).on('error', fail).once('close', fail)
  })
}

async function get(url: URL, socket: Socket): Promise<Buffer> {
  const response = await respond(url, socket)
  const { statusCode = 0, headers } = response
  if (statusCode >= 300 && statusCode < 400) throw new JwksFetchError('redirect')
  if (statusCode !== 200) throw new JwksFetchError('status')
  // What unpacks to more than it is would get around the size limit.
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity')
    throw new JwksFetchError('encoding')
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > maxOctets) throw new JwksFetchError('too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function respond(url: URL, socket: Socket): Promise<IncomingMessage> {
  // What only few requests need is loaded by the first that does.
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request({
      // A connection given: no agent, so neither a pool nor a proxy.
      createConnection: () => socket,
      path: url.pathname + url.search,
      setHost: false,
      headers: {
        host: url.host,
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
        connection: 'close',
      },
    })
      .once('response', response => resolve(response.on('error', () => undefined)))
      .on('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'HPE_HEADER_OVERFLOW' ? new JwksFetchError('too_large') : error),
      )
      .once('close', () => reject(new JwksFetchError('connection')))
      .end()
  })
}

function parseJson(octets: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets))
  } catch {
    throw new JwksFetchError('not_json')
  }
}
