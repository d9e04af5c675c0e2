import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { AuthorizationServer } from './authorization-server.ts'
import { addDefaultStage } from './default-stage.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import type { AuthorizeOptions } from './scope-requirement.ts'

export interface ExampleRoute {
  readonly path: string
  readonly method: HttpMethod
  /** The scopes that the route needs. @default - the route is open */
  readonly needs?: Omit<AuthorizeOptions, 'audience'>
}

export interface ExampleApiProps {
  readonly authorizationServer: AuthorizationServer
  readonly apiName: string
  readonly audience: string
  /** The scopes that clients can be granted, with what each allows. */
  readonly scopes: Readonly<Record<string, string>>
  readonly routes: readonly ExampleRoute[]
}

/** A protected HTTP API to try the server with: it answers with what its authorizer told it about the caller. */
export class ExampleApi extends Construct {
  readonly endpoint: string

  constructor(scope: Construct, id: string, props: ExampleApiProps) {
    super(scope, id)
    const { authorizationServer, audience } = props
    const logRetention = RetentionDays.ONE_MONTH
    const api = new HttpApi(this, 'Api', { apiName: props.apiName, createDefaultStage: false })
    addDefaultStage(api, { logRetention, throttle: { rateLimit: 2000, burstLimit: 4000 } })
    this.endpoint = api.apiEndpoint
    authorizationServer.addResourceServer({ audience, scopes: props.scopes })
    authorizationServer.addResourceMetadata(api, { audience })

    const handler = new CountersignFunction(this, 'Handler', {
      service: 'example',
      description: `Countersign example: answers the requests to ${props.apiName}`,
      code: bundledCode('example-api'),
      environment: {},
      statements: [],
      logRetention,
    })
    const integration = new HttpLambdaIntegration('Handler', handler)
    for (const { path, method, needs } of props.routes) {
      const authorizer = needs && authorizationServer.authorize({ audience, ...needs })
      api.addRoutes({ path, methods: [method], integration, authorizer })
    }
  }
}

/** The scopes and routes of the two examples that the app deploys. */
export const ordersScopes = {
  'orders:read': 'Read orders',
  'orders:write': 'Place, change and remove orders',
}

export const paymentsScopes = {
  'payments:read': 'Read payments',
  'payments:write': 'Make payments',
  'payments:admin': 'Make and correct payments',
}

export const ordersRoutes: readonly ExampleRoute[] = [
  { path: '/orders', method: HttpMethod.GET, needs: { allOf: ['orders:read'] } },
  { path: '/orders/{id}', method: HttpMethod.GET, needs: { allOf: ['orders:read'] } },
  { path: '/orders', method: HttpMethod.POST, needs: { allOf: ['orders:write'] } },
  { path: '/orders/{id}', method: HttpMethod.DELETE, needs: { allOf: ['orders:read', 'orders:write'] } },
  { path: '/health', method: HttpMethod.GET },
]

export const paymentsRoutes: readonly ExampleRoute[] = [
  { path: '/payments', method: HttpMethod.GET, needs: { allOf: ['payments:read'] } },
  { path: '/payments', method: HttpMethod.POST, needs: { anyOf: ['payments:write', 'payments:admin'] } },
]
