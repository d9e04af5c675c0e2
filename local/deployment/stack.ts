import { join } from 'node:path'
import type { UsagePlans } from '../api-gateway/usage-plans.ts'
import type { StackResource, StackTemplate } from '../cloud-assembly.ts'
import { readFunction } from '../functions/configuration.ts'
import type { LocalAccount } from '../functions/environment.ts'
import { FunctionPool } from '../functions/pool.ts'
import { type HttpApi, readApi, readApiName } from '../gateway/api.ts'
import { InvokePermissions } from '../gateway/invoke-permission.ts'
import { type RestApi, readRestApi, readRestApiSettings } from '../gateway/rest/definition.ts'
import { Intrinsics } from '../intrinsics.ts'
import type { CustomResources } from './custom-resource.ts'
import { type EventSourceMapping, readEventSourceMapping } from './event-source-mapping.ts'
import { deployKmsKey } from './kms-key.ts'
import { inDeploymentOrder } from './order.ts'
import { physicalId, physicalName } from './physical-id.ts'
import { nameOf } from './properties.ts'
import { checkTypes, isCustomResource, placeholderOf } from './resource-types.ts'
import { readSchedule, type Schedule } from './schedule.ts'
import { deployRotationSchedule, deploySecret } from './secret.ts'
import { readUsagePlan } from './usage-plan.ts'

/** What a stack is deployed into. */
export interface StackSurroundings {
  account: LocalAccount
  dataDir: string
  concurrency: number
  /** Exports of all stacks, by name: added to. */
  exports: Map<string, string>
  /** Outputs of all stacks, by the stack's name: added to. */
  outputs: Map<string, Readonly<Record<string, string>>>
  /** Endpoint of an API by its logical id. */
  endpointOf: (logicalId: string) => string
  createTables: (stack: StackTemplate, intrinsics: Intrinsics) => Promise<Record<string, string>>
  customResources: CustomResources
  usagePlans: UsagePlans
  /** A function of any stack that is deployed, by its ARN. */
  functionOf: (arn: string) => FunctionPool | undefined
  onProgress: (message: string) => void
}

/**
 * One stack while it is being deployed and afterwards. Functions and APIs are objects of this process; tables
 * and what custom resources make live in the data folder.
 */
export class DeployedStack {
  /** By ARN. */
  readonly functions = new Map<string, FunctionPool>()
  readonly permissions: InvokePermissions
  readonly apis: { name: string; logicalId: string; definition: HttpApi }[] = []
  readonly restApis: { name: string; logicalId: string; definition: RestApi }[] = []
  readonly schedules: Schedule[] = []
  readonly mappings: (EventSourceMapping & { readonly functionArn: string })[] = []
  readonly outputs: Record<string, string> = {}
  tables: Record<string, string> = {}
  readonly #template: StackTemplate
  readonly #surroundings: StackSurroundings
  readonly #intrinsics: Intrinsics

  constructor(template: StackTemplate, surroundings: StackSurroundings) {
    const { account, exports, outputs } = surroundings
    this.#surroundings = surroundings
    this.#intrinsics = new Intrinsics({ ...account, stackName: template.stackName }, exports, outputs)
    this.#defineParameters(template)
    this.#intrinsics.defineConditions(template.conditions)
    const resources = template.resources.filter(
      ({ condition }) => condition === undefined || this.#intrinsics.holds(condition),
    )
    checkTypes(resources)
    this.#template = { ...template, resources: inDeploymentOrder(resources) }
    this.permissions = new InvokePermissions(account.accountId)
  }

  /** Deploys every resource after those it depends on. */
  async deploy(): Promise<void> {
    this.tables = await this.#surroundings.createTables(this.#template, this.#intrinsics)
    for (const resource of this.#template.resources) await this.#deployResource(resource)
    await this.#deleteAbsentCustomResources()
    for (const resource of this.#template.resources)
      if (resource.type === 'AWS::ApiGatewayV2::Api')
        this.apis.push({
          name: readApiName(resource, this.#intrinsics),
          logicalId: resource.logicalId,
          definition: readApi(this.#idOf(resource, 10), this.#template.resources, this.#intrinsics),
        })
      else if (resource.type === 'AWS::ApiGateway::RestApi') this.restApis.push(this.#readRestApi(resource))
    this.#checkTargets()
    this.#resolveOutputs()
  }

  /** Functions that API Gateway may call. */
  get targets(): FunctionPool[] {
    const arns = new Set([
      ...this.apis.flatMap(({ definition }) => targetArns(definition)),
      ...this.restApis.flatMap(({ definition }) => restTargetArns(definition)),
    ])
    return [...arns].flatMap(arn => this.functions.get(arn) ?? [])
  }

  async #deployResource(resource: StackResource): Promise<void> {
    const { logicalId, type } = resource
    const { account } = this.#surroundings
    const { stackName } = this.#template
    const placeholder = placeholderOf(resource, this.#intrinsics, { ...account, stackName })
    if (placeholder !== undefined) this.#intrinsics.define(logicalId, placeholder)
    else if (isCustomResource(type)) await this.#deployCustomResource(resource)
    else if (type === 'AWS::Lambda::Function') this.#deployFunction(resource)
    else if (type === 'AWS::KMS::Key') {
      const place = { endpoint: account.aws.kms, region: account.region, stackName }
      this.#intrinsics.define(logicalId, await deployKmsKey(resource, this.#intrinsics, place))
    } else if (type === 'AWS::SecretsManager::Secret') {
      const place = { endpoint: account.aws.secretsmanager, region: account.region, stackName }
      this.#intrinsics.define(logicalId, await deploySecret(resource, this.#intrinsics, place))
    } else if (type === 'AWS::SecretsManager::RotationSchedule') {
      const place = { endpoint: account.aws.secretsmanager, region: account.region }
      this.#intrinsics.define(logicalId, await deployRotationSchedule(resource, this.#intrinsics, place))
    } else if (type === 'AWS::Events::Rule') this.#deployRule(resource)
    else if (type === 'AWS::Lambda::EventSourceMapping') this.#deployMapping(resource)
    else if (type === 'AWS::Lambda::Permission')
      this.permissions.add(resource, this.#intrinsics, nameOrArn => this.#findFunction(nameOrArn))
    else if (type === 'AWS::ApiGatewayV2::Api') {
      const apiId = this.#idOf(resource, 10)
      const attributes = { ApiEndpoint: this.#surroundings.endpointOf(logicalId), ApiId: apiId }
      this.#intrinsics.define(logicalId, { ref: apiId, attributes })
    } else if (type === 'AWS::ApiGateway::RestApi') {
      const apiId = this.#idOf(resource, 10)
      const attributes = { RestApiId: apiId, RootResourceId: rootResourceId(apiId) }
      this.#intrinsics.define(logicalId, { ref: apiId, attributes })
    } else if (type === 'AWS::ApiGateway::UsagePlan') {
      const id = this.#idOf(resource, 6)
      this.#intrinsics.define(logicalId, { ref: id, attributes: { Id: id } })
      this.#surroundings.usagePlans.define(readUsagePlan(resource, this.#intrinsics, id))
    } else if (/^AWS::ApiGateway(V2)?::Stage$/.test(type))
      this.#intrinsics.define(logicalId, {
        ref: String(this.#intrinsics.resolve(resource.properties.StageName)),
      })
    else if (/^AWS::ApiGateway(V2)?::/.test(type)) {
      const id = this.#idOf(resource, 7)
      this.#intrinsics.define(logicalId, { ref: id, attributes: { [`${type.split('::')[2]}Id`]: id } })
    }
  }

  #readRestApi(resource: StackResource): (typeof this.restApis)[number] {
    const id = this.#idOf(resource, 10)
    const { name, apiKeySource } = readRestApiSettings(resource, this.#intrinsics)
    const parts = readRestApi(id, rootResourceId(id), this.#template.resources, this.#intrinsics)
    return { name, logicalId: resource.logicalId, definition: { ...parts, apiKeySource } }
  }

  #deployRule(resource: StackResource): void {
    const { region, accountId } = this.#surroundings.account
    const name = physicalName(this.#template.stackName, resource.logicalId)
    const arn = `arn:aws:events:${region}:${accountId}:rule/${name}`
    this.#intrinsics.define(resource.logicalId, { ref: name, attributes: { Arn: arn } })
    const schedule = readSchedule(resource, this.#intrinsics, arn)
    if (schedule !== undefined) this.schedules.push(schedule)
  }

  #deployMapping(resource: StackResource): void {
    const mapping = readEventSourceMapping(resource, this.#intrinsics)
    const functionArn = this.#findFunction(mapping.functionNameOrArn)
    if (functionArn === undefined)
      throw new Error(`${nameOf(resource)}: the property FunctionName names no function of the stack`)
    this.#intrinsics.define(resource.logicalId, { ref: resource.logicalId })
    this.mappings.push({ ...mapping, functionArn })
  }

  #deployFunction(resource: StackResource): void {
    const { account, dataDir, concurrency } = this.#surroundings
    const given = this.#intrinsics.resolve(resource.properties.FunctionName)
    const name =
      given === undefined ? physicalName(this.#template.stackName, resource.logicalId) : String(given)
    const arn = `arn:aws:lambda:${account.region}:${account.accountId}:function:${name}`
    this.#intrinsics.define(resource.logicalId, { ref: name, attributes: { Arn: arn } })
    const configuration = readFunction(resource, this.#template, this.#intrinsics, {
      name,
      arn,
      inlineFolder: join(dataDir, 'inline', name),
    })
    const logPath = join(dataDir, 'logs', `${logName(resource.path)}.log`)
    this.functions.set(arn, new FunctionPool(configuration, account, { logPath, concurrency }))
  }

  async #deployCustomResource(resource: StackResource): Promise<void> {
    const properties = this.#intrinsics.resolve(resource.properties) as Record<string, unknown>
    const provider = this.#providerOf(String(properties.ServiceToken))
    if (provider === undefined)
      throw new Error(`${nameOf(resource)}: the property ServiceToken names no function that is deployed`)
    this.#surroundings.onProgress(`custom resource ${resource.path}`)
    const made = await this.#surroundings.customResources.deploy(resource, properties, event =>
      provider.invoke(event),
    )
    this.#intrinsics.define(resource.logicalId, made)
  }

  /** As CloudFormation cleans up: last, and a deletion that fails fails no deployment. */
  async #deleteAbsentCustomResources(): Promise<void> {
    const { customResources, onProgress } = this.#surroundings
    const present = new Set(this.#template.resources.map(({ logicalId }) => logicalId))
    await customResources.deleteAbsent(present, {
      invokerOf: serviceToken => {
        const provider = this.#providerOf(serviceToken)
        return provider && (event => provider.invoke(event))
      },
      onProgress,
    })
  }

  #defineParameters(template: StackTemplate): void {
    for (const [name, parameter] of Object.entries(template.parameters)) {
      const { Type: type, Default: value } = parameter as { Type?: string; Default?: unknown }
      // The default of an SSM parameter is its name; a Ref to it stays an error.
      if (value !== undefined && type?.startsWith('AWS::SSM::') !== true)
        this.#intrinsics.define(name, { ref: String(value) })
    }
  }

  /** CloudFormation finds out only when a request fails; here it is said at once. */
  #checkTargets(): void {
    for (const { name, definition } of this.apis)
      for (const arn of targetArns(definition))
        if (!this.functions.has(arn)) throw new Error(`API ${name}: ${arn} is no function of the stack`)
    for (const { name, definition } of this.restApis)
      for (const arn of restTargetArns(definition))
        if (!this.functions.has(arn)) throw new Error(`API ${name}: ${arn} is no function of the stack`)
    for (const { ruleArn, functionArns } of this.schedules)
      for (const arn of functionArns)
        if (!this.functions.has(arn)) throw new Error(`${ruleArn}: ${arn} is no function of the stack`)
  }

  #resolveOutputs(): void {
    this.#surroundings.outputs.set(this.#template.stackName, this.outputs)
    for (const [name, { value, exportName, condition }] of Object.entries(this.#template.outputs)) {
      if (condition !== undefined && !this.#intrinsics.holds(condition)) continue
      const output = String(this.#intrinsics.resolve(value))
      this.outputs[name] = output
      if (exportName !== undefined)
        this.#surroundings.exports.set(String(this.#intrinsics.resolve(exportName)), output)
    }
  }

  #providerOf(serviceToken: string): FunctionPool | undefined {
    const own = this.functions.get(this.#findFunction(serviceToken) ?? '')
    return own ?? this.#surroundings.functionOf(serviceToken)
  }

  #findFunction(nameOrArn: string): string | undefined {
    return [...this.functions].find(
      ([arn, { configuration }]) => arn === nameOrArn || configuration.name === nameOrArn,
    )?.[0]
  }

  #idOf(resource: StackResource, length: number): string {
    return physicalId(this.#template.stackName, resource.logicalId, length)
  }
}

function targetArns(api: HttpApi): string[] {
  return api.routes.flatMap(({ integration, authorization }) => [
    integration.functionArn,
    ...(authorization.type === 'CUSTOM' ? [authorization.authorizer.functionArn] : []),
  ])
}

function restTargetArns(api: RestApi): string[] {
  return api.resources.flatMap(({ methods }) =>
    [...methods.values()].flatMap(({ integration, authorizer }) => [
      integration.functionArn,
      ...(authorizer === undefined ? [] : [authorizer.functionArn]),
    ]),
  )
}

function rootResourceId(apiId: string): string {
  return `${apiId}root`
}

/** `Orders/Api/CountersignAuthorizer/Function` -> `orders-api-countersign-authorizer-function`. */
export function logName(path: string): string {
  return path
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase()
}
