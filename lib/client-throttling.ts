import { Duration, Lazy, Stack } from 'aws-cdk-lib'
import type { IRestApi, QuotaSettings, ThrottleSettings } from 'aws-cdk-lib/aws-apigateway'
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnGlobalTable, StreamViewType } from 'aws-cdk-lib/aws-dynamodb'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { EventSourceMapping, type Function as LambdaFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { Construct } from 'constructs'
import { createApiKeyAlarms } from './alarms.ts'
import { apiKeysPermissions } from './api-key-permissions.ts'
import type { IAuthorizationServer } from './authorization-server-base.ts'
import { addApiKeysToDashboard } from './dashboard.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import type { AuthorizationServerStorage } from './storage.ts'
import type { CountersignTables } from './tables.ts'
import { ThrottledApi } from './throttled-api.ts'

/** What a client may do at one REST API. `throttle`, `quota` or both. */
export interface ClientThrottlingOptions {
  /**
   * `rateLimit` requests a second in the long run and `burstLimit` at once (both above 0), for each client. API Gateway
   * applies them as targets, not as guarantees.
   *
   * @default - the stage's and the account's throttle alone
   */
  readonly throttle?: ThrottleSettings

  /**
   * `limit` requests in each `period`, for each client; `offset` of them count as used in the first one.
   *
   * @default - any number
   */
  readonly quota?: QuotaSettings

  /**
   * Whether requests need a key, so that they are throttled. `false` makes the plan and the keys and refuses nothing yet:
   * for the first deployment of an API whose clients are already calling, as keys are made at about 100 a minute.
   *
   * @default true
   */
  readonly enforced?: boolean
}

/** What throttling by client has to know of its server. */
export interface ClientThrottlingProps {
  /** Whose tokens say who a client is: an `AuthorizationServer`, or one of `fromParts`. */
  readonly server: IAuthorizationServer
  /** Where its clients are: one storage has one `ClientThrottling` with APIs. */
  readonly storage: AuthorizationServerStorage
  /**
   * How long the function's log group keeps its events.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays
  /** Where the alarms on API keys go. CloudWatch must be allowed to publish to it. */
  readonly alarmTopic: ITopic
  /**
   * Which dashboard of its own stack shows how many clients have no key.
   *
   * @default - none
   */
  readonly dashboard?: Dashboard
}

/** Who keeps the keys of a storage's clients. */
const keptBy = new WeakMap<AuthorizationServerStorage, ClientThrottling>()

/** How often missing keys are completed and those of deleted clients removed, whatever became of the stream. */
const interval = Duration.minutes(5)

/**
 * The REST APIs that throttle the clients of one server, and the function that keeps their API keys: without any API
 * there is none. `AuthorizationServer` has one; make one for a server of parts.
 */
export class ClientThrottling extends Construct {
  readonly #props: ClientThrottlingProps
  readonly #namePrefix: string
  #keeper: LambdaFunction | undefined

  constructor(scope: Construct, id: string, props: ClientThrottlingProps) {
    super(scope, id)
    this.#props = props
    this.#namePrefix = `countersign/${props.storage.signingKeyRing}/`
  }

  /**
   * @throws Error when the limits are out of range, this API cannot be throttled by client, or the keys of the storage's
   * clients are kept elsewhere
   */
  add(api: IRestApi, options: ClientThrottlingOptions): void {
    this.#checkStorage()
    new ThrottledApi(api, options, {
      server: this.#props.server,
      namePrefix: this.#namePrefix,
      keeper: () => (this.#keeper ??= this.#createKeeper()),
    })
  }

  /** A client has one key in the account: two functions for it would each miss the permissions on the other's plans. */
  #checkStorage(): void {
    const { server, storage } = this.#props
    if (!('storage' in server) || server.storage !== storage) {
      throw new Error(
        `${this.node.path} must have the storage of ${server.node.path}, whose clients it throttles: an AuthorizationServer has it as storage, fromParts was given it, and a server of fromAttributes has none here`,
      )
    }
    const other = keptBy.get(storage)
    if (other !== undefined && other !== this) {
      throw new Error(
        `${storage.node.path} must have one ClientThrottling, got ${this.node.path} beside ${other.node.path}: throttle all APIs by ${other.node.path}`,
      )
    }
  }

  #createKeeper(): LambdaFunction {
    keptBy.set(this.#props.storage, this)
    const { storage, logRetention, alarmTopic, dashboard } = this.#props
    const streamArn = enableStream(storage)
    const keeper = new CountersignFunction(this, 'ApiKeys', {
      service: 'api-keys',
      description: 'Countersign: keeps one API key for each client, by which usage plans throttle',
      code: bundledCode('api-keys'),
      // Below the interval, so that two runs on schedule do not share what API Gateway allows in a second.
      timeout: Duration.minutes(4),
      environment: { CLIENTS_TABLE: storage.clients.tableName, API_KEY_PREFIX: this.#namePrefix },
      statements: apiKeysPermissions(storage, streamArn),
      logRetention,
    })
    new EventSourceMapping(this, 'ClientChanges', {
      target: keeper,
      eventSourceArn: streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 25,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // What is given up is done on schedule: no client holds up the others for long.
      retryAttempts: 3,
      maxRecordAge: Duration.minutes(15),
    })
    new Rule(this, 'Schedule', {
      description: 'Countersign: completes the API keys of clients',
      schedule: Schedule.rate(interval),
      targets: [new LambdaTarget(keeper, { maxEventAge: interval, retryAttempts: 2 })],
    })
    createApiKeyAlarms(this, alarmTopic, keeper)
    addApiKeysToDashboard(dashboard, keeper)
    return keeper
  }
}

/**
 * An update without replacement. Of a client nothing but its `client_id` gets into the stream, unless the table has one
 * already: with replicas it must have whole rows.
 */
function enableStream({ clients }: CountersignTables): string {
  const table = clients.node.defaultChild
  if (!(table instanceof CfnGlobalTable)) throw new Error(`${clients.node.path} is no global table`)
  const own = table.streamSpecification
  const keysOnly = { streamViewType: StreamViewType.KEYS_ONLY }
  table.streamSpecification = Lazy.any({ produce: () => Stack.of(clients).resolve(own) ?? keysOnly })
  return table.attrStreamArn
}
