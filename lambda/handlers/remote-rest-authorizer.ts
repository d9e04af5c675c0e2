import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { configuredProtectedApi } from '../adapters/configured-protected-api.ts'
import { functionContext } from '../adapters/function-context.ts'
import { restAuthorizerHandler } from '../adapters/rest-authorizer-handler.ts'
import { serverElsewhere } from '../adapters/server-elsewhere.ts'

const context = functionContext()
const routes = new URL('./routes.json', import.meta.url)

export const handler: (event: APIGatewayRequestAuthorizerEvent) => Promise<unknown> = restAuthorizerHandler(
  await configuredProtectedApi(context, routes, serverElsewhere),
  context,
)
