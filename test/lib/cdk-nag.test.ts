import { Duration, Stack } from 'aws-cdk-lib'
import { MockIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag'
import { describe, expect, it } from 'vitest'
import type { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack, type CountersignStackProps } from '../../lib/countersign-stack.ts'
import { newApp } from './synthesis.ts'

const synchronous =
  'Called synchronously by API Gateway, which is told of the failure: Lambda puts no such event into a dead letter queue.'
const byHttpApi =
  'HTTP APIs have no X-Ray tracing, so there is no trace to join; every decision is an audit event under the request id, and durations are on the dashboard.'
const endpoint =
  'It authenticates clients by itself (RFC 6749 §2.3), and answers a failure in the OAuth format.'
const metadata = 'Public by its standard: whoever asks for a token, or verifies one, has to read it first.'
const anyKeyOfTheRing =
  'Signing keys are made at run time and have no ARN in a template: conditions on the tag of the ring narrow each statement (docs/adr/0013-signing-keys-by-tag.md).'
const keyToBeMade =
  'kms:CreateKey alone: a key that does not exist yet has no ARN. Conditions hold it to the tag, specs and usage of this ring.'

const api = 'AuthorizationServer/Api'
const behindApis = [
  ...['Token', 'Revoke', 'Introspect', 'Metadata', 'Admin'].map(name => `AuthorizationServer/${name}`),
  ...['Orders', 'Payments'].flatMap(name => [
    `${name}/Api/CountersignResourceMetadata`,
    `${name}/Api/CountersignAuthorizer/Function`,
    `${name}/Handler`,
  ]),
]

/** Every finding that stands, by rule and by the resources that it is about, with the reason. None is for a whole stack. */
const acknowledged: [rule: string, reason: string, paths: string[]][] = [
  ['AwsSolutions-APIG4', endpoint, ['token', 'revoke', 'introspect'].map(path => `${api}/ANY--${path}`)],
  [
    'AwsSolutions-APIG4',
    metadata,
    [
      `${api}/GET--.well-known--oauth-authorization-server`,
      `${api}/GET--.well-known--openid-configuration`,
      `${api}/GET--.well-known--jwks.json`,
      'Orders/Api/GET--.well-known--oauth-protected-resource',
      'Payments/Api/GET--.well-known--oauth-protected-resource',
    ],
  ],
  ['AwsSolutions-APIG4', 'The example of an open route.', ['Orders/Api/GET--health']],
  [
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*]',
    anyKeyOfTheRing,
    ['AuthorizationServer/TokenRole', 'AuthorizationServer/KeeperRole'],
  ],
  ['AwsSolutions-IAM5[Resource::*]', keyToBeMade, ['AuthorizationServer/KeeperRole']],
  ['Serverless-LambdaStarPermissions', keyToBeMade, ['AuthorizationServer/KeeperRole']],
  ['Serverless-LambdaDLQ', synchronous, behindApis],
  [
    'Serverless-LambdaDLQ',
    'Run again every five minutes, whatever became of the last run: nobody would act on an event of the past. KeeperErrors and KeeperSilent tell of failures.',
    ['AuthorizationServer/Keeper'],
  ],
  [
    'Serverless-LambdaDLQ',
    'Called by CloudFormation, which waits for its answer and fails the deployment without one.',
    ['AuthorizationServer/Registrar'],
  ],
  ['Serverless-LambdaTracing', byHttpApi, behindApis],
  [
    'Serverless-LambdaTracing',
    'It calls DynamoDB and KMS and nothing else; its log lines name each step, with the request ids of calls that failed.',
    ['AuthorizationServer/Keeper', 'AuthorizationServer/Registrar'],
  ],
  [
    'Serverless-EventBusDLQ',
    'A missed event is made good by the next, five minutes later; the alarm KeeperSilent tells when none arrives.',
    ['AuthorizationServer/KeeperSchedule'],
  ],
]

const declared = 'AuthorizationServer/DeclaredClients'
const secretsOfTheServer =
  'Secrets by the tag of the server, which a condition demands: a list of ARNs would grow with the clients (docs/adr/0023-declared-clients.md).'

/** What a declared client adds. */
const acknowledgedWithClients: typeof acknowledged = [
  [
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:*]',
    secretsOfTheServer,
    [`${declared}/RegistrarRole`, `${declared}/RotatorRole`],
  ],
  [
    'Serverless-LambdaDLQ',
    'Called by CloudFormation and Secrets Manager, which wait for the end and tell of a failure.',
    [`${declared}/Registrar`, `${declared}/Rotator`],
  ],
  [
    'Serverless-LambdaAsyncFailureDestination',
    'CloudFormation waits for the end, and notices where none is told.',
    [`${declared}/Registrar/EventInvokeConfig`],
  ],
  [
    'Serverless-LambdaTracing',
    'Each step is an audit event; what is called is DynamoDB, Secrets Manager and one endpoint of the server.',
    [`${declared}/Registrar`, `${declared}/Rotator`],
  ],
]

const throttling = 'AuthorizationServer/ClientThrottling'
const apiKeys = `${throttling}/ApiKeys`

/** What a REST API with throttled clients adds. */
const acknowledgedWithThrottling: typeof acknowledged = [
  [
    'AwsSolutions-IAM5[Resource::<AuthorizationServerClients1356FB55.Arn>/stream/*]',
    'dynamodb:ListStreams alone, which Lambda needs to find the stream of this table.',
    [`${apiKeys}Role`],
  ],
  [
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:apigateway:<AWS::Region>::/apikeys/*]',
    'API keys are made at run time, and their ids by API Gateway (docs/adr/0024-throttling-by-client.md).',
    [`${apiKeys}Role`],
  ],
  [
    'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:apigateway:<AWS::Region>::/usageplans/<RestCountersignThrottlingPlan7EB90768>/keys/*]',
    'Reads which keys this one usage plan has; their ids are made at run time.',
    ['Rest/CountersignThrottling/Policy'],
  ],
  [
    'Serverless-LambdaDLQ',
    'Run again every five minutes, whatever became of the last run; the alarms ApiKeysErrors and ApiKeysMissing tell of failures.',
    [apiKeys],
  ],
  [
    'Serverless-LambdaEventSourceMappingDestination',
    'A change that is given up is made good on schedule: nobody would act on the record of it.',
    [`${throttling}/ClientChanges`],
  ],
  [
    'Serverless-EventBusDLQ',
    'A missed event is made good by the next, five minutes later.',
    [`${throttling}/Schedule`],
  ],
  [
    'Serverless-LambdaTracing',
    'It calls DynamoDB and API Gateway and nothing else; each change is an audit event.',
    [apiKeys],
  ],
  ['Serverless-LambdaDLQ', synchronous, ['Rest/CountersignAuthorizer/Function']],
  [
    'Serverless-LambdaTracing',
    'Every decision is an audit event under the request id, and durations are on the dashboard.',
    ['Rest/CountersignAuthorizer/Function'],
  ],
]

/** `<rule> <construct path>` of every finding of both packs. */
function findings(
  props: CountersignStackProps = {},
  change = (_: AuthorizationServer): void => {},
): string[] {
  const app = newApp()
  const stack = new CountersignStack(app, 'Countersign', props)
  change(stack.node.findChild('AuthorizationServer') as AuthorizationServer)
  app.synth()
  return [new AwsSolutionsChecks(), new ServerlessChecks()]
    .flatMap(pack => pack.validateScope(app).violations)
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath = '' }) => {
        const path = constructPath.replace(`${stack.node.path}/`, '').replace(/\/Resource$/, '')
        return `${ruleName} ${path}`
      }),
    )
    .sort()
}

const namesOf = (list: typeof acknowledged) =>
  list.flatMap(([rule, , paths]) => paths.map(path => `${rule} ${path}`)).sort()
const expected = namesOf(acknowledged)

describe('the AwsSolutions and Serverless rules of cdk-nag', () => {
  it('find in the whole app what is acknowledged with its reason, nothing else and nothing less', () => {
    expect(findings()).toEqual(expected)
  })

  it('find with a declared client what is acknowledged with its reason', () => {
    const grants = [{ audience: 'https://orders.example.com', scopes: ['orders:read'] }]
    const found = findings({}, server => server.addClient('Billing', { clientName: 'billing', grants }))
    expect(found).toEqual(namesOf([...acknowledged, ...acknowledgedWithClients]))
  })

  it('find with throttled clients of a REST API what is acknowledged with its reason', () => {
    const found = findings({}, server => {
      const api = new RestApi(Stack.of(server), 'Rest')
      server.throttleClients(api, { throttle: { rateLimit: 10, burstLimit: 20 } })
      const audience = 'https://rest.example.com'
      server.addResourceServer({ audience, scopes: { x: 'Everything' } })
      const authorizer = server.authorizeRest({ audience, allOf: ['x'] })
      api.root.addMethod('GET', new MockIntegration(), { authorizer })
    })
    // What CDK's own RestApi has is the user's to judge.
    const ofTheApi = / Rest(\/(DeploymentStage\.prod|Deployment|Default\/GET|CloudWatchRole))?$/
    expect(found.filter(each => !ofTheApi.test(each))).toEqual(
      namesOf([...acknowledged, ...acknowledgedWithThrottling]),
    )
  })

  it('find nothing more with a custom domain and mutual TLS, RSA keys, custody envelope and a decision cache', () => {
    const truststore = { bucketName: 'truststore', key: 'ca.pem' }
    const certificateArn =
      'arn:aws:acm:us-east-1:111111111111:certificate/2c1f0a5c-0000-4000-8000-000000000000'
    expect(
      findings({
        domain: { domainName: 'auth.example.com', certificateArn, truststore },
        authorizationServer: {
          signingAlgorithm: 'RS256',
          signingKeyCustody: 'envelope',
          decisionCacheTtl: Duration.seconds(2),
        },
      }),
    ).toEqual(expected)
  })
})
