import { Aws, Duration } from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns'
import { Construct, type IDependable } from 'constructs'
import { metricNames } from '../lambda/oauth/metric-names.ts'
import { metricOverServices, serviceMetric } from './metrics.ts'
import { type AuthorizationServerFunctions, endpointsByName } from './server-functions.ts'
import { type CountersignTables, tablesByName } from './tables.ts'

interface AlarmProps {
  readonly metric: IMetric
  /** The alarm goes off at this value. */
  readonly threshold: number
  /** What happened, and what a person does now. */
  readonly description: string
  /** Periods of the last three that must be bad. @default 1 of the last 1 */
  readonly badPeriods?: number
}

/** No data is no fault: these count events, and most of them never happen. */
function createAlarm(scope: Construct, id: string, topic: ITopic | undefined, props: AlarmProps): void {
  const alarm = new Alarm(scope, id, {
    alarmDescription: props.description,
    metric: props.metric,
    threshold: props.threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: props.badPeriods === undefined ? 1 : 3,
    datapointsToAlarm: props.badPeriods ?? 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  })
  if (topic !== undefined) alarm.addAlarmAction(new SnsAction(topic))
}

/** The topic that alarms go to. Only CloudWatch alarms of this account may publish, and only over TLS. */
export function createAlarmTopic(scope: Construct): Topic {
  const topic = new Topic(scope, 'AlarmTopic', { displayName: 'Countersign alarms', enforceSSL: true })
  // A topic policy replaces the default one, under which the account's own alarms could publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'AllowAlarmsOfThisAccount',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
        ArnLike: {
          'aws:SourceArn': `arn:${Aws.PARTITION}:cloudwatch:${Aws.REGION}:${Aws.ACCOUNT_ID}:alarm:*`,
        },
      },
    }),
  )
  return topic
}

/** What is watched, and who is told. */
export interface AuthorizationServerAlarmsProps {
  /** Where the alarms go. CloudWatch must be allowed to publish to it. */
  readonly alarmTopic: ITopic
  /** The API whose 5xx answers count. */
  readonly api: HttpApi
  /** Those that there are: their crashes and throttles count, and that the keeper runs. */
  readonly functions: AuthorizationServerFunctions
  /** What runs the keeper at deployment: from then on its silence means something. */
  readonly signingKeyRing: IDependable
  /** Whose throttles count. */
  readonly storage: CountersignTables
}

/** Alarms on what needs a person. Each description says what to do. */
export class AuthorizationServerAlarms extends Construct {
  constructor(scope: Construct, id: string, props: AuthorizationServerAlarmsProps) {
    super(scope, id)
    const { keeper } = props.functions
    const add = (name: string, alarm: AlarmProps) => createAlarm(this, name, props.alarmTopic, alarm)

    add('ServerErrors', {
      metric: props.api.metricServerError({ period: Duration.minutes(5) }),
      threshold: 5,
      description:
        'The authorization server answered 5xx. Find the request ids in its access log, then the lines of those requests in the log of the function behind the route; see the store and KMS errors on the dashboard.',
    })
    for (const [name, fn] of endpointsByName(props.functions)) {
      add(`${name}Errors`, {
        metric: fn.metricErrors({ period: Duration.minutes(5) }),
        threshold: 1,
        badPeriods: 2,
        description: `The ${name} function crashed or timed out. Read the last error lines in its log group; roll back if they began with a deployment.`,
      })
      add(`${name}Throttles`, {
        metric: fn.metricThrottles({ period: Duration.minutes(5) }),
        threshold: 1,
        badPeriods: 2,
        description: `Lambda turned away calls of the ${name} function. Look for a flood in the access log; raise the account's concurrent executions, or lower the stage's throttle.`,
      })
    }
    add('KeeperErrors', {
      metric: keeper.metricErrors({ period: Duration.minutes(5) }),
      threshold: 1,
      description:
        'The keeper of the signing keys failed. Read its log. It tries again every five minutes; until then no key is rotated, and a ring without a standby key has nothing to fall back on.',
    })
    // No event of the schedule reaches the keeper when the rule is disabled or may not invoke it, and no error says so.
    const silent = new Alarm(this, 'KeeperSilent', {
      alarmDescription:
        'The keeper of the signing keys has not run for half an hour; it is due every five minutes. Enable its rule, and check its concurrency and its permission to be invoked by EventBridge. Until it runs, no key is rotated or replaced.',
      metric: keeper.metricInvocations({ period: Duration.minutes(10) }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
      treatMissingData: TreatMissingData.BREACHING,
    })
    silent.addAlarmAction(new SnsAction(props.alarmTopic))
    silent.node.addDependency(props.signingKeyRing)
    add('KmsErrors', {
      metric: metricOverServices(metricNames.kmsErrors),
      threshold: 3,
      description:
        'KMS failed or refused calls, so tokens are not issued. Check that the key of the ring is enabled and tagged, kms:Sign of the token role, and the KMS request quota of the account in this Region.',
    })
    add('ClockWrong', {
      metric: metricOverServices(metricNames.clockWrong),
      threshold: 1,
      description:
        'A function found its clock more than ten seconds off that of the store. It issues and allows nothing until an answer shows the clock to be right. Publish the function anew to get fresh execution environments, and report it to AWS.',
    })
    add('SigningKeyUnusable', {
      metric: metricOverServices(metricNames.signingKeyUnusable),
      threshold: 1,
      description:
        'KMS will not use a signing key: it is disabled or to be deleted. The standby key signs meanwhile. If that was a mistake, enable the key or cancel its deletion; the log lines name it, "countersign keys list" shows the ring.',
    })
    add('SignatureSelfCheckFailed', {
      metric: serviceMetric(metricNames.signatureSelfCheckFailed, 'token'),
      threshold: 1,
      description:
        'A signature did not verify under the published key; the token was not released. Compare the key in the SigningKeys table with KMS, and treat a difference as an incident.',
    })
    add('StoreErrors', {
      metric: metricOverServices(metricNames.storeErrors),
      threshold: 5,
      description:
        'Calls to DynamoDB failed after retries. See throttles and system errors of the tables on the dashboard, and the AWS Health Dashboard. Revocations that answered 503 were not recorded: their callers must repeat them.',
    })
    addDecisionAlarms(add)
    for (const [name, table] of tablesByName(props.storage)) {
      for (const kind of ['Read', 'Write']) {
        add(`${name}${kind}sThrottled`, {
          metric: table.metric(`${kind}ThrottleEvents`, { statistic: 'Sum', period: Duration.minutes(5) }),
          threshold: 5,
          badPeriods: 2,
          description: `DynamoDB turned away ${kind.toLowerCase()}s of the ${name} table. Look for a flood in the access log or a hot key; an on-demand table takes twice its last peak at once, and more after half an hour.`,
        })
      }
    }
    add('TokensRefused', {
      metric: serviceMetric(metricNames.tokensRefused, 'token'),
      threshold: 300,
      description:
        'Token requests are refused at a high rate: a client with a wrong secret in a loop, or somebody guessing. See the refusals by reason on the dashboard, and the source addresses and client ids of the token.issue events.',
    })
  }
}

/** The alarms of authorizers whose server is elsewhere: its own watch the metrics of another account or Region. */
export function createDecisionAlarms(scope: Construct, topic: ITopic | undefined): void {
  const alarms = new Construct(scope, 'Alarms')
  addDecisionAlarms((id, alarm) => createAlarm(alarms, id, topic, alarm))
}

function addDecisionAlarms(add: (id: string, alarm: AlarmProps) => void): void {
  add('RevocationStoreUnreachable', {
    metric: serviceMetric(metricNames.revocationStoreUnreachable, 'authorizer', {
      period: Duration.minutes(1),
    }),
    threshold: 1,
    description:
      'An authorizer cannot refresh its revocations. It serves its last snapshot for the outage grace and then refuses every call. Restore access to the Revocations table (role, throttling, AWS Health Dashboard).',
  })
  add('TooManyRevocations', {
    metric: serviceMetric(metricNames.tooManyRevocations, 'authorizer'),
    threshold: 1,
    description:
      'More tokens are revoked than an authorizer keeps in memory, two million. Each of its calls reads the Revocations table until fewer are live: slower, and at a cost. See who revokes on the dashboard; revoke a client or a key rather than its tokens one by one.',
  })
  add('DecisionsFailed', {
    metric: serviceMetric(metricNames.decisionsFailed, 'authorizer'),
    threshold: 5,
    description:
      'Authorizers refused calls because they could not decide. Read the reason of the api.authorize events with outcome "failed" in the logs of the authorizers.',
  })
}

/** The alarm on rotations of the secrets of declared clients. */
export function createRotationAlarm(scope: Construct, topic: ITopic, rotator: IFunction): void {
  createAlarm(scope, 'SecretRotatorErrors', topic, {
    metric: rotator.metricErrors({ period: Duration.minutes(5) }),
    threshold: 1,
    description:
      'The secret of a declared client is not rotated. Read the reason of the secret.rotate events with outcome "failed" in the log of the secret rotator, put it right, and have Secrets Manager rotate the secret at once.',
  })
}

/** The alarms on the API keys by which usage plans know the clients. */
export function createApiKeyAlarms(scope: Construct, topic: ITopic, keeper: IFunction): void {
  createAlarm(scope, 'ApiKeysErrors', topic, {
    metric: keeper.metricErrors({ period: Duration.minutes(5) }),
    threshold: 1,
    badPeriods: 2,
    description:
      'The API keys of clients are not kept. Read the error names in the log of the API keys function: TooManyRequestsException passes; LimitExceededException means that the account has as many API keys as it may; AccessDenied means its role. New clients get 503 from APIs that throttle by client until it is put right.',
  })
  createAlarm(scope, 'ApiKeysMissing', topic, {
    metric: serviceMetric(metricNames.apiKeysMissing, 'api-keys', { statistic: 'Maximum' }),
    threshold: 1,
    badPeriods: 2,
    description:
      'Clients have no API key, and get 503 from APIs that throttle by client. With thousands of new clients it passes: about 500 are made every five minutes. Otherwise read the api-key events with outcome "failed" in the log of the API keys function.',
  })
}

/** The alarms of one protected API's authorizer, in that API's own stack. */
export function createAuthorizerAlarms(
  scope: Construct,
  topic: ITopic | undefined,
  name: string,
  authorizer: IFunction,
  errors: IMetric = authorizer.metricErrors({ period: Duration.minutes(5) }),
): void {
  createAlarm(scope, 'ErrorsAlarm', topic, {
    metric: errors,
    threshold: 1,
    badPeriods: 2,
    description: `The authorizer of ${name} crashed or timed out, and callers got 500. Read the last error lines in its log group; roll back if they began with a deployment.`,
  })
  createAlarm(scope, 'ThrottlesAlarm', topic, {
    metric: authorizer.metricThrottles({ period: Duration.minutes(5) }),
    threshold: 1,
    badPeriods: 2,
    description: `Lambda turned away calls of the authorizer of ${name}, and callers got 500. Raise the account's concurrent executions, or throttle the API's stage.`,
  })
}
