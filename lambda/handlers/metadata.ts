import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { dynamoDbClient } from '../adapters/aws-clients.ts'
import { configuredKeysTable } from '../adapters/configured-stores.ts'
import { optionalSetting, setting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { toHttpApiResult, toHttpRequest } from '../adapters/http-api-event.ts'
import { epochSeconds } from '../oauth/clock.ts'
import { errorResponse } from '../oauth/endpoint-response.ts'
import { authorizationServerMetadata, endpointPaths, optionalEndpoints } from '../oauth/metadata.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { publicDocument } from '../oauth/public-document.ts'
import { publishedKeys } from '../oauth/signing-key.ts'
import { SigningKeyRing } from '../oauth/signing-key-ring.ts'
import { jwksMaxAgeSeconds, publishingRingRefreshSeconds } from '../oauth/signing-key-times.ts'
import { Unavailable } from '../oauth/unavailable.ts'

/** Metadata changes with a deployment only. */
const metadataMaxAgeSeconds = 3600

const { clock, records, watch } = functionContext()
const keysTable = configuredKeysTable(dynamoDbClient(watch), records)
const ring = new SigningKeyRing(() => keysTable.read(), clock, {
  refreshSeconds: publishingRingRefreshSeconds,
})
const metadata = authorizationServerMetadata(setting('ISSUER'), configuredEndpoints())

await ring.refresh().catch(() => {})

export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const request = toHttpRequest(event)
  try {
    if (!event.routeKey.endsWith(endpointPaths.jwks)) {
      return toHttpApiResult(publicDocument(request, metadata, metadataMaxAgeSeconds))
    }
    const keys = publishedKeys(await ring.all(), epochSeconds(clock))
    return toHttpApiResult(publicDocument(request, { keys }, jwksMaxAgeSeconds))
  } catch (cause) {
    if (!(cause instanceof Unavailable)) records.unexpected(cause)
    const reason = cause instanceof Unavailable ? 'store_unavailable' : 'internal_error'
    return toHttpApiResult(errorResponse(new OAuthError(reason, { cause })))
  }
}

/** Undefined where the server has all that there are; `none` is none of them. */
function configuredEndpoints() {
  const configured = optionalSetting('OPTIONAL_ENDPOINTS')?.split(' ')
  return configured && optionalEndpoints.filter(endpoint => configured.includes(endpoint))
}
