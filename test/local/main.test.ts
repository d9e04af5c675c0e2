import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Endpoints } from '../../local/endpoints.ts'
import { freePort, isPortFree } from '../../local/free-port.ts'
import { isStillRunning, type ProcessIdentity } from '../../local/process-identity.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const longEnough = 90_000

interface Program {
  child: ChildProcess
  /** What it printed so far, both kinds. */
  printed(): string
  /** Resolves when it prints this, fails when it ends before. */
  prints(text: string): Promise<void>
  /** Its exit code, or the signal it ended by. */
  ended: Promise<number | string>
}

function startProgram(settings: Record<string, string>): Program {
  const { npm_lifecycle_event: _, ...env } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/main.ts'], {
    cwd: root,
    env: { ...env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
      child.emit('printed')
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  const prints = async (text: string) => {
    while (!output.includes(text)) {
      const end = await Promise.race([once(child, 'printed').then(() => undefined), ended])
      if (end !== undefined) throw new Error(`it ended (${end}) without "${text}":\n${output}`)
    }
  }
  return { child, printed: () => output, prints, ended }
}

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-main-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The first of three ports in a row that are free. */
async function threeFreePorts(): Promise<number> {
  for (;;) {
    const first = Math.min(await freePort(), 64_000)
    const areFree = await Promise.all([first, first + 1, first + 2].map(isPortFree))
    if (areFree.every(Boolean)) return first
  }
}

async function readJson<Content>(path: string): Promise<Content> {
  return JSON.parse(await readFile(path, 'utf8'))
}

async function recordedProcesses(dataDir: string): Promise<ProcessIdentity[]> {
  const { processes } = await readJson<{ processes: ProcessIdentity[] }>(join(dataDir, 'processes.json'))
  return processes
}

async function untilAllGone(processes: ProcessIdentity[]): Promise<void> {
  while (processes.some(isStillRunning)) await wait(10)
}

describe('the local run', () => {
  it('runs what it prints, is refused twice, and comes back after a kill with its data', {
    timeout: longEnough,
  }, async () => {
    const dataDir = await dataFolder()
    const port = await threeFreePorts()
    const settings = { PORT: String(port), COUNTERSIGN_DATA_DIR: dataDir }
    const first = startProgram(settings)
    await first.prints('Ctrl-C stops everything')

    const endpoints = await readJson<Endpoints>(join(dataDir, 'endpoints.json'))
    const issuer = `http://127.0.0.1:${port}`
    expect(endpoints).toEqual({
      issuer,
      tokenEndpoint: `${issuer}/token`,
      revocationEndpoint: `${issuer}/revoke`,
      introspectionEndpoint: `${issuer}/introspect`,
      jwksUri: `${issuer}/.well-known/jwks.json`,
      admin: `${issuer}/admin`,
      apis: { orders: `http://127.0.0.1:${port + 1}`, payments: `http://127.0.0.1:${port + 2}` },
      aws: {
        dynamodb: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        kms: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        secretsmanager: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        apigateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      },
      tables: {
        Clients: expect.stringMatching(/^Countersign-/),
        ResourceServers: expect.stringMatching(/^Countersign-/),
        Revocations: expect.stringMatching(/^Countersign-/),
        SigningKeys: expect.stringMatching(/^Countersign-/),
        SingleUse: expect.stringMatching(/^Countersign-/),
      },
      region: 'us-east-1',
      pid: first.child.pid,
    })
    expect((await stat(join(dataDir, 'demo-client.json'))).mode & 0o777).toBe(0o600)

    const lines = first.printed().split('\n')
    const fromComment = lines.findIndex(line => line.startsWith('# A token'))
    const pasted = lines.slice(fromComment, fromComment + 8).join('\n')
    const { stdout } = await promisify(execFile)('bash', ['-c', pasted])
    expect(stdout.match(/^\d{3}$/gm)).toEqual(['200', '200', '401'])

    const second = startProgram({ ...settings, PORT: String(await threeFreePorts()) })
    expect(await second.ended).toBe(1)
    expect(second.printed()).toContain(`another local run (process ${first.child.pid}) uses the data folder`)
    expect((await fetch(endpoints.jwksUri)).status).toBe(200)

    const processes = await recordedProcesses(dataDir)
    first.child.kill('SIGKILL')
    await first.ended
    await untilAllGone(processes)

    const demoClient = await readJson(join(dataDir, 'demo-client.json'))
    const jwks = startProgram(settings)
    await jwks.prints('Ctrl-C stops everything')
    expect(await readJson(join(dataDir, 'demo-client.json'))).toEqual(demoClient)
    expect((await readJson<Endpoints>(join(dataDir, 'endpoints.json'))).pid).toBe(jwks.child.pid)

    const laterProcesses = await recordedProcesses(dataDir)
    jwks.child.kill('SIGINT')
    expect(await jwks.ended).toBe(0)
    await untilAllGone(laterProcesses)
    expect(existsSync(join(dataDir, 'endpoints.json'))).toBe(false)
  })

  it('names a port that is taken and the setting for it, and leaves nothing running', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const dataDir = await dataFolder()
    const program = startProgram({ PORT: String(port), COUNTERSIGN_DATA_DIR: dataDir })
    expect(await program.ended).toBe(1)
    expect(program.printed()).toContain(
      `error: port ${port} is taken by another program: choose another one with PORT`,
    )
    expect(existsSync(join(dataDir, 'lock'))).toBe(false)
  })

  it('refuses a setting that is none', async () => {
    const program = startProgram({ PORT: 'http', COUNTERSIGN_DATA_DIR: '/nowhere' })
    expect(await program.ended).toBe(1)
    expect(program.printed()).toContain('error: PORT is "http": it must be a whole number from 1 to 65000')
  })

  it('stops at once when it is told to while it starts', async () => {
    const dataDir = await dataFolder()
    const settings = { PORT: String(await threeFreePorts()), COUNTERSIGN_DATA_DIR: dataDir }
    const program = startProgram(settings)
    await program.prints('DynamoDB (')
    const processes = await recordedProcesses(dataDir)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    await untilAllGone(processes)
    expect(program.printed()).not.toContain('error')
    expect(existsSync(join(dataDir, 'lock'))).toBe(false)
  })
})
