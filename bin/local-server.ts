import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unreachableFailure } from './failure.ts'
import { isLoopback } from './http.ts'
import type { CommandLineIo } from './io.ts'

export interface LocalServer {
  issuer: string
  admin: string
  region: string
  /** Where its stand-in for AWS Secrets Manager listens; undefined where an older version wrote the file. */
  secretsManager: string | undefined
}

/**
 * The server that runs on this machine, by the `endpoints.json` it writes into COUNTERSIGN_DATA_DIR, else
 * into `.countersign` of the current folder; undefined when none ever ran there.
 *
 * @throws CommandFailure `server_unreachable` when it ran but no longer does, so that a command meant for
 *   the local server never lands on a deployed one
 */
export function findLocalServer(io: CommandLineIo): LocalServer | undefined {
  const named = io.env.COUNTERSIGN_DATA_DIR
  const path = join(resolve(io.cwd, named || '.countersign'), 'endpoints.json')
  const remedy = 'Start it with "npx countersign local", or name a deployed server with --url or --stack.'
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (!named) return undefined
    throw unreachableFailure(
      `no local server has run with COUNTERSIGN_DATA_DIR: ${path} cannot be read`,
      remedy,
      {
        cause,
      },
    )
  }
  const endpoints = parseEndpoints(text)
  if (!endpoints) throw unreachableFailure(`${path} is not what a local server writes`, remedy)
  if (!isRunning(endpoints.pid))
    throw unreachableFailure(`the local server of ${path} is not running (process ${endpoints.pid})`, remedy)
  return endpoints
}

// The current folder may be anybody's: a file in it must not send a command to another machine.
function parseEndpoints(text: string): (LocalServer & { pid: number }) | undefined {
  try {
    const { issuer, admin, region, pid, aws } = JSON.parse(text) as Record<string, unknown>
    const { secretsmanager } = (aws ?? {}) as Record<string, unknown>
    if (!isLocalUrl(issuer) || !isLocalUrl(admin) || !Number.isSafeInteger(pid) || Number(pid) < 1)
      return undefined
    return {
      issuer,
      admin,
      region: typeof region === 'string' ? region : 'us-east-1',
      secretsManager: isLocalUrl(secretsmanager) ? secretsmanager : undefined,
      pid: Number(pid),
    }
  } catch {
    return undefined
  }
}

function isLocalUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const url = new URL(value)
  return url.protocol === 'http:' && isLoopback(url)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
