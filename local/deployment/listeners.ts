import type { StackResource, StackTemplate } from '../cloud-assembly.ts'
import { type GatewayServer, listen } from '../gateway/server.ts'
import { Intrinsics } from '../intrinsics.ts'

/** An API's server, listening, and where. */
export interface ApiListener {
  stackName: string
  logicalId: string
  server: GatewayServer
  /** `http://127.0.0.1:4000` */
  url: string
  /** Whether it is the authorization server's. */
  isIssuer: boolean
}

/**
 * Takes a port for every API of the stacks: `port` for the authorization server's (the first one, where there is
 * none), the next ones for the others in the template's order. `port` 0 takes free ports for all of them.
 *
 * @throws where a port is taken, naming it and the setting, or there are two authorization servers; no port is
 * kept then
 */
export async function listenForApis(
  stacks: readonly StackTemplate[],
  options: { host: string; port: number; accountId: string; region: string },
): Promise<ApiListener[]> {
  const apis = stacks.flatMap(stack =>
    apisOf(stack).map(resource => ({ stackName: stack.stackName, logicalId: resource.logicalId })),
  )
  const issuers = stacks.flatMap(stack => issuerApis(stack, options))
  if (issuers.length > 1) {
    const names = [...new Set(issuers.map(({ stackName }) => stackName))].join(', ')
    throw new Error(
      `a local run has one authorization server, not ${issuers.length} (in ${names}): choose a stack with --stack`,
    )
  }
  const [issuer] = issuers
  const isIssuer = (api: { stackName: string; logicalId: string }) =>
    api.stackName === issuer?.stackName && api.logicalId === issuer.logicalId
  const ordered = [...apis.filter(isIssuer), ...apis.filter(api => !isIssuer(api))]
  const listeners: ApiListener[] = []
  try {
    for (const [index, api] of ordered.entries()) {
      const port = options.port === 0 ? 0 : options.port + index
      const server = await listenOn(options.host, port, options.port + ordered.length - 1)
      listeners.push({
        ...api,
        server,
        url: `http://${options.host}:${server.port}`,
        isIssuer: isIssuer(api),
      })
    }
  } catch (error) {
    await Promise.all(listeners.map(({ server }) => server.close()))
    throw error
  }
  return listeners
}

async function listenOn(host: string, port: number, lastPort: number): Promise<GatewayServer> {
  try {
    return await listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE')
      throw new Error(`cannot listen on ${host}:${port}: ${message}`, { cause: error })
    const first = port === lastPort ? '' : ` (it and the next ones up to ${lastPort} are needed)`
    throw new Error(`port ${port} is taken by another program${first}: choose another one with PORT`, {
      cause: error,
    })
  }
}

function apisOf(stack: StackTemplate): StackResource[] {
  return stack.resources.filter(
    ({ type }) => type === 'AWS::ApiGatewayV2::Api' || type === 'AWS::ApiGateway::RestApi',
  )
}

// The token function's ISSUER is the endpoint of the server's own API. An endpoint is known only once its port is,
// which depends on the answer: so the variable is resolved with stand-ins for the endpoints.
function issuerApis(
  stack: StackTemplate,
  account: { accountId: string; region: string },
): { stackName: string; logicalId: string }[] {
  const { stackName } = stack
  const intrinsics = new Intrinsics({ ...account, stackName })
  for (const { logicalId } of apisOf(stack))
    intrinsics.define(logicalId, { ref: logicalId, attributes: { ApiEndpoint: `api:${logicalId}` } })
  return tokenFunctionIssuers(stack).flatMap(value => {
    const issuer = resolved(intrinsics, value)
    const api = apisOf(stack).find(({ logicalId }) => issuer === `api:${logicalId}`)
    return api === undefined ? [] : [{ stackName, logicalId: api.logicalId }]
  })
}

function tokenFunctionIssuers(stack: StackTemplate): unknown[] {
  return stack.resources.flatMap(({ type, properties }) => {
    if (type !== 'AWS::Lambda::Function') return []
    const environment = properties.Environment as { Variables?: Record<string, unknown> } | undefined
    const { SERVICE: service, ISSUER: issuer } = environment?.Variables ?? {}
    return service === 'token' ? [issuer] : []
  })
}

function resolved(intrinsics: Intrinsics, value: unknown): unknown {
  try {
    return intrinsics.resolve(value)
  } catch {
    return undefined
  }
}
