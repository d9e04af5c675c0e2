import { Aws, CustomResource, Duration, Tags } from 'aws-cdk-lib'
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { CfnRotationSchedule, type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import { Construct, type IDependable } from 'constructs'
import { createRotationAlarm } from './alarms.ts'
import { type ClientOptions, clientMetadata } from './client-options.ts'
import { addFunctionToDashboard } from './dashboard.ts'
import type { IntrospectionFunction } from './endpoint-functions.ts'
import { endpointsBelow } from './endpoints.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import { wholeSeconds } from './limits.ts'
import { clientRegistrarPermissions, secretRotatorPermissions, serverTag } from './permissions.ts'
import type { ResourceServers } from './resource-servers.ts'
import type { AuthorizationServerStorage } from './storage.ts'

/** The client registrar is patient with permissions that are new. */
const registrarTimeout = Duration.seconds(90)

/** Lambda hands on no older request: one to register a client must not come after the one that withdraws it. */
const oldestRequest = Duration.minutes(1)

/** What the clients that an app declares have in common. */
export interface DeclaredClientsProps {
  /** The issuer identifier (RFC 8414 §2). */
  readonly issuer: string
  /** Where they are registered. */
  readonly storage: AuthorizationServerStorage
  /** What is granted is checked against these, and registered after them. */
  readonly resourceServers: ResourceServers
  /**
   * How long the log groups of their two functions keep their events.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays
  /** Where the alarm on rotations goes. CloudWatch must be allowed to publish to it. */
  readonly alarmTopic: ITopic
  /**
   * Which dashboard shows their two functions, if it is in their stack.
   *
   * @default - none does
   */
  readonly dashboard?: Dashboard
  /** A rotation can be tried out after these: the endpoints have to answer. */
  readonly endpoints: IDependable
  /**
   * Where a rotation tries a new secret.
   *
   * @default - no secret can be rotated
   */
  readonly introspection?: IntrospectionFunction
  /**
   * Whether the endpoints ask callers for certificates. The function that rotates secrets has none.
   *
   * @default false
   */
  readonly mutualTls?: boolean
}

/** The clients that an app declares, and the two functions that look after them: an app without any has neither. */
export class DeclaredClients extends Construct {
  readonly #props: DeclaredClientsProps
  readonly #clients: Construct
  #registrar: LambdaFunction | undefined
  #rotator: LambdaFunction | undefined

  constructor(scope: Construct, id: string, props: DeclaredClientsProps) {
    super(scope, id)
    this.#props = props
    this.#clients = new Construct(this, 'Clients')
  }

  /** @throws Error when it is malformed, or the id is taken */
  add(id: string, options: ClientOptions): DeclaredClient {
    return new DeclaredClient(this.#clients, id, options, {
      ...this.#props,
      registrar: () => (this.#registrar ??= this.#createRegistrar()),
      rotator: () => (this.#rotator ??= this.#createRotator()),
    })
  }

  #createRegistrar(): LambdaFunction {
    const { storage, logRetention, dashboard } = this.#props
    const registrar = new CountersignFunction(this, 'Registrar', {
      service: 'client-registrar',
      description: 'Countersign: registers the clients that the app declares',
      code: bundledCode('client-registrar'),
      timeout: registrarTimeout,
      environment: {
        CLIENTS_TABLE: storage.clients.tableName,
        RESOURCE_SERVERS_TABLE: storage.resourceServers.tableName,
        REVOCATIONS_TABLE: storage.revocations.tableName,
        REVOCATION_SHARDS: String(storage.revocationShards),
      },
      statements: clientRegistrarPermissions(storage, storage.signingKeyRing),
      logRetention,
    })
    registrar.configureAsyncInvoke({ maxEventAge: oldestRequest })
    addFunctionToDashboard(dashboard, 'Client registrar', registrar)
    return registrar
  }

  #createRotator(): LambdaFunction {
    const { issuer, storage, logRetention, alarmTopic, dashboard } = this.#props
    const rotator = new CountersignFunction(this, 'Rotator', {
      service: 'secret-rotator',
      description: 'Countersign: rotates the secrets of the clients that the app declares',
      code: bundledCode('secret-rotator'),
      timeout: Duration.seconds(30),
      environment: {
        CLIENTS_TABLE: storage.clients.tableName,
        INTROSPECTION_ENDPOINT: endpointsBelow(issuer).introspectionEndpoint,
      },
      statements: secretRotatorPermissions(storage, storage.signingKeyRing),
      logRetention,
    })
    // CDK's own would let Secrets Manager invoke it on behalf of any account.
    rotator.addPermission('SecretsManager', {
      principal: new ServicePrincipal('secretsmanager.amazonaws.com'),
      sourceAccount: Aws.ACCOUNT_ID,
    })
    createRotationAlarm(this, alarmTopic, rotator)
    addFunctionToDashboard(dashboard, 'Secret rotator: four invocations a rotation', rotator)
    return rotator
  }
}

interface DeclaredClientProps extends DeclaredClientsProps {
  readonly registrar: () => LambdaFunction
  readonly rotator: () => LambdaFunction
}

/**
 * A client that deployment registers and keeps in line with the app. When it leaves the app, or its stack is deleted, it
 * is disabled and its tokens are refused.
 */
export class DeclaredClient extends Construct {
  /** Its `client_id`: the same for as long as the client has its place in the app. */
  readonly clientId: string

  readonly #secret: ISecret | undefined

  /** Made by `AuthorizationServer.addClient`. */
  constructor(scope: Construct, id: string, options: ClientOptions, props: DeclaredClientProps) {
    super(scope, id)
    const metadata = clientMetadata(id, options)
    const hasSecret = metadata.token_endpoint_auth_method !== 'private_key_jwt'
    const { rotationHours, overlapSeconds } = checkRotation(id, options, hasSecret)
    if (hasSecret && rotationHours > 0 && props.introspection === undefined) throw rotationUntried(id)
    if (hasSecret && rotationHours > 0 && props.mutualTls) throw rotationWithMutualTls(id)
    this.node.addValidation({ validate: () => undeclaredScopes(id, options, props) })

    const secret = hasSecret
      ? this.#createSecret(options.clientName, props.storage.signingKeyRing)
      : undefined
    const registrar = props.registrar()
    const resource = new CustomResource(this, 'Registration', {
      resourceType: 'Custom::CountersignClient',
      serviceToken: registrar.functionArn,
      // When CloudFormation gives up and rolls back, nothing of the request is under way any more.
      serviceTimeout: Duration.seconds(oldestRequest.toSeconds() + registrarTimeout.toSeconds() + 30),
      properties: {
        ClientMetadata: metadata,
        TokenEndpoint: endpointsBelow(props.issuer).tokenEndpoint,
        ...(secret && { SecretArn: secret.secretArn, SecretOverlapSeconds: overlapSeconds }),
      },
    })
    resource.node.addDependency(registrar, props.resourceServers)
    this.clientId = resource.ref
    if (secret === undefined) return
    // By way of the custom resource, so that whatever refers to it is deployed after there is something to read.
    this.#secret = Secret.fromSecretCompleteArn(this, 'Stored', resource.getAttString('SecretArn'))
    if (rotationHours > 0) this.#rotate(secret, rotationHours, [resource, props.endpoints], props)
  }

  /**
   * Its secret in AWS Secrets Manager: JSON with `client_id`, `client_secret`, `secret_id` and `token_endpoint`, and with
   * `resource` and `scope` where the client has one grant. `grantRead` lets a function read it.
   *
   * @throws Error for a client of `private_key_jwt`, which has none
   */
  get secret(): ISecret {
    if (this.#secret !== undefined) return this.#secret
    throw new Error(
      `client "${this.node.id}" has no secret, since it authenticates with private_key_jwt: give its program the private key instead, or declare the client without jwks and jwksUri`,
    )
  }

  /** Empty: the client registrar writes the first value, and no template has ever seen one. */
  #createSecret(clientName: string, server: string): Secret {
    const description = `Countersign: the credentials of the client ${clientName}`
    const secret = new Secret(this, 'Secret', { description })
    const resource = secret.node.defaultChild as CfnSecret
    resource.generateSecretString = undefined
    Tags.of(secret).add(serverTag, server)
    return secret
  }

  /** The level-2 construct would add permissions on every secret, with random passwords, to the function's role. */
  #rotate(
    secret: Secret,
    hours: number,
    after: readonly IDependable[],
    { rotator }: Pick<DeclaredClientProps, 'rotator'>,
  ): void {
    const schedule = new CfnRotationSchedule(this, 'Rotation', {
      secretId: secret.secretArn,
      rotationLambdaArn: rotator().functionArn,
      rotationRules: { scheduleExpression: hours % 24 === 0 ? rate(hours / 24, 'day') : rate(hours, 'hour') },
      rotateImmediatelyOnUpdate: false,
    })
    schedule.node.addDependency(rotator(), ...after)
  }
}

function rotationUntried(id: string): Error {
  return new Error(
    `secretRotation of client "${id}" must be Duration.days(0) without an introspection function, at which a rotation tries the new secret: give one to DeclaredClients as introspection, or turn rotation off`,
  )
}

function rotationWithMutualTls(id: string): Error {
  return new Error(
    `secretRotation of client "${id}" must be Duration.days(0), since the server's domain asks callers for certificates: the function that rotates secrets has none to try a new one with; turn it off, or declare the client with keys of its own`,
  )
}

function rate(count: number, unit: string): string {
  return `rate(${count} ${unit}${count === 1 ? '' : 's'})`
}

function checkRotation(
  id: string,
  { secretRotation, secretOverlap }: ClientOptions,
  hasSecret: boolean,
): { rotationHours: number; overlapSeconds: number } {
  if (!hasSecret && (secretRotation ?? secretOverlap) !== undefined) {
    throw new Error(
      `secretRotation and secretOverlap must not be set for client "${id}", which has no secret: remove them`,
    )
  }
  const setting = (name: string) => `${name} of client "${id}"`
  const rotation = wholeSeconds(setting('secretRotation'), secretRotation ?? Duration.days(90), {
    min: 0,
    max: 365 * 86_400,
  })
  if (rotation > 0 && (rotation < 4 * 3600 || rotation % 3600 !== 0)) {
    throw new Error(
      `${setting('secretRotation')} must be whole hours and at least 4, got ${rotation} seconds: round it, or turn it off with 0`,
    )
  }
  const overlapSeconds = wholeSeconds(setting('secretOverlap'), secretOverlap ?? Duration.days(1), {
    min: 0,
    max: 30 * 86_400,
  })
  if (rotation > 0 && overlapSeconds >= rotation) {
    throw new Error(
      `${setting('secretOverlap')} must be shorter than secretRotation (${rotation} seconds), got ${overlapSeconds} seconds: a client has two secrets at most`,
    )
  }
  return { rotationHours: rotation / 3600, overlapSeconds }
}

/** As late as a resource server may be declared; one that is not, deployment looks up. */
function undeclaredScopes(
  id: string,
  { grants = [] }: ClientOptions,
  { resourceServers }: Pick<DeclaredClientsProps, 'resourceServers'>,
): string[] {
  return grants.flatMap(({ audience, scopes }) => {
    const declared = resourceServers.scopesOf(audience)
    return scopes
      .filter(scope => declared !== undefined && !declared.includes(scope))
      .map(
        scope =>
          `scope "${scope}" is granted to client "${id}" and not declared for "${audience}": add it to the scopes of addResourceServer, or correct the grant`,
      )
  })
}
