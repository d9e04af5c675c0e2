import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { configuredProtectedApi } from '../adapters/configured-protected-api.ts'
import { optionalSetting } from '../adapters/environment.ts'
import { functionContext } from '../adapters/function-context.ts'
import { restAuthorizerHandler } from '../adapters/rest-authorizer-handler.ts'
import { serverBeside } from '../adapters/server-beside.ts'

const context = functionContext()
const routes = new URL('./routes.json', import.meta.url)

export const handler: (event: APIGatewayRequestAuthorizerEvent) => Promise<unknown> = restAuthorizerHandler(
  await configuredProtectedApi(context, routes, serverBeside),
  context,
  { identifiesClients: optionalSetting('IDENTIFY_CLIENTS') === 'true' },
)
