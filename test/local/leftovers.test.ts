import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { claimDataFolder } from '../../local/leftovers.ts'
import { identify, isStillRunning } from '../../local/process-identity.ts'

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-leftovers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A process that does nothing until it is ended. Resolves when its signal handlers are in place. */
async function sleeper(code = ''): Promise<ChildProcess & { pid: number }> {
  const script = `${code}; setInterval(() => {}, 1000); console.log('up')`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child as ChildProcess & { pid: number }
}

/** Another process that claims the folder and keeps it. */
async function otherRun(dataDir: string): Promise<ChildProcess> {
  const module = fileURLToPath(new URL('../../local/leftovers.ts', import.meta.url))
  const code = `import { claimDataFolder } from ${JSON.stringify(module)}
    await claimDataFolder(${JSON.stringify(dataDir)})
    console.log('claimed')
    setInterval(() => {}, 1000)`
  const args = ['--import', 'tsx', '--input-type=module', '-e', code]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

async function leaveBehind(dataDir: string, processes: unknown[]): Promise<void> {
  await writeFile(join(dataDir, 'processes.json'), JSON.stringify({ processes }))
}

describe('a data folder', () => {
  it('that is new keeps out of the repository it may lie in, and one that was there stays as it is', async () => {
    const existing = await dataFolder()
    await (await claimDataFolder(join(existing, 'new'))).release()
    expect(await readFile(join(existing, 'new/.gitignore'), 'utf8')).toBe('*\n')
    await (await claimDataFolder(existing)).release()
    expect(await readdir(existing)).toEqual(['new'])
  })

  it('is refused while another run holds it, and that run goes on', async () => {
    const dataDir = await dataFolder()
    const other = await otherRun(dataDir)
    await expect(claimDataFolder(dataDir)).rejects.toThrow(
      `another local run (process ${other.pid}) uses the data folder ${dataDir}: ` +
        'stop it, or choose another folder with COUNTERSIGN_DATA_DIR',
    )
    expect(other.exitCode).toBeNull()
    expect(await readdir(dataDir)).toEqual(['lock'])
  })

  it('is free again when its run was killed', async () => {
    const dataDir = await dataFolder()
    const other = await otherRun(dataDir)
    other.kill('SIGKILL')
    await once(other, 'exit')
    const claim = await claimDataFolder(dataDir)
    await claim.release()
    expect(await readdir(dataDir)).toEqual([])
  })

  it('is free when its lock names a process that only has the same pid', async () => {
    const dataDir = await dataFolder()
    const somebodyElse = await sleeper()
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: somebodyElse.pid, startedAt: 'long ago' }))
    await (await claimDataFolder(dataDir)).release()
    expect(somebodyElse.exitCode).toBeNull()
  })

  it.each(['', '{', '{"pid":1,"startedAt":"x"}', '[]'])('is free when its lock holds %j', async content => {
    const dataDir = await dataFolder()
    await writeFile(join(dataDir, 'lock'), content)
    await (await claimDataFolder(dataDir)).release()
  })

  it('has one holder, however many start at once on a stale lock', async () => {
    const dataDir = await dataFolder()
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: 999_999_999, startedAt: 'x' }))
    const starts = await Promise.allSettled(Array.from({ length: 8 }, () => claimDataFolder(dataDir)))
    expect(starts.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    expect(await readdir(dataDir)).toEqual(['lock'])
  })

  it('is taken from a run whose npm was killed, once that run had its time to end', async () => {
    const dataDir = await dataFolder()
    const orphan = await sleeper()
    const launcher = { pid: 999_999_999, startedAt: 'x' }
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ ...identify(orphan.pid), launcher }))
    const ended = once(orphan, 'exit')
    await claimDataFolder(dataDir, { graceMilliseconds: 50 })
    expect((await ended)[1]).toBe('SIGTERM')
  })
})

describe('leftovers of a killed run', () => {
  it('are ended: those that were recorded and are still the same processes, nobody else', async () => {
    const dataDir = await dataFolder()
    const [leftover, samePid, unrelated] = await Promise.all([sleeper(), sleeper(), sleeper()])
    await leaveBehind(dataDir, [
      identify(leftover.pid),
      { pid: samePid.pid, startedAt: 'long ago' },
      { pid: 999_999_999, startedAt: 'x' },
      { pid: 1, startedAt: identify(1)?.startedAt },
      'nonsense',
    ])
    const ended = once(leftover, 'exit')
    await claimDataFolder(dataDir)
    expect((await ended)[1]).toBe('SIGTERM')
    expect([samePid.exitCode, unrelated.exitCode]).toEqual([null, null])
    expect([samePid.signalCode, unrelated.signalCode]).toEqual([null, null])
  })

  it('are killed when they do not end by themselves', async () => {
    const dataDir = await dataFolder()
    const stubborn = await sleeper("process.on('SIGTERM', () => {})")
    await leaveBehind(dataDir, [identify(stubborn.pid)])
    const ended = once(stubborn, 'exit')
    await claimDataFolder(dataDir, { graceMilliseconds: 50 })
    expect((await ended)[1]).toBe('SIGKILL')
  })

  it('are recorded with their start times, for their owner alone', async () => {
    const dataDir = await dataFolder()
    const child = await sleeper()
    const claim = await claimDataFolder(dataDir)
    await claim.record([child.pid, 999_999_999])
    const file = join(dataDir, 'processes.json')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      main: identify(process.pid),
      processes: [identify(child.pid)],
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
})

describe('the identity of a process', () => {
  it('ends with the process', async () => {
    const child = await sleeper()
    const identity = identify(child.pid)
    expect(identity !== undefined && isStillRunning(identity)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(identity !== undefined && isStillRunning(identity)).toBe(false)
  })
})
