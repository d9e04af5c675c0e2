import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { AuthorizationServer } from './authorization-server.ts'
import type { AuthorizationServerProps } from './authorization-server-props.ts'
import type { DomainSettings } from './context-settings.ts'
import { ExampleApi, ordersRoutes, ordersScopes, paymentsRoutes, paymentsScopes } from './example-api.ts'

export interface CountersignStackProps extends StackProps {
  /** The server's settings. @default - every setting has its default */
  readonly authorizationServer?: AuthorizationServerProps
  /** The custom domain of the server, made in this stack. @default - the server has the API's own endpoint */
  readonly domain?: DomainSettings
  /** Whether the two example APIs are deployed beside the server. @default true */
  readonly examples?: boolean
}

/** The app's one stack: an authorization server and two APIs to try it with. It fits any account and Region. */
export class CountersignStack extends Stack {
  constructor(scope: Construct, id: string, props: CountersignStackProps = {}) {
    super(scope, id, { description: 'Countersign: OAuth 2.0 for machine clients', ...props })
    const domainName = props.domain && this.#createDomain(props.domain)
    const server = new AuthorizationServer(this, 'AuthorizationServer', {
      domainName,
      ...props.authorizationServer,
    })
    const outputs: Record<string, string> = {
      Issuer: server.issuer,
      TokenEndpoint: server.tokenEndpoint,
      RevocationEndpoint: server.revocationEndpoint,
      IntrospectionEndpoint: server.introspectionEndpoint,
      JwksUri: server.jwksUri,
      AdminEndpoint: server.adminEndpoint,
      ClientsTable: server.clientsTable.tableName,
      RevocationsTable: server.revocationsTable.tableName,
      SigningKeysTable: server.signingKeysTable.tableName,
      ResourceServersTable: server.resourceServersTable.tableName,
      SingleUseTable: server.singleUseTable.tableName,
      AlarmTopicArn: server.alarmTopic.topicArn,
      DashboardName: server.dashboard.dashboardName,
    }
    if (props.examples ?? true) {
      const orders = new ExampleApi(this, 'Orders', {
        authorizationServer: server,
        apiName: 'orders',
        audience: 'https://orders.example.com',
        scopes: ordersScopes,
        routes: ordersRoutes,
      })
      const payments = new ExampleApi(this, 'Payments', {
        authorizationServer: server,
        apiName: 'payments',
        audience: 'https://payments.example.com',
        scopes: paymentsScopes,
        routes: paymentsRoutes,
      })
      outputs.OrdersEndpoint = orders.endpoint
      outputs.PaymentsEndpoint = payments.endpoint
    }
    // The DNS record of the custom domain points here.
    if (domainName !== undefined) outputs.DomainTarget = domainName.regionalDomainName
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }

  #createDomain({ domainName, certificateArn, truststore }: DomainSettings): DomainName {
    const certificate = Certificate.fromCertificateArn(this, 'Certificate', certificateArn)
    const mtls = truststore && {
      bucket: Bucket.fromBucketName(this, 'Truststore', truststore.bucketName),
      key: truststore.key,
      version: truststore.version,
    }
    return new DomainName(this, 'DomainName', { domainName, certificate, mtls })
  }
}
