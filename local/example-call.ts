import type { FunctionPool } from './functions/pool.ts'
import type { HttpApi } from './gateway/api.ts'
import type { RestApi } from './gateway/rest/definition.ts'

/** A request that can be shown to people: it needs a token, and nothing but the URL. */
export interface ExampleCall {
  readonly url: string
  /** Audience of the token that it needs. */
  readonly resource: string
}

interface Deployed {
  readonly apis: readonly { readonly name: string; readonly definition: Pick<HttpApi, 'routes' | 'stages'> }[]
  readonly restApis: readonly { readonly name: string; readonly definition: Pick<RestApi, 'resources'> }[]
  /** By ARN. */
  readonly functions: ReadonlyMap<string, Pick<FunctionPool, 'configuration'>>
}

/**
 * The first GET route without path variables whose authorizer says by AUDIENCE what a token must be for; of an HTTP API,
 * if there is one.
 *
 * @param urls of the APIs, by their names; that of a REST API has its stage
 */
export function findExampleCall(
  stacks: readonly Deployed[],
  urls: Readonly<Record<string, string>>,
): ExampleCall | undefined {
  return (
    stacks.flatMap(stack => callsOfHttpApis(stack, urls))[0] ??
    stacks.flatMap(stack => callsOfRestApis(stack, urls))[0]
  )
}

function callsOfHttpApis(
  { apis, functions }: Deployed,
  urls: Readonly<Record<string, string>>,
): ExampleCall[] {
  return apis.flatMap(({ name, definition: { routes, stages } }) =>
    routes.flatMap(({ method, path, authorization }) => {
      if (method !== 'GET' || path.includes('{') || authorization.type !== 'CUSTOM') return []
      const resource = functions.get(authorization.authorizer.functionArn)?.configuration.variables.AUDIENCE
      const stage = stages.find(each => each.name === '$default') ?? stages[0]
      if (resource === undefined || stage === undefined) return []
      const prefix = stage.name === '$default' ? '' : `/${stage.name}`
      return [{ url: `${urls[name]}${prefix}${path}`, resource }]
    }),
  )
}

function callsOfRestApis(
  { restApis, functions }: Deployed,
  urls: Readonly<Record<string, string>>,
): ExampleCall[] {
  return restApis.flatMap(({ name, definition: { resources } }) =>
    resources.flatMap(({ path, methods }) => {
      const functionArn = methods.get('GET')?.authorizer?.functionArn
      if (functionArn === undefined || path.includes('{')) return []
      const resource = functions.get(functionArn)?.configuration.variables.AUDIENCE
      return resource === undefined ? [] : [{ url: `${urls[name]}${path}`, resource }]
    }),
  )
}
