import { Lazy } from 'aws-cdk-lib'
import {
  CfnGatewayResponse,
  type ResponseType,
  type RestApi,
  ResponseType as Type,
} from 'aws-cdk-lib/aws-apigateway'
import { Construct } from 'constructs'
import { resourceMetadataUrl } from './resource-metadata.ts'

interface ApiError {
  readonly type: ResponseType
  readonly status: string
  readonly error: string
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Tells the caller how to authenticate (RFC 6750 §3). */
function withChallenge(each: ApiError, metadata: string): ApiError {
  const { error, description } = each
  const challenge = `Bearer error="${error}", error_description="${description}"${metadata}`
  return { ...each, headers: { 'WWW-Authenticate': challenge } }
}

/**
 * Why an authorizer lets no request pass, as RFC 6750 §3.1 says it. API Gateway has one answer for no token and for a
 * token that is wrong, so that both have the error code.
 */
function bearerErrors(metadata: string): readonly ApiError[] {
  const unauthorized = {
    type: Type.UNAUTHORIZED,
    status: '401',
    error: 'invalid_token',
    description: 'The access token is missing, malformed, expired or revoked, or it is not for this API',
  }
  const denied = {
    type: Type.ACCESS_DENIED,
    status: '403',
    error: 'insufficient_scope',
    description: 'The scope of the access token does not allow this request',
  }
  const failures = [Type.AUTHORIZER_FAILURE, Type.AUTHORIZER_CONFIGURATION_ERROR].map(type => ({
    type,
    status: '500',
    error: 'server_error',
    description: 'The access token could not be checked, try again later',
  }))
  return [withChallenge(unauthorized, metadata), withChallenge(denied, metadata), ...failures]
}

/**
 * Why a usage plan lets no request pass. Nobody can say how long a quota lasts: the plan knows when its period ends, and
 * a gateway response is the same text every time.
 *
 * @param retryAfterSeconds how long a client that is alone waits for its next request
 */
function throttlingErrors(retryAfterSeconds: number): readonly ApiError[] {
  return [
    {
      type: Type.THROTTLED,
      status: '429',
      error: 'too_many_requests',
      description: 'There are too many requests, send them more slowly',
      headers: { 'Retry-After': String(retryAfterSeconds) },
    },
    {
      type: Type.QUOTA_EXCEEDED,
      status: '429',
      error: 'too_many_requests',
      description: 'The requests of this period are used up',
    },
    {
      type: Type.INVALID_API_KEY,
      status: '503',
      error: 'temporarily_unavailable',
      description: 'The client is not known to the usage plan yet, try again later',
      headers: { 'Retry-After': '5' },
    },
  ]
}

/**
 * The gateway responses of a REST API to requests that its authorizer does not let pass, but for those it has already.
 * Their challenges name the API's metadata, if it has any (RFC 9728 §5.1).
 */
export class BearerGatewayResponses extends Construct {
  readonly #api: RestApi

  constructor(scope: Construct, api: RestApi) {
    super(scope, 'Responses')
    this.#api = api
    addMissing(api, bearerErrors(Lazy.string({ produce: () => metadataAttribute(api) })))
  }

  /** API Gateway has one response of a type: a second one fails at deployment. */
  problems(): string[] {
    const types = responsesOf(this.#api).map(({ responseType }) => responseType)
    const twice = new Set(types.filter((type, index) => types.indexOf(type) !== index))
    return [...twice].map(
      type =>
        `${this.#api.node.path} has two gateway responses ${type}: add yours before the first method with an authorizer of authorizeRest, and before throttleClients, which then add none of that type`,
    )
  }
}

/** Adds the gateway responses to requests that a usage plan does not let pass, but for those that the API has already. */
export function addThrottlingResponses(api: RestApi, retryAfterSeconds: number): void {
  addMissing(api, throttlingErrors(retryAfterSeconds))
}

function addMissing(api: RestApi, errors: readonly ApiError[]): void {
  const own = responsesOf(api).map(({ responseType }) => responseType)
  for (const each of errors.filter(({ type }) => !own.includes(type.responseType)))
    api.addGatewayResponse(`Countersign${each.type.responseType}`, gatewayResponse(each))
}

function responsesOf(api: RestApi): CfnGatewayResponse[] {
  return api.node.findAll().filter(node => node instanceof CfnGatewayResponse)
}

/** Metadata may be added after the first protected method: known at synthesis. */
function metadataAttribute(api: RestApi): string {
  const url = resourceMetadataUrl(api)
  return url === undefined ? '' : `, resource_metadata="${url}"`
}

function gatewayResponse({ type, status, error, description, headers }: ApiError) {
  const quoted = Object.entries(headers ?? {}).map(([name, value]) => [name, `'${value}'`])
  return {
    type,
    statusCode: status,
    ...(headers && { responseHeaders: Object.fromEntries(quoted) }),
    templates: { 'application/json': JSON.stringify({ error, error_description: description }) },
  }
}
