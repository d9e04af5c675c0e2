import { CustomResource, Duration, Names, RemovalPolicy, Tags } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { Key } from 'aws-cdk-lib/aws-kms'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { ringTag } from '../lambda/oauth/kms-facts.ts'
import type { CheckedSettings } from './authorization-server-props.ts'

/** The keeper makes its first key well within this; then CloudFormation stops waiting. */
export const keeperTimeout = Duration.seconds(60)

/**
 * The name that ties keys to one deployment: the stack's name and the construct's path, so it stays the same over
 * updates and is another one for another stack. A KMS tag value (at most 256 characters of its alphabet).
 */
export function ringName(scope: Construct): string {
  return Names.uniqueResourceName(scope, { maxLength: 128, separator: '-' })
}

/**
 * Has the keeper look after the ring at deployment: it makes the first key where there is none. The resource is
 * retained, so that no deletion or replacement of it ever reaches the keys.
 */
export function createSigningKeyRing(
  scope: Construct,
  keeper: LambdaFunction,
  ring: string,
  { signingAlgorithm, signingKeyCustody }: CheckedSettings,
): CustomResource {
  const resource = new CustomResource(scope, 'SigningKeyRing', {
    resourceType: 'Custom::CountersignSigningKeyRing',
    serviceToken: keeper.functionArn,
    serviceTimeout: Duration.seconds(keeperTimeout.toSeconds() + 30),
    removalPolicy: RemovalPolicy.RETAIN,
    // A change of them is the keeper's to act on at once, not at its next run.
    properties: { Ring: ring, SigningAlgorithm: signingAlgorithm, SigningKeyCustody: signingKeyCustody },
  })
  resource.node.addDependency(keeper)
  return resource
}

/** How often the keeper looks after the ring: how late a rotation, or a switch from a disabled key, may be. */
const keeperInterval = Duration.minutes(5)

/** Has the keeper look after the ring all the time. */
export function scheduleKeeper(scope: Construct, keeper: LambdaFunction): void {
  new Rule(scope, 'KeeperSchedule', {
    description: 'Countersign: keeps the ring of signing keys',
    schedule: Schedule.rate(keeperInterval),
    targets: [new LambdaTarget(keeper, { maxEventAge: keeperInterval, retryAttempts: 2 })],
  })
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
