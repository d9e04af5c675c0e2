import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda'
import { setting } from '../adapters/environment.ts'
import { toHttpApiResult } from '../adapters/http-api-event.ts'
import { publicDocument } from '../oauth/public-document.ts'
import { protectedResourceMetadata } from '../oauth/resource-metadata.ts'

/** Metadata changes with a deployment only. */
const maxAgeSeconds = 3600

const scopes = (process.env.SCOPES_SUPPORTED ?? '').split(' ').filter(scope => scope !== '')
const metadata = protectedResourceMetadata(setting('AUDIENCE'), setting('ISSUER'), scopes)

/** Behind an HTTP API or a REST API: both take the same answer. */
export async function handler(
  event: APIGatewayProxyEventV2 | APIGatewayProxyEvent,
): Promise<APIGatewayProxyStructuredResultV2> {
  return toHttpApiResult(publicDocument({ headers: lowerCaseNames(event) }, metadata, maxAgeSeconds))
}

/** A REST API passes names of headers on as they were sent. */
function lowerCaseNames({ headers }: APIGatewayProxyEventV2 | APIGatewayProxyEvent) {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
}
