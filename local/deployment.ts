import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { UsagePlans } from './api-gateway/usage-plans.ts'
import { readCloudAssembly, type StackTemplate } from './cloud-assembly.ts'
import { CustomResources } from './deployment/custom-resource.ts'
import { followTable } from './deployment/event-source-mapping.ts'
import { type ApiListener, listenForApis } from './deployment/listeners.ts'
import { type Schedule, scheduledEvent } from './deployment/schedule.ts'
import { DeployedStack } from './deployment/stack.ts'
import { type ExampleCall, findExampleCall } from './example-call.ts'
import { LogFile } from './functions/log-file.ts'
import type { InvocationOutcome } from './functions/process.ts'
import { Gateway, type GatewaySurroundings } from './gateway/gateway.ts'
import { RestGateway } from './gateway/rest/gateway.ts'
import { accountThrottleLimits, TokenBucket } from './gateway/throttle.ts'
import type { Intrinsics } from './intrinsics.ts'

export interface DeploymentOptions {
  /** Folder of the cloud assembly, `cdk.out`. */
  assemblyDir: string
  /** The one stack to deploy, with those it depends on. @default - all of them */
  stackName?: string
  /** Logs go to `<dataDir>/logs/<function>.log`, the gateway's own to `logs/gateway.log`. */
  dataDir: string
  /** Port of the API that is the issuer; the others take the next ones. 0: free ports for all. */
  port: number
  /** @default 127.0.0.1 */
  host?: string
  region: string
  accountId: string
  aws: { dynamodb: string; kms: string; secretsmanager: string; apigateway: string }
  /** Where `aws.apigateway` keeps the API keys. */
  usagePlans: UsagePlans
  /**
   * Which store `aws.dynamodb` is, however its URL changes. Custom resources are made anew in another store.
   *
   * @default 'embedded'
   */
  store?: string
  /**
   * The one origin whose `jwks_uri` need be neither https nor public.
   *
   * @default - there is none, as on AWS
   */
  jwksUriAllow?: string
  /**
   * Most processes of a function at a time, 1 or more.
   *
   * @default the environment variable COUNTERSIGN_LOCAL_CONCURRENCY, else 4
   */
  concurrency?: number
  createTables: (
    endpoint: string,
    stack: StackTemplate,
    intrinsics: Intrinsics,
    region: string,
  ) => Promise<Record<string, string>>
  onProgress?: (message: string) => void
}

/** A running local deployment. */
export interface LocalDeployment {
  outputs: Record<string, string>
  /** URL of the authorization server; absent where no stack has one. */
  issuer: string | undefined
  /** A call of a protected API; absent where there is none to show. */
  exampleCall: ExampleCall | undefined
  /** URL of each API by its name. */
  apis: Record<string, string>
  /** Physical name of each table by the last segment of its path. */
  tables: Record<string, string>
  /** Invokes a function, as a service does that the template lets do so. */
  invoke(functionArn: string, event: string): Promise<InvocationOutcome>
  /** Ends servers and functions; requests under way get a second. */
  close(): Promise<void>
  /** Processes of the functions that run now. */
  processIds(): number[]
}

/**
 * Deploys a synthesised app on this machine, reading nothing but its cloud assembly: functions run as they
 * are bundled, APIs listen, custom resources are made. Resolves when requests can be sent.
 *
 * @throws where the assembly holds what the local run does not know, a port is taken, or a custom resource
 * fails; whatever was started has ended then
 */
export async function deployLocally(options: DeploymentOptions): Promise<LocalDeployment> {
  const stacks = readCloudAssembly(resolve(options.assemblyDir), options.stackName)
  const listeners = await listenForApis(stacks, { host: '127.0.0.1', ...options })
  const deployment = new Deployment(options, listeners)
  try {
    for (const stack of stacks) await deployment.deploy(stack)
    await deployment.serve()
    return deployment
  } catch (error) {
    await deployment.close()
    throw error
  }
}

class Deployment implements LocalDeployment {
  readonly outputs: Record<string, string> = {}
  readonly apis: Record<string, string> = {}
  readonly tables: Record<string, string> = {}
  readonly #options: DeploymentOptions
  readonly #listeners: ApiListener[]
  readonly #stacks: DeployedStack[] = []
  readonly #exports = new Map<string, string>()
  readonly #outputsByStack = new Map<string, Readonly<Record<string, string>>>()
  readonly #log: LogFile
  readonly #timers: NodeJS.Timeout[] = []
  readonly #closers: (() => void)[] = []

  constructor(options: DeploymentOptions, listeners: ApiListener[]) {
    this.#options = options
    this.#listeners = listeners
    this.#log = new LogFile(join(options.dataDir, 'logs', 'gateway.log'))
  }

  async deploy(template: StackTemplate): Promise<void> {
    const { accountId, region, aws, jwksUriAllow, dataDir, createTables, onProgress, store } = this.#options
    const { stackName } = template
    checkEnvironment(template, { accountId, region })
    const stack = new DeployedStack(template, {
      account: { accountId, region, aws, jwksUriAllow },
      dataDir: resolve(dataDir),
      concurrency: concurrencyOf(this.#options),
      exports: this.#exports,
      outputs: this.#outputsByStack,
      endpointOf: logicalId => this.#listener(stackName, logicalId).url,
      createTables: (each, intrinsics) => createTables(aws.dynamodb, each, intrinsics, region),
      customResources: new CustomResources(dataDir, store ?? 'embedded', { accountId, region, stackName }),
      usagePlans: this.#options.usagePlans,
      functionOf: arn => this.#stacks.flatMap(each => each.functions.get(arn) ?? [])[0],
      onProgress: onProgress ?? (() => {}),
    })
    this.#stacks.push(stack)
    await stack.deploy()
    Object.assign(this.outputs, stack.outputs)
    Object.assign(this.tables, stack.tables)
    for (const { name, logicalId } of stack.apis)
      this.#announce(name, this.#listener(stackName, logicalId).url)
    // The address of a REST API has its stage.
    for (const { name, logicalId, definition } of stack.restApis) {
      const [stage] = definition.stages
      this.#announce(name, [this.#listener(stackName, logicalId).url, stage?.name ?? []].flat().join('/'))
    }
    this.#connect(stackName, stack)
  }

  /** Starts one process of each function that an API calls, so that the first requests find them ready. */
  async serve(): Promise<void> {
    const { onProgress } = this.#options
    const waiting = this.#stacks.flatMap(stack => stack.targets)
    const startNext = async (): Promise<void> => {
      const pool = waiting.shift()
      if (pool === undefined) return
      const failure = await pool.warm()
      if (failure !== undefined)
        onProgress?.(`function ${pool.configuration.name} does not start: ${failure.errorMessage}`)
      return startNext()
    }
    // More at a time than there are processors would only make each of them slower.
    await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, startNext))
    const { region, aws } = this.#options
    const place = { region, endpoint: aws.dynamodb }
    for (const stack of this.#stacks) {
      for (const schedule of stack.schedules) this.#repeat(stack, schedule)
      for (const mapping of stack.mappings)
        this.#closers.push(followTable(mapping, place, (arn, event) => invoke(stack, arn, event)))
    }
  }

  /** Invokes the targets of a schedule at its rate. A run that fails is the function's to log, and tried at the next time. */
  #repeat(stack: DeployedStack, { ruleArn, functionArns, intervalMilliseconds }: Schedule): void {
    const run = () => {
      const event = scheduledEvent(ruleArn, this.#options, new Date())
      for (const arn of functionArns) void invoke(stack, arn, event)
    }
    this.#timers.push(setInterval(run, intervalMilliseconds).unref())
  }

  get issuer(): string | undefined {
    return this.#listeners.find(({ isIssuer }) => isIssuer)?.url
  }

  get exampleCall(): ExampleCall | undefined {
    return findExampleCall(this.#stacks, this.apis)
  }

  invoke(functionArn: string, event: string): Promise<InvocationOutcome> {
    const stack = this.#stacks.find(({ functions }) => functions.has(functionArn))
    return invoke(stack, functionArn, event)
  }

  processIds(): number[] {
    return this.#pools().flatMap(pool => pool.processIds())
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    for (const closer of this.#closers) closer()
    await Promise.all(this.#listeners.map(({ server }) => server.close()))
    await Promise.all(this.#pools().map(pool => pool.close()))
    this.#log.close()
  }

  #connect(stackName: string, stack: DeployedStack): void {
    const { accountId, region, usagePlans } = this.#options
    const accountBucket = new TokenBucket(accountThrottleLimits)
    const surroundings = (name: string, url: string): GatewaySurroundings => ({
      accountId,
      region,
      domainName: new URL(url).host,
      permissions: stack.permissions,
      accountBucket,
      invoke: (functionArn, event) => invoke(stack, functionArn, event),
      onProblem: problem => this.#log.write({ level: 'ERROR', api: name, ...problem }),
    })
    for (const { name, logicalId, definition } of stack.apis) {
      const { server, url } = this.#listener(stackName, logicalId)
      const gateway = new Gateway(definition, surroundings(name, url))
      server.serve(request => gateway.handle(request))
    }
    for (const { name, logicalId, definition } of stack.restApis) {
      const { server, url } = this.#listener(stackName, logicalId)
      const gateway = new RestGateway(definition, { ...surroundings(name, url), usagePlans })
      server.serve(request => gateway.handle(request))
    }
  }

  #announce(name: string, url: string): void {
    if (this.apis[name] !== undefined) throw new Error(`there are two APIs of the name ${name}`)
    this.apis[name] = url
  }

  #listener(stackName: string, logicalId: string): ApiListener {
    const found = this.#listeners.find(each => each.stackName === stackName && each.logicalId === logicalId)
    if (found === undefined) throw new Error(`API ${logicalId} has no port`)
    return found
  }

  #pools() {
    return this.#stacks.flatMap(stack => [...stack.functions.values()])
  }
}

/** An account or a Region that is written into a template would not be the one that its functions run in. */
function checkEnvironment(
  { stackName, environment = '' }: StackTemplate,
  here: { accountId: string; region: string },
): void {
  const [, account = 'unknown-account', region = 'unknown-region'] =
    /^aws:\/\/([^/]+)\/([^/]+)$/.exec(environment) ?? []
  if (account !== 'unknown-account' && account !== here.accountId)
    throw new Error(
      `stack ${stackName} is for account ${account}, the local run has ${here.accountId}: leave the account open, or take it from CDK_DEFAULT_ACCOUNT`,
    )
  if (region !== 'unknown-region' && region !== here.region)
    throw new Error(
      `stack ${stackName} is for ${region}, the local run is in ${here.region}: set AWS_REGION=${region}`,
    )
}

async function invoke(
  stack: DeployedStack | undefined,
  functionArn: string,
  event: string,
): Promise<InvocationOutcome> {
  const pool = stack?.functions.get(functionArn)
  if (pool !== undefined) return pool.invoke(event)
  return { failure: { errorType: 'ResourceNotFoundException', errorMessage: `there is no ${functionArn}` } }
}

function concurrencyOf(options: DeploymentOptions): number {
  const setting = process.env.COUNTERSIGN_LOCAL_CONCURRENCY
  const concurrency = options.concurrency ?? (setting === undefined || setting === '' ? 4 : Number(setting))
  if (Number.isInteger(concurrency) && concurrency >= 1) return concurrency
  throw new Error(`COUNTERSIGN_LOCAL_CONCURRENCY must be a whole number from 1, not ${setting}`)
}
