import { App, Stack } from 'aws-cdk-lib'
import {
  ApiKeySourceType,
  CfnUsagePlan,
  MockIntegration,
  Period,
  RestApi,
  Stage,
} from 'aws-cdk-lib/aws-apigateway'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { describe, expect, it } from 'vitest'
import {
  AuthorizationServer,
  AuthorizationServerStorage,
  ClientThrottling,
  type ClientThrottlingOptions,
} from '../../lib/index.ts'
import { audience } from './protected-api.ts'
import { newApp, Synthesis } from './synthesis.ts'
import { throttle, twoStacks } from './throttled-api.ts'

describe('what throttleClients refuses', () => {
  it('limits that are out of range', () => {
    const refused: [ClientThrottlingOptions, string][] = [
      [{}, 'throttleClients must have a throttle or a quota: say what a client may do'],
      [
        { throttle: { burstLimit: 1 } },
        'throttle.rateLimit must be a number above 0, got 0: give the requests a second of one client',
      ],
      [
        { throttle: { rateLimit: Number.POSITIVE_INFINITY, burstLimit: 1 } },
        'throttle.rateLimit must be a number above 0, got Infinity: give the requests a second of one client',
      ],
      [
        { throttle: { rateLimit: 1 } },
        'throttle.burstLimit must be a whole number between 1 and 2147483647, got 0: choose a value in that range',
      ],
      [
        { throttle: { rateLimit: 1, burstLimit: 1.5 } },
        'throttle.burstLimit must be a whole number between 1 and 2147483647, got 1.5: choose a value in that range',
      ],
      [
        { quota: { limit: 0, period: Period.DAY } },
        'quota.limit must be a whole number between 1 and 2147483647, got 0: choose a value in that range',
      ],
      [
        { quota: { limit: 5, offset: 6, period: Period.DAY } },
        'quota.offset must be a whole number between 0 and 5, got 6: choose a value in that range',
      ],
      [{ quota: { limit: 5 } }, 'quota.period must be set: choose DAY, WEEK or MONTH'],
    ]
    const { server, api } = twoStacks()
    for (const [options, message] of refused)
      expect(() => server.throttleClients(api, options)).toThrow(new Error(message))
    // What was refused has left nothing behind.
    server.throttleClients(api, { throttle })
    expect(api.node.tryFindChild('CountersignThrottling')).toBeDefined()
  })

  it('an API whose keys come from a header, whenever that is said', () => {
    const message =
      'apiKeySourceType of Orders/Api must be AUTHORIZER, got HEADER: keys that callers send are no clients; remove apiKeySourceType, or throttleClients'
    const { server, api } = twoStacks({ apiKeySourceType: ApiKeySourceType.HEADER })
    expect(() => server.throttleClients(api, { throttle })).toThrow(new Error(message))
    const later = twoStacks()
    later.server.throttleClients(later.api, { throttle })
    later.protect()
    Object.assign(later.api.node.defaultChild ?? {}, { apiKeySourceType: 'HEADER' })
    expect(() => later.app.synth()).toThrow(message)
  })

  it('an API that is imported, that is elsewhere, and one without a deployment stage', () => {
    const { server, stack } = twoStacks()
    const imported = RestApi.fromRestApiId(stack, 'Imported', 'abc')
    expect(() => server.throttleClients(imported, { throttle })).toThrow(
      'Orders/Imported is imported or made of an OpenAPI document, and throttleClients changes its methods: call it where the API is made as a RestApi',
    )
    const open = new RestApi(stack, 'Open', { deploy: false })
    expect(() => server.throttleClients(open, { throttle })).toThrow(
      'Orders/Open has no deployment stage that a usage plan could be for: remove deploy: false, or set its deploymentStage before throttleClients',
    )
    const here = new Stack(new App(), 'Here', { env: { account: '111111111111', region: 'eu-west-1' } })
    const there = new Stack(new App(), 'There', { env: { account: '222222222222', region: 'eu-west-1' } })
    const elsewhere = new RestApi(there, 'Api')
    expect(() =>
      new AuthorizationServer(here, 'Countersign').throttleClients(elsewhere, { throttle }),
    ).toThrow('There/Api must be in the account of its authorization server, 111111111111, got 222222222222')
  })

  it('an API that is throttled already', () => {
    const { server, api } = twoStacks()
    server.throttleClients(api, { throttle })
    expect(() => server.throttleClients(api, { quota: { limit: 1, period: Period.DAY } })).toThrow(
      'Orders/Api is throttled twice: put all limits into one call of throttleClients',
    )
  })

  it('an API that no method of this server protects', () => {
    const message =
      'Orders/Api has no method that Server/Countersign protects, and clients are known by their tokens: give its methods an authorizer of authorizeRest, or remove throttleClients'
    const open = twoStacks()
    open.server.throttleClients(open.api, { throttle })
    open.api.root.addMethod('GET', new MockIntegration())
    expect(() => open.app.synth()).toThrow(message)
    const other = twoStacks()
    const another = new AuthorizationServer(other.stack, 'Another')
    other.server.throttleClients(other.api, { throttle })
    const authorizer = another.authorizeRest({ audience, allOf: ['x'] })
    other.api.root.addMethod('GET', new MockIntegration(), { authorizer })
    expect(() => other.app.synth()).toThrow(message)
  })

  it('routes whose policy leaves no room for the name of the client', () => {
    const { app, api, server, authorizer } = twoStacks()
    server.throttleClients(api, { throttle })
    for (let index = 0; index < 60; index++)
      api.root.addResource(`r${index}`).addMethod('GET', new MockIntegration(), { authorizer: authorizer() })
    // 88 octets less than for an API that does not throttle.
    expect(() => app.synth()).toThrow(
      /the policy for the 60 routes of Orders\/Api can have 1\d{4} octets, and 7080 fit/,
    )
  })

  it('a stage that another usage plan has', () => {
    const message = (path: string) =>
      `the stage of Orders/Api is in the usage plan ${path} already, beside the one of throttleClients: remove the stage from it, or throttleClients`
    const byStage = throttledUnsynthesised()
    byStage.api.addUsagePlan('Own', { apiStages: [{ stage: byStage.api.deploymentStage }] })
    expect(() => byStage.app.synth()).toThrow(message('Orders/Api/Own/Resource'))
    const byName = throttledUnsynthesised()
    new CfnUsagePlan(new Stack(byName.app, 'Plans'), 'Own', {
      apiStages: [{ apiId: byName.api.restApiId, stage: 'prod' }],
    })
    expect(() => byName.app.synth()).toThrow(message('Plans/Own'))
  })

  it('a method whose callers send their keys: nobody would look at them', () => {
    const { app, api } = throttledUnsynthesised()
    api.root.addResource('partners').addMethod('GET', new MockIntegration(), { apiKeyRequired: true })
    expect(() => app.synth()).toThrow(
      'method Orders/Api/Default/partners/GET/Resource needs an API key and has no authorizer of authorizeRest that could name one: remove its apiKeyRequired, or throttleClients, which takes keys from the authorizer alone',
    )
  })

  it('no open method, and no preflight, of an API whose methods are protected by default', () => {
    const made = twoStacks()
    made.protect()
    const authorizer = made.authorizer()
    const api = new RestApi(made.stack, 'Second', {
      defaultMethodOptions: { authorizer },
      defaultCorsPreflightOptions: { allowOrigins: ['*'] },
    })
    made.server.throttleClients(api, { throttle })
    made.server.addResourceMetadata(api, { audience })
    api.root.addResource('orders').addMethod('GET', new MockIntegration())
    const methods = new Synthesis(made.stack).ofType('AWS::ApiGateway::Method')
    const keyed = [...methods].filter(([, { Properties }]) => Properties.ApiKeyRequired === true)
    expect(keyed.map(([path]) => path)).toEqual(['Second/orders/GET'])
    expect(methods.size).toBeGreaterThan(3)
  })

  it('no plan of another stage, of another API, or of none', () => {
    const { app, api, stack, server } = throttledUnsynthesised()
    const beta = new Stage(stack, 'Beta', { deployment: api.latestDeployment as never, stageName: 'beta' })
    api.addUsagePlan('OfBeta', { apiStages: [{ stage: beta }] })
    api.addUsagePlan('OfNone')
    // The same logical ids in another stack.
    const twin = new RestApi(new Stack(app, 'Twin'), 'Api')
    const authorizer = server.authorizeRest({ audience: 'https://twin.example.com', allOf: ['x'] })
    twin.root.addMethod('GET', new MockIntegration(), { authorizer })
    server.throttleClients(twin, { throttle })
    const plans = app
      .synth()
      .stacks.flatMap(({ template }) => Object.values<{ Type: string }>(template.Resources))
    expect(plans.filter(({ Type }) => Type === 'AWS::ApiGateway::UsagePlan')).toHaveLength(4)
  })

  function throttledUnsynthesised() {
    const made = twoStacks()
    made.server.throttleClients(made.api, { throttle })
    made.protect()
    return made
  }
})

describe('ClientThrottling as a part', () => {
  it('serves a server of parts, and clients whose table is in a stack of its own', () => {
    const app = newApp()
    const [data, stack] = [new Stack(app, 'Data'), new Stack(app, 'Server')]
    const storage = new AuthorizationServerStorage(data, 'Storage')
    const issuer = 'https://auth.example.com'
    const server = AuthorizationServer.fromParts(stack, 'Server', { issuer, storage })
    const alarmTopic = new Topic(stack, 'Alarms')
    const throttling = new ClientThrottling(stack, 'Throttling', { server, storage, alarmTopic })
    const api = new RestApi(stack, 'Api')
    const authorizer = server.authorizeRest({ audience, allOf: ['orders:read'] })
    api.root.addMethod('GET', new MockIntegration(), { authorizer })
    throttling.add(api, { throttle })
    const [tables, made] = [new Synthesis(data), new Synthesis(stack)]
    expect(tables.at('Storage/Clients').Properties.StreamSpecification).toEqual({
      StreamViewType: 'KEYS_ONLY',
    })
    expect(made.environment('Throttling/ApiKeys').API_KEY_PREFIX).toBe(
      `countersign/${storage.signingKeyRing}/`,
    )
    expect(made.at('Api/GET').Properties.ApiKeyRequired).toBe(true)
    expect(data.dependencies).toEqual([])
  })

  function partsIn(stack: Stack) {
    const storage = new AuthorizationServerStorage(stack, 'Storage')
    const alarmTopic = new Topic(stack, 'Alarms')
    const server = AuthorizationServer.fromParts(stack, 'Server', {
      issuer: 'https://auth.example.com',
      storage,
    })
    return { storage, alarmTopic, server }
  }

  it('throttles for the server of its storage alone: another has other clients, an imported one names none', () => {
    const stack = new Stack(newApp(), 'Stack')
    const { storage, alarmTopic, server } = partsIn(stack)
    const imported = AuthorizationServer.fromAttributes(stack, 'Imported', {
      issuer: 'https://auth.example.com',
    })
    const another = new AuthorizationServerStorage(stack, 'Another')
    const api = new RestApi(stack, 'Api')
    const message = (path: string) =>
      `Stack/${path} must have the storage of Stack/${path.slice(2)}, whose clients it throttles: an AuthorizationServer has it as storage, fromParts was given it, and a server of fromAttributes has none here`
    const ofImported = new ClientThrottling(stack, 'OfImported', { server: imported, storage, alarmTopic })
    expect(() => ofImported.add(api, { throttle })).toThrow(new Error(message('OfImported')))
    const ofServer = new ClientThrottling(stack, 'OfServer', { server, storage: another, alarmTopic })
    expect(() => ofServer.add(api, { throttle })).toThrow(new Error(message('OfServer')))
  })

  it('is the only one of its storage: a client has one key, and two functions would not know all its plans', () => {
    const stack = new Stack(newApp(), 'Stack')
    const { storage, alarmTopic, server } = partsIn(stack)
    const throttling = new ClientThrottling(stack, 'Throttling', { server, storage, alarmTopic })
    throttling.add(new RestApi(stack, 'Api'), { throttle })
    const second = new AuthorizationServer(stack, 'Second', { storage })
    expect(() => second.throttleClients(new RestApi(stack, 'Other'), { throttle })).toThrow(
      new Error(
        'Stack/Storage must have one ClientThrottling, got Stack/Second/ClientThrottling beside Stack/Throttling: throttle all APIs by Stack/Throttling',
      ),
    )
  })

  it('leaves a table with replicas the stream that these need', () => {
    const stack = new Stack(newApp(), 'Stack', { env: { account: '111111111111', region: 'eu-west-1' } })
    const server = new AuthorizationServer(stack, 'Server')
    const api = new RestApi(stack, 'Api')
    const authorizer = server.authorizeRest({ audience, allOf: ['orders:read'] })
    api.root.addMethod('GET', new MockIntegration(), { authorizer })
    server.throttleClients(api, { throttle })
    server.storage.clients.addReplica({ region: 'eu-north-1' })
    expect(new Synthesis(stack).at('Server/Clients').Properties.StreamSpecification).toEqual({
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    })
  })
})
