import { Duration } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Node } from 'constructs'
import type { JwsAlgorithm } from '../lambda/oauth/public-key.ts'
import type { Custody } from '../lambda/oauth/signing-key.ts'
import type { AuthenticationFailureLimit, AuthorizationServerProps } from './authorization-server-props.ts'

/** A custom domain by name, and the certificate for it in the API's own Region. */
export interface DomainSettings {
  readonly domainName: string
  readonly certificateArn: string
  /** The authorities whose certificates callers must present (mutual TLS). @default - no certificate is asked for */
  readonly truststore?: TruststoreSettings
}

/** A PEM file of certificates in S3, in the API's own Region. */
export interface TruststoreSettings {
  readonly bucketName: string
  readonly key: string
  /** The version of the object. @default - the newest at each deployment of the domain */
  readonly version?: string
}

export interface ContextSettings {
  readonly examples: boolean
  readonly authorizationServer: AuthorizationServerProps
  readonly domain: DomainSettings | undefined
}

/**
 * Reads the app's settings from CDK context: `cdk.json`, or `-c name=value` on the command line, where every value is
 * text. What the values may be is checked by the constructs.
 *
 * @throws Error naming the setting when it is not a number, or not `true` or `false`
 */
export function readContextSettings(node: Node): ContextSettings {
  const seconds = (name: string) => {
    const value = contextNumber(node, name)
    return value === undefined ? undefined : Duration.seconds(value)
  }
  const days = (name: string) => {
    const value = contextNumber(node, name)
    return value === undefined ? undefined : Duration.days(value)
  }
  return {
    examples: contextFlag(node, 'examples', true),
    authorizationServer: {
      accessTokenLifetime: seconds('accessTokenLifetimeSeconds'),
      maxRevocationDelay: seconds('maxRevocationDelaySeconds'),
      revocationOutageGrace: seconds('revocationOutageGraceSeconds'),
      decisionCacheTtl: seconds('decisionCacheTtlSeconds'),
      authenticationFailureLimit: readFailureLimit(node),
      signingAlgorithm: contextText(node, 'signingAlgorithm') as JwsAlgorithm | undefined,
      signingKeyCustody: contextText(node, 'signingKeyCustody') as Custody | undefined,
      signingKeyRotation: days('signingKeyRotationDays'),
      logRetention: contextNumber(node, 'logRetentionDays') as RetentionDays | undefined,
    },
    domain: readDomain(node),
  }
}

function readFailureLimit(node: Node): AuthenticationFailureLimit | undefined {
  const failures = contextNumber(node, 'authenticationFailures')
  const window = contextNumber(node, 'authenticationFailureWindowSeconds')
  if (failures === undefined && window === undefined) return undefined
  return { failures: failures ?? 20, window: Duration.seconds(window ?? 60) }
}

function readDomain(node: Node): DomainSettings | undefined {
  const domainName: unknown = node.tryGetContext('domainName')
  const certificateArn: unknown = node.tryGetContext('certificateArn')
  const truststore = readTruststore(node)
  if (domainName === undefined && certificateArn === undefined && truststore === undefined) return undefined
  if (typeof domainName === 'string' && typeof certificateArn === 'string')
    return { domainName, certificateArn, truststore }
  throw new Error(
    'context domainName and certificateArn must be set together: the name, and the ARN of its certificate',
  )
}

function readTruststore(node: Node): TruststoreSettings | undefined {
  const uri = contextText(node, 'truststoreUri')
  const version = contextText(node, 'truststoreVersion')
  if (uri === undefined && version === undefined) return undefined
  const [, bucketName, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri ?? '') ?? []
  if (bucketName !== undefined && key !== undefined) return { bucketName, key, version }
  throw new Error(
    `context truststoreUri must be s3://<bucket>/<key> of a PEM file, got ${JSON.stringify(uri)}`,
  )
}

function contextNumber(node: Node, name: string): number | undefined {
  const value: unknown = node.tryGetContext(name)
  if (value === undefined) return undefined
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw new Error(`context ${name} must be a number, got ${JSON.stringify(value)}`)
}

function contextText(node: Node, name: string): string | undefined {
  const value: unknown = node.tryGetContext(name)
  if (value === undefined || typeof value === 'string') return value
  throw new Error(`context ${name} must be text, got ${JSON.stringify(value)}`)
}

function contextFlag(node: Node, name: string, byDefault: boolean): boolean {
  const value = String(node.tryGetContext(name) ?? byDefault)
  if (value === 'true' || value === 'false') return value === 'true'
  throw new Error(`context ${name} must be true or false, got ${JSON.stringify(value)}`)
}
