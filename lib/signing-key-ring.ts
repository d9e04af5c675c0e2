import { CustomResource, Duration, Names, RemovalPolicy } from 'aws-cdk-lib'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

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
export function createSigningKeyRing(scope: Construct, keeper: LambdaFunction, ring: string): CustomResource {
  const resource = new CustomResource(scope, 'SigningKeyRing', {
    resourceType: 'Custom::CountersignSigningKeyRing',
    serviceToken: keeper.functionArn,
    serviceTimeout: Duration.seconds(keeperTimeout.toSeconds() + 30),
    removalPolicy: RemovalPolicy.RETAIN,
    properties: { Ring: ring },
  })
  resource.node.addDependency(keeper)
  return resource
}
