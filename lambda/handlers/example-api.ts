import type {
  APIGatewayProxyEventV2WithLambdaAuthorizer,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda'
import type { AuthorizerContext } from '../adapters/authorizer-result.ts'

type Event = APIGatewayProxyEventV2WithLambdaAuthorizer<AuthorizerContext | undefined>

/** A protected API's backend for examples: answers with what the authorizer told it. */
export async function handler(event: Event): Promise<APIGatewayProxyStructuredResultV2> {
  const { routeKey, pathParameters, requestContext } = event
  const caller = requestContext.authorizer?.lambda
  const body = JSON.stringify({
    route: routeKey,
    ...(pathParameters === undefined ? {} : { pathParameters }),
    ...(caller === undefined || caller === null ? {} : caller),
  })
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body }
}
