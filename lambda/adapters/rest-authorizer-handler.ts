import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import type { ProtectedApi } from '../oauth/authorize.ts'
import { InvokePolicies } from '../oauth/invoke-policy.ts'
import { restRouteKey } from '../oauth/rest-routes.ts'
import { decideAndRecord } from './authorizer-decision.ts'
import type { FunctionContext } from './function-context.ts'
import {
  type RestAuthorizerResult,
  restAuthorizerResult,
  withUsageIdentifier,
} from './rest-authorizer-result.ts'

/** What of an event of a REST API's REQUEST authorizer decides. */
interface RestRequest {
  readonly method: string
  /** The resource that API Gateway chose, `/orders/{id}`; never the path as sent. */
  readonly resource: string
  readonly authorization: string | undefined
  readonly methodArn: string
  /** Its beginning: `arn:aws:execute-api:<region>:<account>:<api>/<stage>/`. */
  readonly stageArn: string
}

export interface RestAuthorizerSettings {
  /** Whether answers name the client to API Gateway's usage plans. @default false */
  readonly identifiesClients?: boolean
}

/** Makes the handler of a REST API's Lambda authorizer: as `authorizerHandler`, answered by a policy for all routes. */
export function restAuthorizerHandler(
  api: ProtectedApi,
  context: FunctionContext,
  { identifiesClients = false }: RestAuthorizerSettings = {},
) {
  const policies = new InvokePolicies(api.routes)
  return async (event: APIGatewayRequestAuthorizerEvent): Promise<RestAuthorizerResult> => {
    const request = restRequest(event)
    const resourceRequest = request && {
      routeKey: restRouteKey(api.routes, request.method, request.resource),
      authorization: request.authorization,
    }
    const { requestId = '', identity } = event?.requestContext ?? {}
    const requester = { requestId, sourceIp: identity?.sourceIp }
    const decision = await decideAndRecord(resourceRequest, requester, api, context)
    const result = restAuthorizerResult(decision, request, policies)
    return identifiesClients ? withUsageIdentifier(result) : result
  }
}

function restRequest(event: APIGatewayRequestAuthorizerEvent): RestRequest | undefined {
  // An HTTP API's event of format 1.0 looks alike, but for its version: its routes are chosen otherwise.
  if (event?.type !== 'REQUEST' || 'version' in event) return undefined
  const { methodArn, httpMethod: method, resource } = event
  if (typeof methodArn !== 'string' || typeof method !== 'string' || typeof resource !== 'string')
    return undefined
  const [, stageArn, methodOfArn] =
    /^(arn:[^:/]+:execute-api:[^:/]+:[^:/]+:[^:/]+\/[^/]+\/)([A-Z]+)\//.exec(methodArn) ?? []
  if (stageArn === undefined || methodOfArn !== method) return undefined
  return { method, resource, methodArn, stageArn, authorization: authorizationOf(event) }
}

/**
 * Header names come in the case in which they were sent, and `headers` has the last of repeated ones alone: all are
 * joined as an HTTP API joins them, which makes them no credentials.
 */
function authorizationOf({
  headers,
  multiValueHeaders,
}: APIGatewayRequestAuthorizerEvent): string | undefined {
  const named = (all: object | null | undefined) =>
    Object.entries(all ?? {})
      .filter(([name]) => name.toLowerCase() === 'authorization')
      .flatMap(([, value]) => value as unknown)
  const repeated = named(multiValueHeaders)
  const values = repeated.length > 0 ? repeated : named(headers)
  return values.length > 0 && values.every(value => typeof value === 'string') ? values.join(',') : undefined
}
