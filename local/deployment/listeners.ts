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
}

/**
 * Takes a port for every API of the stacks: `port` for the one whose endpoint is the output `Issuer` (the
 * first one, where there is none), the next ones for the others in the template's order. `port` 0 takes free
 * ports for all of them.
 *
 * @throws where a port is taken, naming it and the setting; none is kept then
 */
export async function listenForApis(
  stacks: readonly StackTemplate[],
  options: { host: string; port: number; accountId: string; region: string },
): Promise<ApiListener[]> {
  const apis = stacks.flatMap(stack =>
    apisOf(stack).map(resource => ({ stackName: stack.stackName, logicalId: resource.logicalId })),
  )
  const issuer = stacks.flatMap(stack => issuerApi(stack, options) ?? [])[0]
  const isIssuer = (api: { stackName: string; logicalId: string }) =>
    api.stackName === issuer?.stackName && api.logicalId === issuer.logicalId
  const ordered = [...apis.filter(isIssuer), ...apis.filter(api => !isIssuer(api))]
  const listeners: ApiListener[] = []
  try {
    for (const [index, api] of ordered.entries()) {
      const port = options.port === 0 ? 0 : options.port + index
      const server = await listenOn(options.host, port, options.port + ordered.length - 1)
      listeners.push({ ...api, server, url: `http://${options.host}:${server.port}` })
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
  return stack.resources.filter(({ type }) => type === 'AWS::ApiGatewayV2::Api')
}

// An endpoint is known only once its port is, which depends on the answer: so the output is resolved with
// stand-ins for the endpoints.
function issuerApi(
  stack: StackTemplate,
  account: { accountId: string; region: string },
): { stackName: string; logicalId: string } | undefined {
  const { stackName } = stack
  const intrinsics = new Intrinsics({ ...account, stackName })
  for (const { logicalId } of apisOf(stack))
    intrinsics.define(logicalId, { ref: logicalId, attributes: { ApiEndpoint: `api:${logicalId}` } })
  try {
    const issuer = intrinsics.resolve(stack.outputs.Issuer?.value)
    const api = apisOf(stack).find(({ logicalId }) => issuer === `api:${logicalId}`)
    return api === undefined ? undefined : { stackName, logicalId: api.logicalId }
  } catch {
    return undefined
  }
}
