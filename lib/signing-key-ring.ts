import { CustomResource, Duration, Names, RemovalPolicy, Tags } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { ringTag } from '../lambda/oauth/kms-facts.ts'
import { type AuthorizationServerProps, checkSettings } from './authorization-server-props.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import { keeperPermissions } from './permissions.ts'
import type { AuthorizationServerStorage } from './storage.ts'

/**
 * The name that ties keys to one deployment: the stack's name and the construct's path, so it stays the same over
 * updates and is another one for another stack. A KMS tag value (at most 256 characters of its alphabet).
 */
export function ringName(scope: Construct): string {
  return Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' })
}

/** The key that wraps private keys. It stays when the stack goes: what it wraps could never be read again. */
export function createWrappingKey(scope: Construct, ring: string): Key {
  const key = new Key(scope, 'WrappingKey', {
    description: `Countersign: wraps the private signing keys of ${ring}`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  })
  Tags.of(key).add(ringTag, ring)
  return key
}

/** How the signing keys are kept. */
export interface KeeperFunctionProps
  extends Pick<AuthorizationServerProps, 'signingAlgorithm' | 'signingKeyRotation' | 'logRetention'> {
  /** Where the keys are kept, and how (`signingKeyCustody`). */
  readonly storage: AuthorizationServerStorage
}

/** The keeper makes its first key well within this; then CloudFormation stops waiting. */
const keeperTimeout = Duration.seconds(60)

/** How often the keeper looks after the ring: how late a rotation, or a switch from a disabled key, may be. */
const keeperInterval = Duration.minutes(5)

/** The function that makes, publishes, rotates and ends the signing keys, every five minutes; nothing else writes them. */
export class KeeperFunction extends CountersignFunction {
  /** Where the keys are kept. */
  readonly storage: AuthorizationServerStorage
  /** What the keys that it makes are for. */
  readonly signingAlgorithm: string

  /** @throws Error when a setting is out of its limits */
  constructor(scope: Construct, id: string, props: KeeperFunctionProps) {
    const { storage, logRetention } = props
    const { signingAlgorithm, signingKeyRotationSeconds } = checkSettings(props)
    super(scope, id, {
      service: 'keeper',
      description: 'Countersign: keeps the ring of signing keys',
      code: bundledCode('keeper'),
      timeout: keeperTimeout,
      environment: {
        SIGNING_KEYS_TABLE: storage.signingKeys.tableName,
        SIGNING_KEY_RING: storage.signingKeyRing,
        REVOCATIONS_TABLE: storage.revocations.tableName,
        REVOCATION_SHARDS: String(storage.revocationShards),
        SIGNING_ALGORITHM: signingAlgorithm,
        SIGNING_KEY_CUSTODY: storage.signingKeyCustody,
        SIGNING_KEY_ROTATION_SECONDS: String(signingKeyRotationSeconds),
        ...(storage.wrappingKey && { WRAPPING_KEY_ARN: storage.wrappingKey.keyArn }),
      },
      statements: keeperPermissions(storage, storage.signingKeyRing),
      logRetention,
    })
    this.storage = storage
    this.signingAlgorithm = signingAlgorithm
    new Rule(scope, `${id}Schedule`, {
      description: 'Countersign: keeps the ring of signing keys',
      schedule: Schedule.rate(keeperInterval),
      targets: [new LambdaTarget(this, { maxEventAge: keeperInterval, retryAttempts: 2 })],
    })
  }
}

/**
 * The ring of signing keys, as deployment sees it: it has a key that signs once this is deployed, so that the endpoints
 * are to depend on it. It is retained: no deletion or replacement of it ever reaches the keys.
 */
export class SigningKeyRing extends Construct {
  constructor(scope: Construct, id: string, { keeper }: { readonly keeper: KeeperFunction }) {
    super(scope, id)
    const resource = new CustomResource(this, 'Default', {
      resourceType: 'Custom::CountersignSigningKeyRing',
      serviceToken: keeper.functionArn,
      serviceTimeout: Duration.seconds(keeperTimeout.toSeconds() + 30),
      removalPolicy: RemovalPolicy.RETAIN,
      // A change of them is the keeper's to act on at once, not at its next run.
      properties: {
        Ring: keeper.storage.signingKeyRing,
        SigningAlgorithm: keeper.signingAlgorithm,
        SigningKeyCustody: keeper.storage.signingKeyCustody,
      },
    })
    resource.node.addDependency(keeper)
  }
}
