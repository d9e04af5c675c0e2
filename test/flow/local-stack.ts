import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { paginateScan } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, inject } from 'vitest'
import type { AwsCredentials } from '../../bin/aws-settings.ts'
import { signRequest } from '../../bin/sigv4.ts'
import type { Endpoints } from '../../local/endpoints.ts'
import { localCredentials } from '../../local/local-credentials.ts'
import { startLocal } from '../../local/start-local.ts'
import { deployedRun } from '../deploy/deployed-run.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { findSecrets, textOfItem } from '../support/canary.ts'
import { errorBodies, watchErrorBodies } from '../support/error-bodies.ts'

export const orders = 'https://orders.example.com'
export const payments = 'https://payments.example.com'

export interface RegisteredClient {
  readonly client_id: string
  readonly client_secret: string
  readonly version: number
  readonly secrets: { secret_id: string; expires_at: number; last_used_on?: string }[]
}

export type Json = Record<string, unknown>

/** Name and text of each log. */
export type Logs = readonly (readonly [name: string, text: string])[]

/** A test that asks for an endpoint has a server with it. */
export type AllEndpoints = Required<Endpoints>

/** What differs between a stack of the local gateway and one that was deployed. */
export interface StackRun {
  readonly endpoints: AllEndpoints
  /** Of the administrator that signs, and the ARN that IAM knows it by. */
  readonly credentials: AwsCredentials
  readonly actor: string
  /** Of a token whose client and resource server set none. */
  readonly accessTokenLifetimeSeconds: number
  /** What the functions have printed. */
  functionLogs(): Promise<Logs>
  close(): Promise<void>
}

async function runLocally(dataDir: string, assemblyDir: string): Promise<StackRun> {
  const run = await startLocal({ port: 0, dataDir, assemblyDir })
  return {
    endpoints: run.endpoints as AllEndpoints,
    credentials: localCredentials,
    actor: 'arn:aws:iam::000000000000:user/local',
    accessTokenLifetimeSeconds: 600,
    functionLogs: () => readLogs(dataDir, name => !isGatewayLog(name)),
    close: () => run.close(),
  }
}

/** A whole Countersign on this machine, for the tests of one file. */
export class LocalStack {
  readonly dataDir: string
  /** What was deployed from here; undefined = elsewhere. */
  #assemblyDir: string | undefined
  #run: StackRun

  private constructor(dataDir: string, assemblyDir: string | undefined, run: StackRun) {
    this.dataDir = dataDir
    this.#assemblyDir = assemblyDir
    this.#run = run
  }

  /** On free ports and a data folder of its own. */
  static async start(assemblyDir: string): Promise<LocalStack> {
    watchErrorBodies()
    const dataDir = await mkdtemp(join(tmpdir(), 'countersign-flow-'))
    return new LocalStack(dataDir, assemblyDir, await runLocally(dataDir, assemblyDir))
  }

  /** The one that `npm run test:deploy` has deployed: it was there before the test, and stays. */
  static async deployed(): Promise<LocalStack> {
    watchErrorBodies()
    const dataDir = await mkdtemp(join(tmpdir(), 'countersign-flow-'))
    return new LocalStack(dataDir, undefined, await deployedRun(dataDir))
  }

  /** Stops the run and starts one of another assembly on the same data: another deployment. */
  async redeploy(assemblyDir: string): Promise<void> {
    await this.#run.close()
    this.#assemblyDir = assemblyDir
    this.#run = await runLocally(this.dataDir, assemblyDir)
  }

  async close(): Promise<void> {
    try {
      await this.searchForSecrets()
    } finally {
      await this.#run.close()
      await rm(this.dataDir, { recursive: true, force: true })
    }
  }

  /**
   * The end of every test on a whole stack: what the functions and the gateway printed, what is stored and what callers
   * were told of errors, searched for secrets. The secrets of declared clients may be where Secrets Manager keeps them,
   * the demonstration client's in its file. @throws Error naming where one is
   */
  async searchForSecrets(marked: Iterable<string> = []): Promise<{ searched: number }> {
    const places = [
      ...(await this.#logTexts()),
      ...(await this.#itemTexts()),
      ...(await this.#deploymentTexts()),
      ...errorBodies(),
    ]
    for (const [place, text] of places) {
      const found = findSecrets(text, marked)
      if (found.length > 0) throw new Error(`${found.join(' and ')} is in ${place}`)
    }
    return { searched: places.length }
  }

  async #logTexts(): Promise<[string, string][]> {
    const logs = [...(await this.#run.functionLogs()), ...(await readLogs(this.dataDir, isGatewayLog))]
    return logs.flatMap(([name, text]) =>
      text.split('\n').map((line): [string, string] => [`the log ${name}`, line]),
    )
  }

  /** What the run knows of the deployment: what custom resources were sent and answered, its endpoints, its template. */
  async #deploymentTexts(): Promise<[string, string][]> {
    const inFolder = async (folder: string) =>
      (await readdir(folder)).filter(name => name.endsWith('.json')).map(name => join(folder, name))
    const folders = [this.dataDir, ...(this.#assemblyDir === undefined ? [] : [this.#assemblyDir])]
    const files = (await Promise.all(folders.map(inFolder))).flat()
    return Promise.all(
      files
        .filter(file => basename(file) !== 'demo-client.json')
        .map(async (file): Promise<[string, string]> => [file, await readFile(file, 'utf8')]),
    )
  }

  async #itemTexts(): Promise<[string, string][]> {
    const client = storeClient(this.endpoints.aws.dynamodb)
    const texts: [string, string][] = []
    for (const [name, TableName] of Object.entries(this.endpoints.tables)) {
      for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
        texts.push(...Items.map((item): [string, string] => [`the table ${name}`, textOfItem(item)]))
      }
    }
    client.destroy()
    return texts
  }

  get endpoints(): AllEndpoints {
    return this.#run.endpoints
  }

  get credentials(): AwsCredentials {
    return this.#run.credentials
  }

  get actor(): string {
    return this.#run.actor
  }

  get accessTokenLifetimeSeconds(): number {
    return this.#run.accessTokenLifetimeSeconds
  }

  url(api: string, path: string): string {
    return `${this.endpoints.apis[api]}${path}`
  }

  /** A signed request to the admin API. */
  async admin(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    const request = { method, url: new URL(`${this.endpoints.admin}${path}`), headers: {}, body: '' }
    if (body !== undefined) request.body = JSON.stringify(body)
    const scope = {
      credentials: this.credentials,
      region: this.endpoints.region,
      service: 'execute-api',
      now: new Date(),
    }
    const headers = signRequest(request, scope)
    const response = await fetch(request.url, {
      method,
      headers,
      body: request.body === '' ? null : request.body,
    })
    const answer = await response.text()
    return { status: response.status, body: answer === '' ? {} : JSON.parse(answer) }
  }

  async register(metadata: Json = {}): Promise<RegisteredClient> {
    const grants = [{ resource: orders, scope: 'orders:read orders:write' }]
    const { status, body } = await this.admin('POST', '/clients', {
      client_name: 'a test',
      grants,
      ...metadata,
    })
    if (status !== 201) throw new Error(`registration answered ${status}: ${JSON.stringify(body)}`)
    return body as unknown as RegisteredClient
  }

  /** Posts a form to the token endpoint with the client's credentials in the Basic scheme. */
  requestToken(client: RegisteredClient, parameters: Record<string, string> = {}): Promise<Response> {
    return this.post(
      this.endpoints.tokenEndpoint,
      { grant_type: 'client_credentials', ...parameters },
      client,
    )
  }

  async token(client: RegisteredClient, parameters: Record<string, string> = {}): Promise<string> {
    const response = await this.requestToken(client, parameters)
    const body = (await response.json()) as { access_token?: string }
    if (body.access_token === undefined)
      throw new Error(`no token: ${response.status} ${JSON.stringify(body)}`)
    return body.access_token
  }

  revoke(client: RegisteredClient, token: string): Promise<Response> {
    return this.post(this.endpoints.revocationEndpoint, { token }, client)
  }

  post(url: string, parameters: Record<string, string>, client?: RegisteredClient): Promise<Response> {
    const headers: Record<string, string> = client === undefined ? {} : { authorization: basic(client) }
    return fetch(url, { method: 'POST', headers, body: new URLSearchParams(parameters) })
  }

  /** Calls a protected API and gives the status. */
  async call(method: string, url: string, token?: string): Promise<number> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(url, { method, headers })
    await response.arrayBuffer()
    return response.status
  }

  /** Every line that the functions have printed, parsed: a line that is not JSON fails the test. */
  async logLines(): Promise<Json[]> {
    const lines = (await this.#run.functionLogs()).flatMap(([, text]) => text.split('\n'))
    return lines.filter(line => line !== '').map(line => JSON.parse(line))
  }

  async auditEvents(audit: string): Promise<Json[]> {
    return (await this.logLines()).filter(line => line.audit === audit)
  }
}

const isGatewayLog = (name: string) => name === 'gateway.log'

async function readLogs(dataDir: string, isWanted: (name: string) => boolean): Promise<Logs> {
  const folder = join(dataDir, 'logs')
  const names = (await readdir(folder).catch(() => [])).filter(isWanted)
  return Promise.all(names.map(async name => [name, await readFile(join(folder, name), 'utf8')] as const))
}

export function basic({
  client_id,
  client_secret,
}: Pick<RegisteredClient, 'client_id' | 'client_secret'>): string {
  return `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
}

/** Starts a stack for the tests of this file; in `npm run test:deploy`, they run against the one that it has deployed. */
export function useLocalStack(assemblyDir?: () => string): () => LocalStack {
  let stack: LocalStack | undefined
  beforeAll(async () => {
    if (inject('deployment') === undefined)
      stack = await LocalStack.start(assemblyDir?.() ?? inject('assemblyDir'))
    else if (assemblyDir === undefined) stack = await LocalStack.deployed()
  })
  afterAll(async () => {
    await stack?.close()
  })
  return () => {
    if (stack === undefined) throw new Error('the local stack did not start')
    return stack
  }
}
