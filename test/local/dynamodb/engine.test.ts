import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startDynamoDb } from '../../../local/dynamodb/engine.ts'
import { findProgram } from '../../../local/dynamodb/programs.ts'

const engine = (await findProgram('dynoxide')) === undefined ? 'dynamodb-local' : 'dynoxide'
const canRun = (await findProgram(engine)) !== undefined
const reason = canRun ? '' : ' (skipped: this machine can run no engine)'

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-engine-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await wait(5)
}

describe.skipIf(!canRun)(`a DynamoDB engine${reason}`, () => {
  it('is gone once it is closed, and keeps its data in a folder of its own', async () => {
    const dataDir = await dataFolder()
    const dynamoDb = await startDynamoDb({ dataDir, endpoint: '' })
    expect([dynamoDb.name, new URL(dynamoDb.url).hostname]).toEqual([engine, '127.0.0.1'])
    await dynamoDb.close()
    await untilGone(dynamoDb.pid ?? 0)
    expect((await stat(join(dataDir, 'dynamodb'))).mode & 0o777).toBe(0o700)
  })

  it('says so when it ends although nobody closed it', async () => {
    const ends = new EventEmitter()
    const dynamoDb = await startDynamoDb({
      dataDir: await dataFolder(),
      endpoint: '',
      onUnexpectedEnd: reason => ends.emit('end', reason),
    })
    const end = once(ends, 'end')
    process.kill(dynamoDb.pid ?? 0, 'SIGKILL')
    expect((await end)[0]).toBe(`DynamoDB (${engine}) ended: SIGKILL`)
    await dynamoDb.close()
  })

  it('ends with the process that started it, even when that one is killed', async () => {
    const dataDir = await dataFolder()
    const module = fileURLToPath(new URL('../../../local/dynamodb/engine.ts', import.meta.url))
    const code = `import { startDynamoDb } from ${JSON.stringify(module)}
      const { pid } = await startDynamoDb({ dataDir: ${JSON.stringify(dataDir)}, endpoint: '' })
      console.log(pid)
      setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(parent.stdout, 'data')
    const pid = Number(String(line))
    expect(isRunning(pid)).toBe(true)
    parent.kill('SIGKILL')
    await untilGone(pid)
  })

  it.skipIf(engine !== 'dynoxide')('that does not start is an error with the end of its output', async () => {
    const dataDir = await dataFolder()
    // Where the engine wants its database there is a folder.
    await mkdir(join(dataDir, 'dynamodb', 'dynoxide.db'), { recursive: true })
    const failed = startDynamoDb({ dataDir, endpoint: '', engine: 'dynoxide' })
    await expect(failed).rejects.toThrow(
      /^DynamoDB \(dynoxide\) does not start\. The end of .*dynoxide\.out:\n.+/,
    )
  })
})

describe('DYNAMODB_ENDPOINT', () => {
  it('is used instead of an engine', async () => {
    const server = createServer((_, response) => response.end('{"TableNames":[]}')).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const dynamoDb = await startDynamoDb({ dataDir: '/nowhere', endpoint })
    expect([dynamoDb.url, dynamoDb.name, dynamoDb.pid]).toEqual([endpoint, 'DYNAMODB_ENDPOINT', undefined])
    await dynamoDb.close()
  })

  it.each(['localhost:8000', 'nonsense', 'ftp://127.0.0.1'])(
    'that is no URL (%s) is refused',
    async endpoint => {
      await expect(startDynamoDb({ dataDir: '/nowhere', endpoint })).rejects.toThrow(
        `DYNAMODB_ENDPOINT is ${endpoint}: it must be a URL such as http://127.0.0.1:8000`,
      )
    },
  )
})
