import type { FunctionPool } from './functions/pool.ts'
import type { HttpApi } from './gateway/api.ts'

/** A request that can be shown to people: it needs a token, and nothing but the URL. */
export interface ExampleCall {
  readonly url: string
  /** Audience of the token that it needs. */
  readonly resource: string
}

interface Deployed {
  readonly apis: readonly { readonly name: string; readonly definition: Pick<HttpApi, 'routes' | 'stages'> }[]
  /** By ARN. */
  readonly functions: ReadonlyMap<string, Pick<FunctionPool, 'configuration'>>
}

/** The first GET route without path variables whose authorizer says by AUDIENCE what a token must be for. */
export function findExampleCall(
  stacks: readonly Deployed[],
  urls: Readonly<Record<string, string>>,
): ExampleCall | undefined {
  const calls = stacks.flatMap(({ apis, functions }) =>
    apis.flatMap(({ name, definition: { routes, stages } }) =>
      routes.flatMap(({ method, path, authorization }): ExampleCall[] => {
        if (method !== 'GET' || path.includes('{') || authorization.type !== 'CUSTOM') return []
        const authorizer = functions.get(authorization.authorizer.functionArn)
        const resource = authorizer?.configuration.variables.AUDIENCE
        const stage = stages.find(each => each.name === '$default') ?? stages[0]
        if (resource === undefined || stage === undefined) return []
        const prefix = stage.name === '$default' ? '' : `/${stage.name}`
        return [{ url: `${urls[name]}${prefix}${path}`, resource }]
      }),
    ),
  )
  return calls[0]
}
