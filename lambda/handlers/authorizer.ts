import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { authorizerHandler } from '../adapters/authorizer-handler.ts'
import { configuredProtectedApi } from '../adapters/configured-protected-api.ts'
import { functionContext } from '../adapters/function-context.ts'
import { serverBeside } from '../adapters/server-beside.ts'

const context = functionContext()
const routes = new URL('./routes.json', import.meta.url)

export const handler: (event: APIGatewayRequestAuthorizerEventV2) => Promise<unknown> = authorizerHandler(
  await configuredProtectedApi(context, routes, serverBeside),
  context,
)
