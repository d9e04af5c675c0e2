import { Lazy } from 'aws-cdk-lib'
import { type HttpApi, HttpMethod, HttpNoneAuthorizer, type HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { resourceMetadataPath } from '../lambda/oauth/resource-metadata.ts'
import { bundledCode, CountersignFunction } from './functions.ts'

export interface ResourceMetadataProps {
  readonly audience: string
  readonly issuer: string
  readonly scopes: () => readonly string[] | undefined
  /** @default RetentionDays.SIX_MONTHS */
  readonly logRetention?: RetentionDays
}

/**
 * Adds an open route that serves the API's metadata (RFC 9728): its audience, this issuer, its scopes.
 *
 * @throws Error when the audience is no https URL
 */
export function addResourceMetadata(api: HttpApi, props: ResourceMetadataProps): readonly HttpRoute[] {
  const path = resourceMetadataPath(props.audience)
  if (path === undefined) {
    throw new Error(
      `metadata of a protected resource needs an https URL as the audience (RFC 9728 §1.2), got "${props.audience}": leave the metadata out, or name the API by a URL`,
    )
  }
  const handler = new CountersignFunction(api, 'CountersignResourceMetadata', {
    service: 'resource-metadata',
    description: 'Countersign: publishes the metadata of a protected API (RFC 9728)',
    code: bundledCode('resource-metadata'),
    environment: {
      ISSUER: props.issuer,
      AUDIENCE: props.audience,
      SCOPES_SUPPORTED: Lazy.string({ produce: () => (props.scopes() ?? []).join(' ') }),
    },
    statements: [],
    logRetention: props.logRetention,
  })
  return api.addRoutes({
    path,
    methods: [HttpMethod.GET],
    integration: new HttpLambdaIntegration('CountersignResourceMetadata', handler),
    authorizer: new HttpNoneAuthorizer(),
  })
}
