import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, inject, it } from 'vitest'
import type { Endpoints } from '../../local/endpoints.ts'
import { isPortFree } from '../../local/free-port.ts'
import { fetchSigned } from '../../local/sigv4-request.ts'
import { orders } from '../flow/local-stack.ts'
import { assertionClaims, assertionKey, joseAssertion, jwtBearer } from './support/client-assertion.ts'

const program = fileURLToPath(new URL('./support/local-stack-process.ts', import.meta.url))
const dataDir = await mkdtemp(join(tmpdir(), 'countersign-replay-'))
let running: ChildProcess | undefined

afterAll(async () => {
  if (running !== undefined && running.exitCode === null) {
    const exit = once(running, 'exit')
    running.disconnect()
    await exit
  }
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})

/** A port below the ephemeral range with two free ones above it: the issuer must be the same after a restart. */
async function freePorts(): Promise<number> {
  for (let port = 12_000 + (process.pid % 500) * 15; ; port += 3) {
    const free = await Promise.all([0, 1, 2].map(offset => isPortFree(port + offset)))
    if (free.every(Boolean)) return port
  }
}

async function start(port: number): Promise<Endpoints> {
  const options = JSON.stringify({ port, dataDir, assemblyDir: inject('assemblyDir') })
  running = fork(program, [options], { execArgv: ['--import', 'tsx'] })
  const [endpoints] = (await once(running, 'message')) as [Endpoints]
  return endpoints
}

async function kill(): Promise<void> {
  const exit = running && once(running, 'exit')
  running?.kill('SIGKILL')
  expect(await exit).toEqual([null, 'SIGKILL'])
}

async function statusOf(url: string, assertion: string): Promise<unknown[]> {
  const form = {
    grant_type: 'client_credentials',
    client_assertion_type: jwtBearer,
    client_assertion: assertion,
  }
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ ...form, token: 'x' }) })
  const { error } = JSON.parse((await response.text()) || '{}')
  return [response.status, error]
}

it('F7: an assertion is used up through kill -9, at every endpoint (RFC 7523 §3 item 7)', {
  timeout: 90_000,
}, async () => {
  const port = await freePorts()
  const { issuer, admin, region, tokenEndpoint } = await start(port)
  const key = assertionKey()
  const registered = await fetchSigned('POST', `${admin}/clients`, region, {
    client_name: 'restarted',
    grants: [{ resource: orders, scope: 'orders:read' }],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.jwk] },
  })
  const { client_id: clientId } = (await registered.json()) as { client_id: string }
  const exp = () => Math.floor(Date.now() / 1000) + 240
  const honest = () => joseAssertion(key, assertionClaims(clientId, issuer, { exp: exp() }))

  const used = await honest()
  expect(await statusOf(tokenEndpoint, used)).toEqual([200, undefined])
  await kill()

  const again = await start(port)
  expect(again.issuer).toBe(issuer)
  const refused = [401, 'invalid_client']
  expect(await statusOf(tokenEndpoint, used)).toEqual(refused)
  expect(await statusOf(`${issuer}/introspect`, used)).toEqual(refused)
  expect(await statusOf(`${issuer}/revoke`, used)).toEqual(refused)
  expect(await statusOf(tokenEndpoint, await honest())).toEqual([200, undefined])
})
