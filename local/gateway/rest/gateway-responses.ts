import type { StackResource } from '../../cloud-assembly.ts'
import { readProperties } from '../../deployment/properties.ts'
import type { Intrinsics } from '../../intrinsics.ts'
import type { GatewayResponse } from '../response.ts'

/** An answer of API Gateway's own, as it is where the template says nothing of it. */
interface DefaultResponse {
  statusCode: number
  /** `$context.error.messageString`: JSON text, quotes included. */
  message: string
  errorType?: string
}

/** The types that a local run can come to. */
const defaults = {
  UNAUTHORIZED: { statusCode: 401, message: '"Unauthorized"', errorType: 'UnauthorizedException' },
  ACCESS_DENIED: {
    statusCode: 403,
    message: '"User is not authorized to access this resource"',
    errorType: 'AccessDeniedException',
  },
  MISSING_AUTHENTICATION_TOKEN: {
    statusCode: 403,
    message: '"Missing Authentication Token"',
    errorType: 'MissingAuthenticationTokenException',
  },
  AUTHORIZER_FAILURE: { statusCode: 500, message: 'null', errorType: 'AuthorizerFailureException' },
  AUTHORIZER_CONFIGURATION_ERROR: {
    statusCode: 500,
    message: 'null',
    errorType: 'AuthorizerConfigurationException',
  },
  THROTTLED: { statusCode: 429, message: '"Too Many Requests"', errorType: 'TooManyRequestsException' },
  QUOTA_EXCEEDED: { statusCode: 429, message: '"Limit Exceeded"', errorType: 'LimitExceededException' },
  INVALID_API_KEY: { statusCode: 403, message: '"Forbidden"', errorType: 'ForbiddenException' },
  REQUEST_TOO_LARGE: {
    statusCode: 413,
    message: '"Request Too Long"',
    errorType: 'RequestTooLargeException',
  },
  API_CONFIGURATION_ERROR: { statusCode: 500, message: '"Internal server error"' },
  INTEGRATION_TIMEOUT: { statusCode: 504, message: '"Endpoint request timed out"' },
} as const satisfies Record<string, DefaultResponse>

export type GatewayResponseType = keyof typeof defaults

interface CustomResponse {
  statusCode: number | undefined
  headers: [string, string][]
  template: string | undefined
}

/** The answers of a REST API that come from API Gateway, each as its `AWS::ApiGateway::GatewayResponse` has it. */
export class GatewayResponses {
  readonly #custom: ReadonlyMap<string, CustomResponse>

  constructor(custom: ReadonlyMap<string, CustomResponse>) {
    this.#custom = custom
  }

  answer(type: GatewayResponseType): GatewayResponse {
    const standard: DefaultResponse = defaults[type]
    const group = standard.statusCode < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX'
    const custom = this.#custom.get(type) ?? this.#custom.get(group)
    const { errorType } = standard
    return {
      statusCode: custom?.statusCode ?? standard.statusCode,
      headers: [
        ['content-type', 'application/json'],
        ...(errorType === undefined ? [] : [['x-amzn-errortype', errorType] as [string, string]]),
        ...(custom?.headers ?? []),
      ],
      body: (custom?.template ?? '{"message":$context.error.messageString}').replaceAll(
        '$context.error.messageString',
        standard.message,
      ),
    }
  }
}

/** @throws where one has a type, a mapping or a template that the local run does not know */
export function readGatewayResponses(
  resources: readonly StackResource[],
  intrinsics: Intrinsics,
): GatewayResponses {
  const custom = new Map<string, CustomResponse>()
  for (const resource of resources) {
    const reader = readProperties(resource, intrinsics, {
      used: ['ResponseParameters', 'ResponseTemplates', 'ResponseType', 'RestApiId', 'StatusCode'],
    })
    reader.expect('ResponseType', [...Object.keys(defaults), 'DEFAULT_4XX', 'DEFAULT_5XX'])
    const type = reader.text('ResponseType')
    if (custom.has(type)) throw reader.error('ResponseType', `is ${type}, which the API has already`)
    const headers = reader.entries('ResponseParameters').map(([name, value]): [string, string] => {
      const header = /^gatewayresponse\.header\.(.+)$/.exec(name)?.[1]
      const text = /^'([^']*)'$/.exec(String(value))?.[1]
      if (header === undefined || text === undefined)
        throw reader.error('ResponseParameters', `maps ${name} in a way that the local run does not know`)
      return [header, text]
    })
    custom.set(type, {
      statusCode: reader.optionalNumber('StatusCode'),
      headers,
      template: readTemplate(reader.entries('ResponseTemplates'), problem =>
        reader.error('ResponseTemplates', problem),
      ),
    })
  }
  return new GatewayResponses(custom)
}

function readTemplate(
  templates: readonly [string, unknown][],
  error: (problem: string) => Error,
): string | undefined {
  const [first, ...others] = templates
  if (first === undefined) return undefined
  const [mediaType, template] = [first[0], String(first[1])]
  if (mediaType !== 'application/json' || others.length > 0)
    throw error('has a media type other than application/json')
  if (template.replaceAll('$context.error.messageString', '').includes('$'))
    throw error('has a variable that the local run does not know')
  return template
}
