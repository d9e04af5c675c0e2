import { Aws } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { readClientAttributes } from './permissions.ts'
import type { CountersignTables } from './tables.ts'

const anyApiKey = `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::/apikeys`
const anyUsagePlan = `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::/usageplans`

/** API Gateway's actions are HTTP methods, and its ARNs paths without an account. */
const onApiGateway = (sid: string, resources: string[], ...methods: ('GET' | 'POST' | 'DELETE')[]) =>
  new PolicyStatement({ sid, actions: methods.map(method => `apigateway:${method}`), resources })

/**
 * Who there is, and API keys. Which of the account's keys it may delete no condition can say that it could not meet
 * itself (docs/adr/0024-throttling-by-client.md).
 */
export const apiKeysPermissions = (tables: CountersignTables, streamArn: string) => [
  ...readClientAttributes(tables, ['client_id', 'status'], 'GetItem', 'Scan'),
  new PolicyStatement({
    sid: 'ReadChangesOfClients',
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    resources: [streamArn],
  }),
  new PolicyStatement({
    sid: 'FindChangesOfClients',
    actions: ['dynamodb:ListStreams'],
    resources: [`${tables.clients.tableArn}/stream/*`],
  }),
  onApiGateway('MakeApiKeys', [anyApiKey], 'GET', 'POST'),
  onApiGateway('RemoveApiKeys', [`${anyApiKey}/*`], 'DELETE'),
  onApiGateway('FindUsagePlans', [anyUsagePlan], 'GET'),
]

/** On one usage plan: which keys it has, and one more. */
export const usagePlanPermissions = (usagePlanId: string) => [
  onApiGateway('AddKeysToUsagePlan', [`${anyUsagePlan}/${usagePlanId}/keys`], 'GET', 'POST'),
  onApiGateway('FindKeysOfUsagePlan', [`${anyUsagePlan}/${usagePlanId}/keys/*`], 'GET'),
]
