import { Lazy, Token } from 'aws-cdk-lib'
import { AuthorizationType, type IRestApi, LambdaIntegration, type Method } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpMethod, HttpNoneAuthorizer, type HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct, type IConstruct } from 'constructs'
import { resourceMetadataPath } from '../lambda/oauth/resource-metadata.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import { routeAuthorizerId } from './route-authorizer.ts'

/** What the metadata of a protected API says of it. */
export interface ResourceMetadataOptions {
  /**
   * The API's resource indicator, an https URL without a query: the metadata is where RFC 9728 §3.1 derives it from this,
   * if the API answers under that name.
   */
  readonly audience: string
}

export interface ResourceMetadataProps extends ResourceMetadataOptions {
  readonly issuer: string
  readonly scopes: () => readonly string[] | undefined
  /** @default RetentionDays.SIX_MONTHS */
  readonly logRetention?: RetentionDays
}

/** The child of an API that publishes its metadata. */
const metadataId = 'CountersignResourceMetadata'

/**
 * Adds an open route that serves the API's metadata (RFC 9728): its audience, this issuer, its scopes.
 *
 * @throws Error when the audience is no https URL, or (at synthesis) not the API's
 */
export function addResourceMetadata(
  api: HttpApi | IRestApi,
  props: ResourceMetadataProps,
): readonly HttpRoute[] | Method {
  const path = resourceMetadataPath(props.audience)
  if (path === undefined) {
    throw new Error(
      `metadata of a protected resource needs an https URL as the audience (RFC 9728 §1.2), got "${props.audience}": leave the metadata out, or name the API by a URL`,
    )
  }
  api.node.addValidation({ validate: () => otherAudience(api, props.audience) })
  if (!(api instanceof HttpApi)) return new RestResourceMetadata(api, path, props).method
  return api.addRoutes({
    path,
    methods: [HttpMethod.GET],
    integration: new HttpLambdaIntegration(metadataId, createMetadataFunction(api, metadataId, props)),
    authorizer: new HttpNoneAuthorizer(),
  })
}

/** Who asks for a token by metadata with another audience than the API's would only ever be refused. */
function otherAudience(api: IConstruct, audience: string): string[] {
  const authorizer = api.node.tryFindChild(routeAuthorizerId)
  const tokens = authorizer !== undefined && 'audience' in authorizer ? authorizer.audience : audience
  // A deploy-time value may turn out to be the same.
  if (tokens === audience || Token.isUnresolved(tokens)) return []
  return [
    `${api.node.path} must have one audience, got "${audience}" in its metadata beside "${tokens}" in its authorizer: use the same in both`,
  ]
}

/** Where the metadata of a REST API is (RFC 9728 §3.1); undefined = it has none. */
export function resourceMetadataUrl(api: IConstruct): string | undefined {
  const metadata = api.node.tryFindChild(metadataId)
  return metadata instanceof RestResourceMetadata ? metadata.url : undefined
}

class RestResourceMetadata extends Construct {
  readonly url: string
  readonly method: Method

  constructor(api: IRestApi, path: string, props: ResourceMetadataProps) {
    super(api, metadataId)
    this.url = new URL(path, props.audience).href
    const handler = createMetadataFunction(this, 'Function', props)
    // Said here, since the API may have defaults that ask for more.
    this.method = api.root
      .resourceForPath(path)
      .addMethod('GET', new LambdaIntegration(handler, { allowTestInvoke: false }), {
        authorizationType: AuthorizationType.NONE,
        apiKeyRequired: false,
      })
  }
}

function createMetadataFunction(
  scope: Construct,
  id: string,
  { issuer, audience, scopes, logRetention }: ResourceMetadataProps,
): CountersignFunction {
  return new CountersignFunction(scope, id, {
    service: 'resource-metadata',
    description: 'Countersign: publishes the metadata of a protected API (RFC 9728)',
    code: bundledCode('resource-metadata'),
    environment: {
      ISSUER: issuer,
      AUDIENCE: audience,
      SCOPES_SUPPORTED: Lazy.string({ produce: () => (scopes() ?? []).join(' ') }),
    },
    statements: [],
    logRetention,
  })
}
