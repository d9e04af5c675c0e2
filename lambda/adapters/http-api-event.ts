import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { HttpRequest, HttpResponse } from '../oauth/http.ts'

/** Converts an HTTP API event (payload format 2.0) to what the protocol reads of it. */
export function toHttpRequest(event: APIGatewayProxyEventV2): HttpRequest {
  return {
    method: event.requestContext.http.method,
    rawQueryString: event.rawQueryString,
    headers: event.headers,
    body: event.body,
    sourceIp: event.requestContext.http.sourceIp,
    isBase64Encoded: event.isBase64Encoded,
  }
}

export function toHttpApiResult({ status, headers, body }: HttpResponse): APIGatewayProxyStructuredResultV2 {
  return { statusCode: status, headers: { ...headers }, body }
}

/** Who asked, for the audit event. */
export function requester(event: APIGatewayProxyEventV2): {
  requestId: string
  sourceIp: string | undefined
} {
  const { requestId = '', http } = event.requestContext ?? {}
  return { requestId, sourceIp: http?.sourceIp }
}
