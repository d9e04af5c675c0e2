import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from './synthesis.ts'

const app = newApp({ defaultRules: true })
const synthesis = new Synthesis(new CountersignStack(app, 'Countersign'))

const serverOutputs = [
  'AdminEndpoint',
  'AlarmTopicArn',
  'ClientsTable',
  'DashboardName',
  'IntrospectionEndpoint',
  'Issuer',
  'JwksUri',
  'ResourceServersTable',
  'RevocationEndpoint',
  'RevocationsTable',
  'SigningKeysTable',
  'SingleUseTable',
  'TokenEndpoint',
]

function routesOf(name: string): [unknown, unknown][] {
  return [...synthesis.ofType('AWS::ApiGatewayV2::Route')]
    .filter(([path]) => path.startsWith(`${name}/`))
    .map(([, { Properties }]) => [Properties.RouteKey, Properties.AuthorizationType])
}

function routeTableOf(name: string): unknown {
  const { Metadata } = synthesis.at(`${name}/Api/CountersignAuthorizer/Function`)
  return JSON.parse(readFileSync(join(app.outdir, Metadata['aws:asset:path'] ?? '', 'routes.json'), 'utf8'))
}

describe('Countersign stack', () => {
  it('says where everything is, and no secret', () => {
    expect(Object.keys(synthesis.outputs).sort()).toEqual(
      [...serverOutputs, 'OrdersEndpoint', 'PaymentsEndpoint'].sort(),
    )
    const endpoint = (path: string) => ({ 'Fn::GetAtt': [synthesis.at(path).logicalId, 'ApiEndpoint'] })
    expect(synthesis.outputs).toMatchObject({
      Issuer: { Value: endpoint('AuthorizationServer/Api') },
      OrdersEndpoint: { Value: endpoint('Orders/Api') },
      PaymentsEndpoint: { Value: endpoint('Payments/Api') },
      ClientsTable: { Value: synthesis.ref('AuthorizationServer/Clients') },
      AlarmTopicArn: { Value: synthesis.ref('AuthorizationServer/AlarmTopic') },
      DashboardName: { Value: synthesis.ref('AuthorizationServer/Dashboard') },
    })
  })

  it('protects the routes of orders, but for its health', () => {
    expect(routesOf('Orders')).toEqual([
      ['GET /.well-known/oauth-protected-resource', 'NONE'],
      ['GET /orders', 'CUSTOM'],
      ['GET /orders/{id}', 'CUSTOM'],
      ['POST /orders', 'CUSTOM'],
      ['DELETE /orders/{id}', 'CUSTOM'],
      ['GET /health', 'NONE'],
    ])
    expect(routeTableOf('Orders')).toEqual({
      'GET /orders': { allOf: ['orders:read'] },
      'GET /orders/{id}': { allOf: ['orders:read'] },
      'POST /orders': { allOf: ['orders:write'] },
      'DELETE /orders/{id}': { allOf: ['orders:read', 'orders:write'] },
    })
  })

  it('protects the routes of payments', () => {
    expect(routesOf('Payments')).toEqual([
      ['GET /.well-known/oauth-protected-resource', 'NONE'],
      ['GET /payments', 'CUSTOM'],
      ['POST /payments', 'CUSTOM'],
    ])
    expect(routeTableOf('Payments')).toEqual({
      'GET /payments': { allOf: ['payments:read'] },
      'POST /payments': { anyOf: ['payments:admin', 'payments:write'] },
    })
  })

  it('names its APIs', () => {
    const names = [...synthesis.ofType('AWS::ApiGatewayV2::Api').values()].map(
      ({ Properties }) => Properties.Name,
    )
    expect(names).toEqual(['authorization-server', 'orders', 'payments'])
  })

  it('fits any account and Region: no look-up, no account in the assembly', () => {
    const { artifacts, missing } = JSON.parse(readFileSync(join(app.outdir, 'manifest.json'), 'utf8'))
    expect(missing).toBeUndefined()
    expect(artifacts.Countersign.environment).toBe('aws://unknown-account/unknown-region')
  })

  it('breaks none of the rules that CDK comes with', () => {
    const { pluginReports } = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'))
    expect(pluginReports).toEqual([])
  })

  it('keeps no path of this machine in what it deploys', () => {
    for (const file of ['Countersign.template.json', 'Countersign.assets.json']) {
      expect(readFileSync(join(app.outdir, file), 'utf8')).not.toContain(process.cwd())
    }
  })

  it('is the server alone without the examples', () => {
    const alone = new Synthesis(new CountersignStack(newApp(), 'Countersign', { examples: false }))
    expect(Object.keys(alone.outputs).sort()).toEqual(serverOutputs)
    alone.template.resourceCountIs('AWS::ApiGatewayV2::Api', 1)
    alone.template.resourceCountIs('AWS::ApiGatewayV2::Authorizer', 0)
    alone.template.resourceCountIs('AWS::Lambda::Function', 7)
  })
})
