import type { APIGatewayProxyEventV2WithIAMAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { AdministrationError } from '../oauth/administration/administration-error.ts'
import type { AuditedAction } from '../oauth/audit-event.ts'
import type { DecisionFacts } from '../oauth/decision-facts.ts'
import { metricNames } from '../oauth/metric-names.ts'
import { Unavailable } from '../oauth/unavailable.ts'
import { requester } from './http-api-event.ts'
import type { Records } from './records.ts'

/** What an operation may use of a request. */
export interface AdministrationRequest {
  readonly parameters: Readonly<Record<string, string | undefined>>
  readonly query: Readonly<Record<string, string | undefined>>
  /** The parsed JSON body; undefined when there is none. */
  readonly body: unknown
}

export interface AdministrationFacts extends DecisionFacts {
  subject?: string
}

export interface Operation {
  readonly audit: AuditedAction
  readonly status: 200 | 201 | 204
  readonly run: (request: AdministrationRequest, facts: AdministrationFacts) => Promise<object | undefined>
}

const maxBodyBytes = 262_144

const metrics = {
  allowed: metricNames.administrationAllowed,
  refused: metricNames.administrationRefused,
  failed: metricNames.administrationFailed,
}

/**
 * Makes the admin API's handler of its operations by route key. Whoever gets here has been authenticated and authorised
 * by IAM; each call is one audit event with the caller's ARN.
 */
export function administrationEndpoint(operations: Readonly<Record<string, Operation>>, records: Records) {
  const byRoute = new Map(Object.entries(operations))
  return async (
    event: APIGatewayProxyEventV2WithIAMAuthorizer,
  ): Promise<APIGatewayProxyStructuredResultV2> => {
    const operation = byRoute.get(event.routeKey)
    if (operation === undefined) return errorResult(new AdministrationError('not_found'))
    const facts: AdministrationFacts = {}
    const actor = event.requestContext.authorizer?.iam?.userArn
    const record = (outcome: 'allowed' | 'refused' | 'failed', reason: string) => {
      const decision = { audit: operation.audit, outcome, reason, ...requester(event), actor, ...facts }
      records.audit(decision, metrics[outcome])
    }
    try {
      const body = await operation.run(toRequest(event), facts)
      record('allowed', 'ok')
      return result(operation.status, body)
    } catch (thrown) {
      const error = toAdministrationError(thrown, records)
      // What is in the path of a client that does not exist may be anything, a secret in the wrong place too.
      if (error.code === 'not_found') delete facts.clientId
      record(error.status >= 500 ? 'failed' : 'refused', error.code)
      return errorResult(error)
    }
  }
}

function toRequest(event: APIGatewayProxyEventV2WithIAMAuthorizer): AdministrationRequest {
  return {
    parameters: event.pathParameters ?? {},
    query: event.queryStringParameters ?? {},
    body: parseBody(event.body, event.isBase64Encoded),
  }
}

function parseBody(body: string | undefined, isBase64Encoded: boolean): unknown {
  if (body === undefined || body === '') return undefined
  if (body.length > maxBodyBytes)
    throw new AdministrationError('invalid_request', 'the request body is too large')
  try {
    return JSON.parse(isBase64Encoded ? decodeUtf8(Buffer.from(body, 'base64')) : body)
  } catch (cause) {
    throw new AdministrationError('invalid_request', 'the request body is not JSON', { cause })
  }
}

/** RFC 8259 §8.1. @throws TypeError where it is something else, rather than putting marks in its place */
function decodeUtf8(octets: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
}

function toAdministrationError(thrown: unknown, records: Records): AdministrationError {
  if (thrown instanceof AdministrationError) return thrown
  if (thrown instanceof Unavailable) {
    return new AdministrationError('temporarily_unavailable', undefined, { cause: thrown })
  }
  records.unexpected(thrown)
  return new AdministrationError('server_error', undefined, { cause: thrown })
}

function errorResult(error: AdministrationError): APIGatewayProxyStructuredResultV2 {
  const retry: Record<string, string> = error.status === 503 ? { 'retry-after': '1' } : {}
  return result(error.status, { error: error.code, error_description: error.detail }, retry)
}

function result(status: number, body: object | undefined, more: Record<string, string> = {}) {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...more }
  return { statusCode: status, headers, body: body === undefined ? '' : JSON.stringify(body) }
}
