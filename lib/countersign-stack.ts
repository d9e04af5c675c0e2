import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { AuthorizationServer } from './authorization-server.ts'
import { ExampleApi, ordersRoutes, paymentsRoutes } from './example-api.ts'

export interface CountersignStackProps extends StackProps {
  /** Whether the two example APIs are deployed beside the server. @default true */
  readonly examples?: boolean
}

/** The app's one stack: an authorization server and two APIs to try it with. It fits any account and Region. */
export class CountersignStack extends Stack {
  constructor(scope: Construct, id: string, props: CountersignStackProps = {}) {
    super(scope, id, { description: 'Countersign: OAuth 2.0 for machine clients', ...props })
    const server = new AuthorizationServer(this, 'AuthorizationServer')
    const outputs: Record<string, string> = {
      Issuer: server.issuer,
      TokenEndpoint: server.tokenEndpoint,
      RevocationEndpoint: server.revocationEndpoint,
      JwksUri: server.jwksUri,
      AdminEndpoint: server.adminEndpoint,
      ClientsTable: server.clientsTable.tableName,
      RevocationsTable: server.revocationsTable.tableName,
      SigningKeysTable: server.signingKeysTable.tableName,
      SingleUseTable: server.singleUseTable.tableName,
      AlarmTopicArn: server.alarmTopic.topicArn,
      DashboardName: server.dashboard.dashboardName,
    }
    if (props.examples ?? true) {
      const orders = new ExampleApi(this, 'Orders', {
        authorizationServer: server,
        apiName: 'orders',
        audience: 'https://orders.example.com',
        routes: ordersRoutes,
      })
      const payments = new ExampleApi(this, 'Payments', {
        authorizationServer: server,
        apiName: 'payments',
        audience: 'https://payments.example.com',
        routes: paymentsRoutes,
      })
      outputs.OrdersEndpoint = orders.endpoint
      outputs.PaymentsEndpoint = payments.endpoint
    }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }
}
