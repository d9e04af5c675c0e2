import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../local/free-port.ts'
import { startGuarded } from '../../local/guarded-process.ts'

const startMilliseconds = 60_000

export interface MiniStack {
  readonly awsEndpoint: string
  close(): Promise<void>
}

/**
 * Starts MiniStack on a free port of 127.0.0.1. It keeps everything in memory and in `folder`, prints into
 * `ministack.log` there, and ends with this process at the latest, its functions with it.
 *
 * @param options.python that has MiniStack
 * @param options.node the Node.js that functions run on: 24, which takes TypeScript
 * @throws Error with its log when it does not start within a minute
 */
export async function startMiniStack(options: {
  python: string
  node: string
  folder: string
}): Promise<MiniStack> {
  const { python, node, folder } = options
  const port = await freePort()
  const logFile = join(folder, 'ministack.log')
  const log = await open(logFile, 'a')
  // Nothing of the caller's environment: functions inherit it, and with it AWS credentials.
  const environment = {
    PATH: `${dirname(node)}:${process.env.PATH ?? ''}`,
    HOME: folder,
    // Its own code around each function uses what Node.js 24 warns of, in the function's log.
    NODE_OPTIONS: `--no-deprecation --import ${new URL('localhost-names.ts', import.meta.url)}`,
    TMPDIR: folder,
    STATE_DIR: join(folder, 'state'),
    S3_DATA_DIR: join(folder, 's3'),
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
  }
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const child = await startGuarded('env', ['-i', ...variables, python, '-m', 'ministack'], {
    outputFd: log.fd,
  })
  await log.close()
  const awsEndpoint = `http://127.0.0.1:${port}`
  const deadline = performance.now() + startMilliseconds
  while (!(await isHealthy(awsEndpoint))) {
    if (child.isRunning() && performance.now() < deadline) {
      await delay(100)
      continue
    }
    await child.close()
    throw new Error(`MiniStack did not start:\n${(await readFile(logFile, 'utf8')).slice(-3000)}`)
  }
  return { awsEndpoint, close: () => child.close() }
}

async function isHealthy(awsEndpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${awsEndpoint}/_ministack/health`)).ok
  } catch {
    return false
  }
}
