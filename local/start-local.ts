import { join } from 'node:path'
import { startApiGateway } from './api-gateway/server.ts'
import { readCloudAssembly } from './cloud-assembly.ts'
import { type DemoClient, ensureDemoClient } from './demo-client.ts'
import { deployLocally } from './deployment.ts'
import { startDynamoDb } from './dynamodb/engine.ts'
import { createTables } from './dynamodb/tables.ts'
import { discoverEndpoints, type Endpoints, removeEndpoints, writeEndpoints } from './endpoints.ts'
import type { ExampleCall } from './example-call.ts'
import { isPortFree } from './free-port.ts'
import { startKms } from './kms/server.ts'
import { claimDataFolder } from './leftovers.ts'
import { startSecretsManager } from './secrets-manager/server.ts'
import { synthesise } from './synthesise.ts'
import { maxRevocationDelayOf } from './what-to-paste.ts'

export interface LocalRunOptions {
  /** The authorization server's port; each protected API takes the next one. 0: free ports for all. */
  port: number
  /** Absolute path of the run's folder. Made where it is missing. */
  dataDir: string
  /** @default us-east-1 */
  region?: string
  /**
   * The one origin, such as `http://127.0.0.1:5000`, whose `jwks_uri` need be neither https nor public.
   *
   * @default - there is none, as on AWS
   */
  jwksUriAllow?: string
  /** Folder of the CDK app, with its cdk.json. @default - the current folder */
  projectDir?: string
  /** The command that synthesises the app. @default - `app` of cdk.json */
  app?: string
  /** A cloud assembly to run. @default - the app is synthesised into the data folder */
  assemblyDir?: string
  /** The one stack to run, with those it depends on. @default - all of them */
  stackName?: string
  /** Progress, a line at a time. @default - nothing is said */
  print?: (line: string) => void
  /** Gives up the start: what was started ends, and the promise rejects. */
  signal?: AbortSignal
  /** Process whose end ends this one, and with it the run. */
  launcherPid?: number
  /** Called when a part of the run ends although nobody closed it. */
  onFailure?: (reason: string) => void
}

/** A whole Countersign that runs on this machine. */
export interface LocalRun {
  readonly endpoints: Endpoints
  /** Absent where no resource server is registered. */
  readonly demoClient: DemoClient | undefined
  /** A call that the demonstration client may make; absent where there is none to show. */
  readonly exampleCall: ExampleCall | undefined
  /** The most seconds between a revocation and the last call that passes. */
  readonly maxRevocationDelaySeconds: number
  /** Ends everything that was started; the data stays. */
  close(): Promise<void>
}

const accountId = '000000000000'
const recordEveryMilliseconds = 1000

/**
 * Starts everything: clears what a killed run left, synthesises the app, starts DynamoDB and KMS, deploys,
 * registers the demonstration client and writes `endpoints.json`. Resolves when requests can be sent.
 *
 * @throws Error that says what is wrong, for people; whatever was started has ended then
 */
export async function startLocal(options: LocalRunOptions): Promise<LocalRun> {
  const closers: (() => Promise<void> | void)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    return { ...(await start(options, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function start(options: LocalRunOptions, closers: (() => Promise<void> | void)[]) {
  const { port, dataDir, region = 'us-east-1', jwksUriAllow, signal, launcherPid, onFailure } = options
  const { projectDir = process.cwd(), app, stackName } = options
  const say = progress(options.print)
  const claim = await claimDataFolder(dataDir, { launcherPid })
  closers.push(() => claim.release())
  await removeEndpoints(dataDir)
  if (!(await isPortFree(port))) {
    throw new Error(`port ${port} is taken by another program: choose another one with PORT`)
  }

  const assemblyDir = options.assemblyDir ?? join(dataDir, 'cdk.out')
  const [dynamoDb, kms, secretsManager, apiGateway] = await allStarted([
    startDynamoDb({ dataDir, onUnexpectedEnd: onFailure }).then(async started => {
      closers.push(() => started.close())
      if (started.pid !== undefined) await claim.record([started.pid])
      say(`DynamoDB (${started.name}) at ${started.url}`)
      if (started.warning !== undefined) say(`warning: ${started.warning}`)
      return started
    }),
    startKms({ dataDir, region, accountId }).then(started => {
      closers.push(() => started.close())
      say(`KMS at ${started.url}`)
      return started
    }),
    startSecretsManager({ dataDir, region, accountId }).then(started => {
      closers.push(() => started.close())
      return started
    }),
    startApiGateway({ dataDir }).then(started => {
      closers.push(() => started.close())
      return started
    }),
    options.assemblyDir === undefined &&
      synthesise({ projectDir, app, region, outputDir: assemblyDir, signal }).then(() =>
        say(`synthesised ${assemblyDir}`),
      ),
  ])
  signal?.throwIfAborted()

  const aws = {
    dynamodb: dynamoDb.url,
    kms: kms.url,
    secretsmanager: secretsManager.url,
    apigateway: apiGateway.url,
  }
  const { usagePlans } = apiGateway
  const store = dynamoDb.pid === undefined ? dynamoDb.url : dynamoDb.name
  const onProgress = say
  const place = { assemblyDir, stackName, dataDir, port, region, accountId, jwksUriAllow }
  const deployment = await deployLocally({ ...place, aws, usagePlans, store, createTables, onProgress })
  closers.push(() => deployment.close())
  secretsManager.useFunctions((functionArn, event) => deployment.invoke(functionArn, event))
  closers.push(keepRecord(claim.record, () => [dynamoDb.pid ?? [], deployment.processIds()].flat()))
  signal?.throwIfAborted()

  const endpoints = await discoverEndpoints(deployment, { aws, region, pid: process.pid })
  const demoClient = await ensureDemoClient(dataDir, endpoints)
  if (demoClient !== undefined) say(`demonstration client ${demoClient.client_id}`)
  await writeEndpoints(dataDir, endpoints)
  closers.push(() => removeEndpoints(dataDir))
  const maxRevocationDelaySeconds = maxRevocationDelayOf(readCloudAssembly(assemblyDir, stackName))
  const { exampleCall } = deployment
  const isGranted = demoClient?.grants.some(({ resource }) => resource === exampleCall?.resource)
  return {
    endpoints,
    demoClient,
    exampleCall: isGranted ? exampleCall : undefined,
    maxRevocationDelaySeconds,
  }
}

/** As Promise.all, but a failure waits for the others: what they start has to be ended too. */
async function allStarted<Starts extends readonly unknown[] | []>(
  starts: Starts,
): Promise<{ -readonly [Index in keyof Starts]: Awaited<Starts[Index]> }> {
  await Promise.allSettled(starts)
  return Promise.all(starts)
}

/** Functions' processes come and go: states anew which there are, when others are there than before. */
function keepRecord(
  record: (pids: readonly number[]) => Promise<void>,
  pids: () => number[],
): () => Promise<void> {
  let recorded = ''
  let writing = Promise.resolve()
  const update = () => {
    const current = pids()
    if (String(current) === recorded) return
    recorded = String(current)
    // What cannot be recorded now is tried again with the next change.
    writing = writing.then(() => record(current)).catch(() => undefined)
  }
  update()
  const timer = setInterval(update, recordEveryMilliseconds).unref()
  return () => {
    clearInterval(timer)
    return writing
  }
}

/** Lines with the time since the start: `[ 1.3 s] ...`. */
function progress(print: ((line: string) => void) | undefined): (message: string) => void {
  const startedAt = performance.now()
  return message => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    print?.(`[${seconds.padStart(5)} s] ${message}`)
  }
}
