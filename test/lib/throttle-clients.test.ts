import { Stack } from 'aws-cdk-lib'
import { Annotations, Match } from 'aws-cdk-lib/assertions'
import { Deployment, MockIntegration, Period, ResponseType, RestApi, Stage } from 'aws-cdk-lib/aws-apigateway'
import { describe, expect, it } from 'vitest'
import { Synthesis } from './synthesis.ts'
import { throttle, throttled, twoStacks } from './throttled-api.ts'

const { templates, server } = throttled({
  throttle: { rateLimit: 0.4, burstLimit: 20 },
  quota: { limit: 100_000, offset: 5, period: Period.WEEK },
})
const { orders } = templates
const keeper = 'Countersign/ClientThrottling/ApiKeys'
const prefix = String(templates.server.environment(keeper).API_KEY_PREFIX)
const apiGateway = (path: unknown[]) => ({
  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':apigateway:', { Ref: 'AWS::Region' }, ...path]],
})

describe('throttleClients', () => {
  it('has keys come from the authorizer, which is told to name the client', () => {
    expect(orders.at('Api').Properties.ApiKeySourceType).toBe('AUTHORIZER')
    expect(orders.environment('Api/CountersignAuthorizer/Function').IDENTIFY_CLIENTS).toBe('true')
  })

  it('has protected methods need a key, added before or after, and no others', () => {
    const late = twoStacks()
    late.protect()
    late.server.throttleClients(late.api, { throttle })
    const required = (synthesis: Synthesis) =>
      [...synthesis.ofType('AWS::ApiGateway::Method').values()].map(
        ({ Properties }) => Properties.ApiKeyRequired,
      )
    expect(required(orders)).toEqual([true, undefined])
    expect(required(new Synthesis(late.stack))).toEqual([true])
  })

  it('makes a usage plan of the deployment stage, with the limits that were given', () => {
    const [[path, plan] = []] = [...orders.ofType('AWS::ApiGateway::UsagePlan')]
    expect(path).toBe('Api/CountersignThrottling/Plan')
    expect(plan?.Properties).toEqual({
      UsagePlanName: `${prefix}OrdersApi2FCFC46D`,
      Description: expect.stringMatching(/add no stage to it/),
      ApiStages: [{ ApiId: orders.ref('Api'), Stage: orders.ref('Api/DeploymentStage.prod'), Throttle: {} }],
      Throttle: { RateLimit: 0.4, BurstLimit: 20 },
      Quota: { Limit: 100_000, Offset: 5, Period: 'WEEK' },
    })
    expect(prefix).toBe(`countersign/${server.signingKeyRing}/`)
  })

  it('says in the gateway responses what a client has to do', () => {
    const responses = [...orders.ofType('AWS::ApiGateway::GatewayResponse').values()]
      .map(({ Properties }) => Properties)
      .filter(({ ResponseType }) =>
        ['THROTTLED', 'QUOTA_EXCEEDED', 'INVALID_API_KEY'].includes(String(ResponseType)),
      )
    const body = (error: string, error_description: string) => ({
      'application/json': JSON.stringify({ error, error_description }),
    })
    expect(responses).toEqual([
      {
        RestApiId: orders.ref('Api'),
        ResponseType: 'THROTTLED',
        StatusCode: '429',
        // At 0.4 requests a second, the next one is due in 2.5 seconds.
        ResponseParameters: { 'gatewayresponse.header.Retry-After': "'3'" },
        ResponseTemplates: body('too_many_requests', 'There are too many requests, send them more slowly'),
      },
      {
        RestApiId: orders.ref('Api'),
        ResponseType: 'QUOTA_EXCEEDED',
        StatusCode: '429',
        ResponseTemplates: body('too_many_requests', 'The requests of this period are used up'),
      },
      {
        RestApiId: orders.ref('Api'),
        ResponseType: 'INVALID_API_KEY',
        StatusCode: '503',
        ResponseParameters: { 'gatewayresponse.header.Retry-After': "'5'" },
        ResponseTemplates: body(
          'temporarily_unavailable',
          'The client is not known to the usage plan yet, try again later',
        ),
      },
    ])
  })

  it('leaves the gateway responses alone that the API has already', () => {
    const { api, server, protect, stack } = twoStacks()
    api.addGatewayResponse('Own', { type: ResponseType.THROTTLED, statusCode: '429' })
    server.throttleClients(api, { throttle })
    protect()
    const types = [...new Synthesis(stack).ofType('AWS::ApiGateway::GatewayResponse').values()].map(
      ({ Properties }) => Properties.ResponseType,
    )
    expect(types.filter(type => type === 'THROTTLED')).toHaveLength(1)
    expect(types).toContain('QUOTA_EXCEEDED')
  })

  it('has the plan filled at deployment by the function of the server, once it may do so', () => {
    const keys = orders.at('Api/CountersignThrottling/Keys')
    expect(keys).toMatchObject({
      Type: 'Custom::CountersignApiKeys',
      Properties: {
        ServiceTimeout: '240',
        UsagePlanId: orders.ref('Api/CountersignThrottling/Plan'),
      },
      DependsOn: [orders.at('Api/CountersignThrottling/Policy').logicalId],
    })
    expect(JSON.stringify(keys.Properties.ServiceToken)).toContain('ClientThrottlingApiKeys')
  })

  it('takes an API in the stack of the server, too: nothing there depends on itself', () => {
    const { serverStack, server, protect } = twoStacks()
    const api = new RestApi(serverStack, 'Api')
    server.throttleClients(api, { throttle })
    protect()
    protect(api)
    expect(new Synthesis(serverStack).ofType('Custom::CountersignApiKeys').size).toBe(1)
  })

  it('makes a new deployment when it comes, and when it is enforced', () => {
    const deployments = [undefined, false, true].map(enforced => {
      const { server, api, stack, protect } = twoStacks()
      protect()
      if (enforced !== undefined) server.throttleClients(api, { throttle, enforced })
      return [...new Synthesis(stack).ofType('AWS::ApiGateway::Deployment').values()][0]?.logicalId
    })
    expect(new Set(deployments).size).toBe(3)
  })

  it('makes a new one also of an API with a deployment and a stage of its own', () => {
    const deployments = [undefined, false, true].map(enforced => {
      const { server, api, stack, protect } = twoStacks({ deploy: false })
      protect()
      const deployment = new Deployment(stack, 'Deployment', { api })
      api.deploymentStage = new Stage(stack, 'Stage', { deployment, stageName: 'v1' })
      if (enforced !== undefined) server.throttleClients(api, { throttle, enforced })
      return [...new Synthesis(stack).ofType('AWS::ApiGateway::Deployment').values()][0]?.logicalId
    })
    expect(new Set(deployments).size).toBe(3)
    expect(deployments).not.toContain(undefined)
  })

  it('makes plan and keys and refuses nothing yet where it is not enforced', () => {
    const { templates } = throttled({ throttle, enforced: false })
    const methods = [...templates.orders.ofType('AWS::ApiGateway::Method').values()]
    expect(methods.map(({ Properties }) => Properties.ApiKeyRequired)).toEqual([undefined, undefined])
    expect(templates.orders.ofType('Custom::CountersignApiKeys').size).toBe(1)
    expect(templates.orders.environment('Api/CountersignAuthorizer/Function').IDENTIFY_CLIENTS).toBe('true')
  })

  it('warns of methods that another stack adds to the API by its id: they are not throttled', () => {
    const { app, api, protect, server, authorizer } = twoStacks()
    protect()
    server.throttleClients(api, { throttle })
    const other = new Stack(app, 'Other')
    const restApiId = api.restApiId
    const known = RestApi.fromRestApiAttributes(other, 'Known', { restApiId, rootResourceId: 'root' })
    const foreign = RestApi.fromRestApiAttributes(other, 'Foreign', {
      restApiId: 'abc',
      rootResourceId: 'root',
    })
    for (const each of [known, foreign])
      each.root.addMethod('GET', new MockIntegration(), { authorizer: authorizer() })
    const warnings = Annotations.fromStack(other).findWarning('*', Match.anyValue())
    expect(warnings.map(({ id, entry }) => [id, entry.data])).toEqual([
      [
        '/Other/Known/Default/GET/Resource',
        'it is of Orders/Api, known by its id, and is not throttled by client: add it to the RestApi itself, or acknowledge this [ack: countersign:unthrottledMethod]',
      ],
    ])
  })

  it('changes nothing for an API that does not throttle', () => {
    const { api, stack, serverStack, protect } = twoStacks()
    protect()
    expect(api).toBeInstanceOf(RestApi)
    const [here, there] = [new Synthesis(stack), new Synthesis(serverStack)]
    expect(here.environment('Api/CountersignAuthorizer/Function')).not.toHaveProperty('IDENTIFY_CLIENTS')
    expect(there.at('Countersign/Clients').Properties).not.toHaveProperty('StreamSpecification')
    expect(there.ofType('AWS::Lambda::EventSourceMapping').size).toBe(0)
  })
})

describe('the function that keeps API keys', () => {
  const { server: synthesis } = templates

  it('is one for all APIs, and hears of changes of clients by their keys alone', () => {
    const two = twoStacks()
    const second = new RestApi(new Stack(two.app, 'Payments'), 'Api')
    for (const api of [two.api, second]) {
      two.server.throttleClients(api, { throttle })
      two.protect(api)
    }
    const both = new Synthesis(two.serverStack)
    expect(
      [...both.ofType('AWS::Lambda::Function').keys()].filter(path => path.includes('Throttling')),
    ).toEqual([keeper])
    expect(both.at('Countersign/Clients').Properties.StreamSpecification).toEqual({
      StreamViewType: 'KEYS_ONLY',
    })
    expect(both.at('Countersign/ClientThrottling/ClientChanges').Properties).toEqual({
      FunctionName: both.ref(keeper),
      EventSourceArn: { 'Fn::GetAtt': [both.at('Countersign/Clients').logicalId, 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 25,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 900,
    })
  })

  it('is run every five minutes, and ends before its next run', () => {
    expect(synthesis.at('Countersign/ClientThrottling/Schedule').Properties).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      Targets: [{ Arn: synthesis.arn(keeper) }],
    })
    expect(synthesis.at(keeper).Properties.Timeout).toBe(240)
  })

  it('reads client_id and status of clients, and manages API keys; of a usage plan it sees the name', () => {
    const clients = synthesis.arn('Countersign/Clients')
    const [read, , , ...rest] = synthesis.statements(keeper) as Record<string, unknown>[]
    expect(read).toEqual({
      Sid: 'ReadClientsWithoutDigests',
      Effect: 'Allow',
      Action: ['dynamodb:GetItem', 'dynamodb:Scan'],
      Resource: clients,
      Condition: {
        'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['client_id', 'status'] },
        Null: { 'dynamodb:Attributes': 'false' },
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    })
    expect(rest).toEqual([
      {
        Sid: 'ReadChangesOfClients',
        Effect: 'Allow',
        Action: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        Resource: { 'Fn::GetAtt': [synthesis.at('Countersign/Clients').logicalId, 'StreamArn'] },
      },
      {
        Sid: 'FindChangesOfClients',
        Effect: 'Allow',
        Action: 'dynamodb:ListStreams',
        Resource: { 'Fn::Join': ['', [clients, '/stream/*']] },
      },
      {
        Sid: 'MakeApiKeys',
        Effect: 'Allow',
        Action: ['apigateway:GET', 'apigateway:POST'],
        Resource: apiGateway(['::/apikeys']),
      },
      {
        Sid: 'RemoveApiKeys',
        Effect: 'Allow',
        Action: 'apigateway:DELETE',
        Resource: apiGateway(['::/apikeys/*']),
      },
      {
        Sid: 'FindUsagePlans',
        Effect: 'Allow',
        Action: 'apigateway:GET',
        Resource: apiGateway(['::/usageplans']),
      },
      {
        Sid: 'WriteLogs',
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: synthesis.arn(`${keeper}Logs`),
      },
    ])
  })

  it('may add keys to the plans of the server alone: each API says so of its own', () => {
    const plan = orders.ref('Api/CountersignThrottling/Plan')
    const { PolicyDocument, Roles } = orders.at('Api/CountersignThrottling/Policy').Properties
    expect((PolicyDocument as { Statement: unknown }).Statement).toEqual([
      {
        Sid: 'AddKeysToUsagePlan',
        Effect: 'Allow',
        Action: ['apigateway:GET', 'apigateway:POST'],
        Resource: apiGateway(['::/usageplans/', plan, '/keys']),
      },
      {
        Sid: 'FindKeysOfUsagePlan',
        Effect: 'Allow',
        Action: 'apigateway:GET',
        Resource: apiGateway(['::/usageplans/', plan, '/keys/*']),
      },
    ])
    expect(JSON.stringify(Roles)).toContain('ClientThrottlingApiKeysRole')
  })

  it('raises alarms when it fails, and when clients have no key; the dashboard shows both', () => {
    const topic = synthesis.ref('Countersign/AlarmTopic')
    const common = {
      AlarmActions: [topic],
      Threshold: 1,
      EvaluationPeriods: 3,
      DatapointsToAlarm: 2,
      TreatMissingData: 'notBreaching',
      AlarmDescription: expect.stringMatching(/^[\x20-\x7e]{60,1024}$/),
    }
    expect(synthesis.at('Countersign/ClientThrottling/ApiKeysErrors').Properties).toMatchObject({
      ...common,
      MetricName: 'Errors',
      Dimensions: [{ Name: 'FunctionName', Value: synthesis.ref(keeper) }],
    })
    expect(synthesis.at('Countersign/ClientThrottling/ApiKeysMissing').Properties).toMatchObject({
      ...common,
      Namespace: 'Countersign',
      MetricName: 'ApiKeysMissing',
      Dimensions: [{ Name: 'service', Value: 'api-keys' }],
      Statistic: 'Maximum',
    })
    const body = JSON.stringify(synthesis.at('Countersign/Dashboard').Properties.DashboardBody)
    for (const shown of ['ApiKeysMissing', '### API keys of clients']) expect(body).toContain(shown)
  })
})
