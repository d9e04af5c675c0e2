import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { main } from '../../bin/countersign.ts'
import type { CommandLineIo } from '../../bin/io.ts'

/** A request as the server saw it. */
export interface SeenRequest {
  method: string
  url: URL
  headers: Headers
  body: string
}

export type Answer = Response | undefined
export type Handler = (request: SeenRequest) => Answer | Promise<Answer>

export const issuer = 'http://127.0.0.1:4000'
export const now = new Date('2026-11-21T04:00:00Z')

export function json(status: number, document: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(document), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** Answers the metadata of an issuer; everything else goes to the handler. */
export function serverOf(ofIssuer: string, handler: Handler = () => undefined): Handler {
  return request => {
    if (request.url.href === `${ofIssuer}/.well-known/oauth-authorization-server`)
      return json(200, {
        issuer: ofIssuer,
        token_endpoint: `${ofIssuer}/token`,
        jwks_uri: `${ofIssuer}/.well-known/jwks.json`,
        introspection_endpoint: `${ofIssuer}/introspect`,
      })
    return handler(request)
  }
}

export interface Run {
  code: number
  out: string
  err: string
  /** Every request but those for metadata. */
  requests: SeenRequest[]
}

export interface Surroundings {
  handler?: Handler
  env?: Record<string, string>
  cwd?: string
  stdin?: string
  terminal?: boolean
  /** To the question, or to each of several in turn. */
  answer?: string | readonly string[]
  awsCredentials?: CommandLineIo['awsCredentials']
  tlsPeer?: CommandLineIo['tlsPeer']
  /** Ctrl-C. */
  interrupt?: AbortSignal
}

/** Runs one command against a made-up network; whatever no handler answers is a refused connection. */
export async function countersign(args: readonly string[], surroundings: Surroundings = {}): Promise<Run> {
  const requests: SeenRequest[] = []
  const run = { out: '', err: '' }
  const answers = [surroundings.answer ?? []].flat()
  const { handler = serverOf(issuer), terminal = false } = surroundings
  const io: CommandLineIo = {
    stdout: { write: text => (run.out += text), isTTY: terminal },
    stderr: { write: text => (run.err += text), isTTY: terminal },
    stdin: Object.assign(standardInput(surroundings.stdin ?? ''), { isTTY: terminal }),
    env: surroundings.env ?? { COUNTERSIGN_URL: issuer },
    cwd: surroundings.cwd ?? emptyFolder(),
    now: () => now,
    ask: async question => {
      run.err += question
      return answers.shift() ?? ''
    },
    awsCredentials:
      surroundings.awsCredentials ??
      (async () => {
        throw new Error('nobody should have asked for AWS credentials')
      }),
    tlsPeer:
      surroundings.tlsPeer ??
      (async () => ({ protocol: 'TLSv1.3', distrust: undefined, certificateEnds: new Date('2027-06-01') })),
    onInterrupt: handler => {
      surroundings.interrupt?.addEventListener('abort', handler)
      return () => surroundings.interrupt?.removeEventListener('abort', handler)
    },
    fetch: async (input, init) => {
      const request = new Request(input instanceof URL ? input.href : input, init)
      const seen = {
        method: request.method,
        url: new URL(request.url),
        headers: request.headers,
        body: await request.text(),
      }
      if (!seen.url.pathname.startsWith('/.well-known/oauth')) requests.push(seen)
      const answer = await handler(seen)
      if (answer) return answer
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      })
    },
  }
  const code = await main(args, io)
  return { code, ...run, requests }
}

async function* standardInput(text: string): AsyncGenerator<string> {
  yield text
}

const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bin-'))
  folders.push(folder)
  return folder
}

/** A folder in which a local server says that it runs. */
export function folderOfServer(endpoints: Record<string, unknown> = {}): string {
  const folder = emptyFolder()
  mkdirSync(join(folder, '.countersign'))
  writeFileSync(
    join(folder, '.countersign', 'endpoints.json'),
    JSON.stringify({ issuer, admin: `${issuer}/admin`, region: 'eu-west-1', pid: process.pid, ...endpoints }),
  )
  return folder
}

export const client = {
  client_id: 'c_1',
  client_name: 'billing',
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  grants: [
    { resource: 'https://orders.example.com', scope: 'orders:read orders:write' },
    { resource: 'https://payments.example.com', scope: 'payments:read' },
  ],
  status: 'active',
  version: 3,
  client_id_issued_at: 1_795_000_000,
  updated_at: 1_795_000_060,
  secrets: [{ secret_id: 's_1', created_at: 1_795_000_000, expires_at: 0, last_used_on: '2026-11-20' }],
}
