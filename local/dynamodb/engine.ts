import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { makePrivateFolder } from '../durable-file.ts'
import { freePort } from '../free-port.ts'
import { type GuardedProcess, startGuarded } from '../guarded-process.ts'
import {
  type EngineName,
  type EngineProgram,
  engineNames,
  findProgram,
  howToGetAnEngine,
} from './programs.ts'

export interface DynamoDbOptions {
  /** Data and the engine's own output lie in its folder `dynamodb`. */
  dataDir: string
  /** @default DYNAMODB_ENDPOINT; empty or absent: start an engine */
  endpoint?: string
  /** @default the first that this machine can run: dynoxide, then AWS's DynamoDB Local */
  engine?: EngineName
  /** Called when the engine ends although nobody closed it. */
  onUnexpectedEnd?: (reason: string) => void
}

export interface DynamoDb {
  readonly url: string
  /** What answers, for people: `dynoxide`, `dynamodb-local` or `DYNAMODB_ENDPOINT`. */
  readonly name: string
  readonly warning?: string
  /** Absent for an endpoint that runs elsewhere. */
  readonly pid?: number
  close(): Promise<void>
}

const endpointAnswersMilliseconds = 5000
const attempts = 3

/**
 * Gives a DynamoDB that answers: the one at DYNAMODB_ENDPOINT, else an engine started on a free port, which
 * ends with this process.
 *
 * @throws Error that says how to get an engine when there is none, or why it does not answer
 */
export async function startDynamoDb(options: DynamoDbOptions): Promise<DynamoDb> {
  const endpoint = options.endpoint ?? process.env.DYNAMODB_ENDPOINT
  if (endpoint) return useEndpoint(endpoint)
  for (const name of options.engine === undefined ? engineNames : [options.engine]) {
    const program = await findProgram(name)
    if (program !== undefined) return startProgram(program, options)
  }
  throw new Error(howToGetAnEngine())
}

async function useEndpoint(endpoint: string): Promise<DynamoDb> {
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new Error(`DYNAMODB_ENDPOINT is ${endpoint}: it must be a URL such as http://127.0.0.1:8000`)
  }
  if (!(await answersWithin(endpoint, endpointAnswersMilliseconds, () => true))) {
    throw new Error(`DYNAMODB_ENDPOINT is ${endpoint}: no DynamoDB answers there`)
  }
  return { url: endpoint, name: 'DYNAMODB_ENDPOINT', close: () => Promise.resolve() }
}

async function startProgram(program: EngineProgram, options: DynamoDbOptions): Promise<DynamoDb> {
  const folder = resolve(options.dataDir, 'dynamodb')
  await makePrivateFolder(folder)
  const outputFile = join(folder, `${program.name}.out`)
  // Another program may take the port between its choice and its use.
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const port = await freePort()
    const child = await spawnProgram(program, program.arguments(port, folder), outputFile)
    const url = `http://127.0.0.1:${port}`
    if (await answersWithin(url, program.startMilliseconds, child.isRunning)) {
      return running(program, url, child, options.onUnexpectedEnd)
    }
    await child.close(0)
  }
  const output = readFileSync(outputFile, 'utf8').trim().split('\n').slice(-3).join('\n')
  throw new Error(`DynamoDB (${program.name}) does not start. The end of ${outputFile}:\n${output}`)
}

async function spawnProgram(
  program: EngineProgram,
  args: readonly string[],
  outputFile: string,
): Promise<GuardedProcess> {
  const outputFd = openSync(outputFile, 'w', 0o600)
  try {
    return await startGuarded(program.command, args, { cwd: program.cwd, outputFd })
  } finally {
    closeSync(outputFd)
  }
}

function running(
  program: EngineProgram,
  url: string,
  child: GuardedProcess,
  onUnexpectedEnd: DynamoDbOptions['onUnexpectedEnd'],
): DynamoDb {
  let closing = false
  void child.ended.then(reason => {
    if (!closing) onUnexpectedEnd?.(`DynamoDB (${program.name}) ended: ${reason}`)
  })
  return {
    url,
    name: program.name,
    warning: program.warning,
    pid: child.pid,
    close() {
      closing = true
      return child.close()
    },
  }
}

/** Asks the real API until it answers: an open port alone is not a DynamoDB that is ready. */
async function answersWithin(url: string, milliseconds: number, isRunning: () => boolean): Promise<boolean> {
  const until = performance.now() + milliseconds
  while (isRunning() && performance.now() < until) {
    if (await answersListTables(url)) return isRunning()
    await wait(10)
  }
  return false
}

async function answersListTables(url: string): Promise<boolean> {
  const now = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.ListTables',
        // Local engines take any signature, but want one.
        'x-amz-date': now,
        authorization: `AWS4-HMAC-SHA256 Credential=local/${now.slice(0, 8)}/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0`,
      },
      body: '{"Limit":1}',
      signal: AbortSignal.timeout(2000),
    })
    const body = await response.json()
    // An endpoint that checks signatures refuses this one, and is a DynamoDB all the same.
    return typeof body === 'object' && body !== null && ('TableNames' in body || '__type' in body)
  } catch {
    return false
  }
}
