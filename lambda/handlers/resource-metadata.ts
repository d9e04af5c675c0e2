import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { setting } from '../adapters/environment.ts'
import { toHttpApiResult, toHttpRequest } from '../adapters/http-api-event.ts'
import { publicDocument } from '../oauth/public-document.ts'
import { protectedResourceMetadata } from '../oauth/resource-metadata.ts'

/** Metadata changes with a deployment only. */
const maxAgeSeconds = 3600

const scopes = (process.env.SCOPES_SUPPORTED ?? '').split(' ').filter(scope => scope !== '')
const metadata = protectedResourceMetadata(setting('AUDIENCE'), setting('ISSUER'), scopes)

export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  return toHttpApiResult(publicDocument(toHttpRequest(event), metadata, maxAgeSeconds))
}
