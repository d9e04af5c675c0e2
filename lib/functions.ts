import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'

/** How long log groups keep their events, unless it is said. */
export const defaultLogRetention = RetentionDays.SIX_MONTHS

/** The value of `SERVICE` and of the metrics' `service` dimension. */
export type Service =
  | 'token'
  | 'revoke'
  | 'introspect'
  | 'metadata'
  | 'admin'
  | 'authorizer'
  | 'keeper'
  | 'registrar'
  | 'client-registrar'
  | 'secret-rotator'
  | 'api-keys'
  | 'resource-metadata'
  | 'example'

export interface CountersignFunctionProps {
  readonly service: Service
  readonly description: string
  readonly code: Code
  /** Everything but `SERVICE`, which is set from `service`. */
  readonly environment: Readonly<Record<string, string>>
  /** All that the function may do beside writing to its own log group. */
  readonly statements: readonly PolicyStatement[]
  /** @default RetentionDays.SIX_MONTHS */
  readonly logRetention?: RetentionDays
  /** In MiB. CPU comes in proportion. @default 256 */
  readonly memorySize?: number
  /** @default Duration.seconds(10) */
  readonly timeout?: Duration
}

/**
 * A function of this system: the one place that knows its run time, log group and role. The role has what `statements`
 * say and may write to its own log group; no managed policy, whose log permissions cover every group.
 */
export class CountersignFunction extends LambdaFunction {
  /** @throws Error when it has not been bundled, or its environment sets `SERVICE` */
  constructor(scope: Construct, id: string, props: CountersignFunctionProps) {
    if ('SERVICE' in props.environment) {
      throw new Error(
        `environment of ${id} must not set SERVICE, got "${props.environment.SERVICE}": it is set from service`,
      )
    }
    // Kept when the stack goes: it holds the audit events. Its rows end by themselves.
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      retention: props.logRetention ?? defaultLogRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    const writeLogs = new PolicyStatement({
      sid: 'WriteLogs',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    })
    const role = new Role(scope, `${id}Role`, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Policy: new PolicyDocument({ statements: [...props.statements, writeLogs] }) },
    })
    super(scope, id, {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.code,
      memorySize: props.memorySize ?? 256,
      timeout: props.timeout ?? Duration.seconds(10),
      environment: { SERVICE: props.service, ...props.environment },
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
    })
  }
}

// The package asks for itself by name: these constructs run from lib/ here and from dist/esm/lib once packed.
const packageFolder = dirname(createRequire(import.meta.url).resolve('countersign/package.json'))

/**
 * The folder of a bundled function.
 *
 * @throws Error when it has not been bundled
 */
export function bundleFolder(name: string): string {
  const folder = join(packageFolder, 'dist/lambda', name)
  if (!existsSync(join(folder, 'index.mjs'))) {
    throw new Error(
      `dist/lambda/${name}/index.mjs is missing, the function "${name}" is not bundled: run npm run build`,
    )
  }
  return folder
}

export function bundledCode(name: string): Code {
  return Code.fromAsset(bundleFolder(name))
}
