import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { StackResource } from '../cloud-assembly.ts'
import { writeDurably } from '../durable-file.ts'
import type { InvocationOutcome } from '../functions/process.ts'
import { type DefinedResource, stackId } from '../intrinsics.ts'
import { nameOf } from './properties.ts'
import { type CustomResourceAnswer, openResponseEndpoint } from './response-endpoint.ts'

/** Milliseconds for an answer that a function sent just before it returned. */
const answerGraceMilliseconds = 1000

/** What is known of a custom resource from an earlier start. */
interface DeployedCustomResource {
  /** Where the resource put what it made: in another store it has to be made again. */
  store: string
  type: string
  /** Only with `Delete` it is deleted when the template no longer has it. */
  deletionPolicy?: string
  properties: Record<string, unknown>
  physicalResourceId: string
  data: Record<string, string>
}

export interface DeletionPorts {
  /** How the function of a service token is invoked; undefined where the template has no such function. */
  invokerOf: (serviceToken: string) => ((event: string) => Promise<InvocationOutcome>) | undefined
  onProgress: (message: string) => void
}

/**
 * The custom resources of a local run. What each was last made of is kept in the data folder
 * (`custom-resources.json`): a start with the same properties sends nothing, one with others an `Update`.
 * One that the template no longer has is sent a `Delete`, unless it is to be retained.
 */
export class CustomResources {
  readonly #file: string
  readonly #store: string
  readonly #stack: { accountId: string; region: string; stackName: string }
  readonly #graceMilliseconds: number

  /** @param store identity of the store behind the local DynamoDB endpoint */
  constructor(
    dataDir: string,
    store: string,
    stack: { accountId: string; region: string; stackName: string },
    graceMilliseconds: number = answerGraceMilliseconds,
  ) {
    this.#file = join(dataDir, 'custom-resources.json')
    this.#store = store
    this.#stack = stack
    this.#graceMilliseconds = graceMilliseconds
  }

  /**
   * Brings one resource up to date and says what it answers.
   *
   * @param properties resolved, `ServiceToken` included
   * @throws the function's own reason where it answers `FAILED`, or why it did not answer
   */
  async deploy(
    resource: StackResource,
    properties: Record<string, unknown>,
    invoke: (event: string) => Promise<InvocationOutcome>,
  ): Promise<DefinedResource> {
    const wanted = asText(properties) as Record<string, unknown>
    const state = await this.#read()
    const key = `${this.#stack.stackName}/${resource.logicalId}`
    const earlier = state[key]?.store === this.#store ? state[key] : undefined
    if (earlier !== undefined && isDeepStrictEqual(earlier.properties, wanted)) return defined(earlier)

    const answer = await this.#send(resource, invoke, {
      RequestType: earlier === undefined ? 'Create' : 'Update',
      PhysicalResourceId: earlier?.physicalResourceId,
      ResourceProperties: wanted,
      OldResourceProperties: earlier?.properties,
    })
    const physicalResourceId = answer.PhysicalResourceId ?? earlier?.physicalResourceId
    if (physicalResourceId === undefined)
      throw new Error(`${nameOf(resource)}: the function gave no PhysicalResourceId`)
    const deployed = {
      store: this.#store,
      type: resource.type,
      deletionPolicy: resource.deletionPolicy,
      properties: wanted,
      physicalResourceId,
      data: Object.fromEntries(
        Object.entries(answer.Data ?? {}).map(([name, value]) => [name, String(value)]),
      ),
    }
    await this.#write({ ...state, [key]: deployed })
    return defined(deployed)
  }

  /**
   * Deletes what the template no longer has, as CloudFormation does after a deployment. Where that fails, or the function
   * is gone as well, `onProgress` says so, and the next start tries again.
   */
  async deleteAbsent(present: ReadonlySet<string>, { invokerOf, onProgress }: DeletionPorts): Promise<void> {
    const state = await this.#read()
    const prefix = `${this.#stack.stackName}/`
    for (const [key, resource] of Object.entries(state)) {
      const logicalId = key.slice(prefix.length)
      const isAbsent = key.startsWith(prefix) && !present.has(logicalId)
      if (!isAbsent || resource?.store !== this.#store || resource.deletionPolicy !== 'Delete') continue
      const { type, properties, physicalResourceId } = resource
      const invoke = invokerOf(String(properties.ServiceToken))
      try {
        if (invoke === undefined)
          throw new Error(`${type} ${logicalId}: its function is no longer there either`)
        await this.#send({ logicalId, type, path: logicalId }, invoke, {
          RequestType: 'Delete',
          PhysicalResourceId: physicalResourceId,
          ResourceProperties: properties,
        })
        state[key] = undefined
        await this.#write(state)
      } catch (error) {
        onProgress(`warning: not deleted: ${(error as Error).message}`)
      }
    }
  }

  async #write(state: Record<string, DeployedCustomResource | undefined>): Promise<void> {
    await writeDurably(this.#file, `${JSON.stringify(state, null, 2)}\n`)
  }

  async #send(
    resource: Pick<StackResource, 'logicalId' | 'type' | 'path'>,
    invoke: (event: string) => Promise<InvocationOutcome>,
    request: { RequestType: string; ResourceProperties: Record<string, unknown> } & Record<string, unknown>,
  ): Promise<CustomResourceAnswer> {
    const endpoint = await openResponseEndpoint()
    try {
      const event = JSON.stringify({
        ...request,
        RequestId: randomUUID(),
        ResponseURL: endpoint.url,
        ServiceToken: request.ResourceProperties.ServiceToken,
        StackId: stackId(this.#stack),
        ResourceType: resource.type,
        LogicalResourceId: resource.logicalId,
      })
      const invocation = invoke(event)
      const answer = await Promise.race([
        endpoint.answer,
        invocation.then(outcome => this.#unanswered(outcome)),
      ])
      // What the function still does after its answer (a log line) is not cut off.
      await Promise.race([invocation, delay(this.#graceMilliseconds, undefined, { ref: false })])
      if (answer.Status === 'FAILED') throw new Error(answer.Reason ?? 'the function gave no reason')
      return answer
    } catch (error) {
      throw new Error(`${nameOf(resource)}: ${(error as Error).message}`, { cause: error })
    } finally {
      endpoint.close()
    }
  }

  /** A function that ends without an answer would leave CloudFormation waiting for an hour. */
  async #unanswered(outcome: InvocationOutcome): Promise<never> {
    if ('failure' in outcome)
      throw new Error(`the function failed: ${outcome.failure.errorType}: ${outcome.failure.errorMessage}`)
    await delay(this.#graceMilliseconds)
    throw new Error('the function returned without an answer to ResponseURL')
  }

  async #read(): Promise<Record<string, DeployedCustomResource | undefined>> {
    try {
      return JSON.parse(await readFile(this.#file, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
      throw error
    }
  }
}

function defined(deployed: DeployedCustomResource): DefinedResource {
  return { ref: deployed.physicalResourceId, attributes: deployed.data }
}

/** CloudFormation hands numbers and booleans to a custom resource as text. */
function asText(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.map(asText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asText(member)]))
}
