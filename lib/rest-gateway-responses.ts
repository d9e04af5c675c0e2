import { Lazy } from 'aws-cdk-lib'
import {
  CfnGatewayResponse,
  type ResponseType,
  type RestApi,
  ResponseType as Type,
} from 'aws-cdk-lib/aws-apigateway'
import { Construct } from 'constructs'
import { resourceMetadataUrl } from './resource-metadata.ts'

interface BearerError {
  readonly type: ResponseType
  readonly status: string
  readonly error: string
  readonly description: string
  /** Whether the caller is told how to authenticate (RFC 6750 §3). */
  readonly challenge: boolean
}

/**
 * Why an authorizer lets no request pass, as RFC 6750 §3.1 says it. API Gateway has one answer for no token and for a
 * token that is wrong, so that both have the error code.
 */
const errors: readonly BearerError[] = [
  {
    type: Type.UNAUTHORIZED,
    status: '401',
    error: 'invalid_token',
    description: 'The access token is missing, malformed, expired or revoked, or it is not for this API',
    challenge: true,
  },
  {
    type: Type.ACCESS_DENIED,
    status: '403',
    error: 'insufficient_scope',
    description: 'The scope of the access token does not allow this request',
    challenge: true,
  },
  ...[Type.AUTHORIZER_FAILURE, Type.AUTHORIZER_CONFIGURATION_ERROR].map(type => ({
    type,
    status: '500',
    error: 'server_error',
    description: 'The access token could not be checked, try again later',
    challenge: false,
  })),
]

/**
 * The gateway responses of a REST API to requests that its authorizer does not let pass, but for those it has already.
 * Their challenges name the API's metadata, if it has any (RFC 9728 §5.1).
 */
export class BearerGatewayResponses extends Construct {
  readonly #api: RestApi

  constructor(scope: Construct, api: RestApi) {
    super(scope, 'Responses')
    this.#api = api
    const own = this.#responses().map(({ responseType }) => responseType)
    const metadata = Lazy.string({ produce: () => metadataAttribute(api) })
    for (const each of errors.filter(({ type }) => !own.includes(type.responseType))) {
      api.addGatewayResponse(`Countersign${each.type.responseType}`, gatewayResponse(each, metadata))
    }
  }

  /** API Gateway has one response of a type: a second one fails at deployment. */
  problems(): string[] {
    const types = this.#responses().map(({ responseType }) => responseType)
    const twice = new Set(types.filter((type, index) => types.indexOf(type) !== index))
    return [...twice].map(
      type =>
        `${this.#api.node.path} has two gateway responses ${type}: add yours before the first method with an authorizer of authorizeRest, which then adds none of that type`,
    )
  }

  #responses(): CfnGatewayResponse[] {
    return this.#api.node.findAll().filter(node => node instanceof CfnGatewayResponse)
  }
}

/** Metadata may be added after the first protected method: known at synthesis. */
function metadataAttribute(api: RestApi): string {
  const url = resourceMetadataUrl(api)
  return url === undefined ? '' : `, resource_metadata="${url}"`
}

function gatewayResponse({ type, status, error, description, challenge }: BearerError, metadata: string) {
  return {
    type,
    statusCode: status,
    ...(challenge && {
      responseHeaders: {
        'WWW-Authenticate': `'Bearer error="${error}", error_description="${description}"${metadata}'`,
      },
    }),
    templates: { 'application/json': JSON.stringify({ error, error_description: description }) },
  }
}
