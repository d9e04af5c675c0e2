import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { localCredentials } from '../../../local/local-credentials.ts'
import { findSecrets } from '../../support/canary.ts'
import { issuer } from './client-item.ts'
import { region } from './local-store.ts'
import type { Line } from './recorded-lines.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const runner = fileURLToPath(new URL('./invoke-bundle.mjs', import.meta.url))

export type FunctionName =
  | 'token'
  | 'revoke'
  | 'introspect'
  | 'registrar'
  | 'metadata'
  | 'admin'
  | 'authorizer'
  | 'rest-authorizer'
  | 'remote-authorizer'
  | 'remote-rest-authorizer'
  | 'keeper'
  | 'client-registrar'
  | 'secret-rotator'
  | 'api-keys'
  | 'example-api'
  | 'resource-metadata'

/** The file of a bundled function. `npm test` bundles all before the first test; a single run may have to. */
export function bundleOf(name: FunctionName): string {
  const file = join(root, 'dist/lambda', name, 'index.mjs')
  if (!existsSync(file)) execFileSync(process.execPath, [join(root, 'scripts/bundle.mjs')])
  return file
}

export const ring = 'ring-of-tests'

/** What every function is given; names of tables as `startLocalStore` makes them. */
export function functionEnvironment(aws: {
  dynamodb: string
  kms?: string
  secretsManager?: string
  apiGateway?: string
}): Record<string, string> {
  return {
    ISSUER: issuer,
    CLIENTS_TABLE: 'Clients',
    REVOCATIONS_TABLE: 'Revocations',
    SIGNING_KEYS_TABLE: 'SigningKeys',
    SINGLE_USE_TABLE: 'SingleUse',
    RESOURCE_SERVERS_TABLE: 'ResourceServers',
    AUTHENTICATION_FAILURE_LIMIT: '20',
    AUTHENTICATION_FAILURE_WINDOW_SECONDS: '60',
    SIGNING_KEY_RING: ring,
    REVOCATION_SHARDS: '4',
    // Development may run on an older Node.js than Lambda does.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: aws.dynamodb,
    ...(aws.kms === undefined ? {} : { AWS_ENDPOINT_URL_KMS: aws.kms }),
    ...(aws.secretsManager === undefined ? {} : { AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.secretsManager }),
    ...(aws.apiGateway === undefined ? {} : { AWS_ENDPOINT_URL_API_GATEWAY: aws.apiGateway }),
  }
}

export interface Invocation {
  /** What the handler returned, as JSON carries it; undefined when it returned nothing. */
  readonly result: unknown
  /** Name and message of what it threw instead. */
  readonly failure: string | undefined
  readonly lines: readonly Line[]
  readonly texts: readonly string[]
  readonly fetches: readonly string[]
}

interface Reply {
  result?: string
  failure?: string
  lines: string[]
  fetches: string[]
}

/** Starts a bundled function in a process of its own, with exactly this environment and these files beside it. */
export async function startFunction(
  name: FunctionName,
  environment: Record<string, string>,
  files: Record<string, string> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-function-'))
  const module = join(folder, 'index.mjs')
  copyFileSync(bundleOf(name), module)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  const child = fork(runner, [module], { env: { SERVICE: name, ...environment }, execArgv: [] })
  const nextReply = async (): Promise<Reply> => {
    const [reply] = (await once(child, 'message')) as [Reply]
    return reply
  }
  const printed: string[] = []
  const tracesOf = ({ lines, fetches }: Reply) => {
    printed.push(...lines)
    return { texts: lines, fetches, lines: lines.map(line => JSON.parse(line) as Line) }
  }
  const started = await nextReply()
  return {
    /** What happened while it was loaded. */
    start: { result: started.result, failure: started.failure, ...tracesOf(started) },
    /**
     * Runs one invocation; one at a time, as in Lambda.
     *
     * @param remaining milliseconds that the function is told to have left, at any moment
     */
    async invoke(event: unknown, remaining = 60_000): Promise<Invocation> {
      const reply = nextReply()
      child.send({ event, context: { awsRequestId: 'invocation-1', remaining } })
      const { result, failure, ...traces } = await reply
      return { result: result === undefined ? undefined : JSON.parse(result), failure, ...tracesOf(traces) }
    },
    async stop(): Promise<void> {
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit')
        child.kill('SIGKILL')
        await exit
      }
      rmSync(folder, { recursive: true, force: true })
      const found = findSecrets(printed.join(''))
      if (found.length > 0) throw new Error(`${found.join(' and ')} is in a line of the function ${name}`)
    },
  }
}
