import { RemovalPolicy } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import {
  CfnDomainName,
  type HttpApi,
  type HttpStage,
  type IDomainName,
  LogGroupLogDestination,
  type ThrottleSettings,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { defaultLogRetention } from './functions.ts'

/** One JSON document a request. No header and no query string: either may hold a credential. */
const accessLogFields = {
  requestId: '$context.requestId',
  ip: '$context.identity.sourceIp',
  requestTime: '$context.requestTime',
  httpMethod: '$context.httpMethod',
  routeKey: '$context.routeKey',
  status: '$context.status',
  protocol: '$context.protocol',
  responseLength: '$context.responseLength',
  integrationErrorMessage: '$context.integrationErrorMessage',
  authorizerError: '$context.authorizer.error',
}

export interface DefaultStageProps {
  /** @default RetentionDays.SIX_MONTHS */
  readonly logRetention?: RetentionDays
  readonly throttle?: ThrottleSettings
  /** The custom domain that serves this stage. @default - none */
  readonly domainName?: IDomainName
}

/** Gives an API its `$default` stage, deployed at each change, with access logs. */
export function addDefaultStage(api: HttpApi, props: DefaultStageProps): HttpStage {
  const logGroup = new LogGroup(api, 'AccessLogs', {
    retention: props.logRetention ?? defaultLogRetention,
    removalPolicy: RemovalPolicy.RETAIN,
  })
  return api.addStage('DefaultStage', {
    stageName: '$default',
    autoDeploy: true,
    throttle: props.throttle,
    domainMapping: props.domainName && { domainName: props.domainName },
    accessLogSettings: {
      destination: new LogGroupLogDestination(logGroup),
      format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
    },
  })
}

/** Whether a domain of this app is for callers with certificates; of one that was made elsewhere nobody knows. */
export function asksForCertificates(domainName: IDomainName | undefined): boolean {
  const resource = domainName?.node.defaultChild
  return resource instanceof CfnDomainName && resource.mutualTlsAuthentication !== undefined
}
