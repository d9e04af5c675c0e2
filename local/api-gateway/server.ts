// A stand-in for the management of API Gateway on one machine: API keys, and their places in usage plans.
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { AwsError, checkHost } from '../aws-json-server.ts'
import { type ApiKeyRecord, ApiKeyStore } from './api-key-store.ts'
import { type UsageClocks, type UsagePlan, UsagePlans } from './usage-plans.ts'

const bodyAtMost = 1024 * 1024

/** The statuses of its errors, by their names. */
const statusOf: Readonly<Record<string, number>> = {
  AccessDeniedException: 403,
  BadRequestException: 400,
  ConflictException: 409,
  NotFoundException: 404,
}

export interface ApiGatewayOptions extends UsageClocks {
  /** Keys lie in its folder `apigateway`, one file a key. */
  readonly dataDir: string
}

export interface LocalApiGateway {
  readonly url: string
  /** What the template's plans and the keys allow. */
  readonly usagePlans: UsagePlans
  close(): Promise<void>
}

/** What is asked: method and path segments, the query, the members of the body. */
interface Call {
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

interface Answer {
  readonly status: number
  readonly body?: object
}

type Operation = (call: Call, plans: UsagePlans) => Promise<Answer>

/** Starts the stand-in on a free port. What answered is durable. @throws Error when a key's file cannot be read */
export async function startApiGateway({ dataDir, ...clocks }: ApiGatewayOptions): Promise<LocalApiGateway> {
  const usagePlans = new UsagePlans(await ApiKeyStore.open(join(dataDir, 'apigateway')), clocks)
  const server = createServer((request, response) => {
    answer(request, usagePlans).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => sendError(response, error),
    )
  })
  server.keepAliveTimeout = 120_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    usagePlans,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** By method and path; `*` stands for one segment. */
const operations: Readonly<Record<string, Operation>> = {
  'GET /usageplans': async ({ query }, plans) => page(plans.plans().map(planOf), query),
  'GET /apikeys': async ({ query }, { keys }) => {
    const named = keys.keys().filter(({ name }) => name.startsWith(query.get('name') ?? ''))
    return page(named.map(keyOf), query)
  },
  'POST /apikeys': async ({ body }, { keys }) => {
    const { name, value, description, enabled } = body
    const given = typeof value === 'string' ? value : randomBytes(20).toString('hex')
    if (!/^[A-Za-z0-9]{20,128}$/.test(given))
      throw new AwsError('BadRequestException', 'API Key value should be 20 to 128 letters and digits')
    const record: ApiKeyRecord = {
      id: randomBytes(5).toString('hex'),
      name: String(name ?? ''),
      value: given,
      enabled: enabled === true,
      description: typeof description === 'string' ? description : undefined,
      createdAt: Math.floor(Date.now() / 1000),
      planIds: [],
    }
    await keys.add(record)
    return { status: 201, body: { ...keyOf(record), value: record.value } }
  },
  'DELETE /apikeys/*': async ({ segments }, { keys }) => {
    await keys.remove(segments[1] ?? '')
    return { status: 202 }
  },
  'GET /usageplans/*/keys': async ({ segments, query }, plans) => {
    const { id } = planNamed(plans, segments[1])
    const attached = plans.keys.keys().filter(({ planIds }) => planIds.includes(id))
    return page(attached.map(planKeyOf), query)
  },
  'POST /usageplans/*/keys': async ({ segments, body }, plans) => {
    const plan = planNamed(plans, segments[1])
    const keyId = String(body.keyId)
    await plans.keys.change(keyId, key => attach(key, plan, plans))
    return { status: 201, body: planKeyOf(plans.keys.key(keyId)) }
  },
  'GET /usageplans/*/keys/*': async ({ segments }, plans) => {
    const { id } = planNamed(plans, segments[1])
    const key = plans.keys.key(segments[3] ?? '')
    if (!key.planIds.includes(id))
      throw new AwsError('NotFoundException', 'Invalid Usage Plan Key identifier')
    return { status: 200, body: planKeyOf(key) }
  },
}

/** A key has one plan for each stage. */
function attach(key: ApiKeyRecord, plan: UsagePlan, plans: UsagePlans): ApiKeyRecord {
  const isOfStage = (stage: UsagePlan['stages'][number]) =>
    plan.stages.some(each => each.apiId === stage.apiId && each.stage === stage.stage)
  const isTaken = key.planIds.some(id => id === plan.id || plans.plan(id)?.stages.some(isOfStage))
  if (isTaken) throw new AwsError('ConflictException', 'The key has a usage plan for this stage already')
  return { ...key, planIds: [...key.planIds, plan.id] }
}

function planNamed(plans: UsagePlans, id: string | undefined): UsagePlan {
  const plan = plans.plan(id ?? '')
  if (plan === undefined) throw new AwsError('NotFoundException', 'Invalid Usage Plan ID specified')
  return plan
}

const planOf = ({ id, name }: UsagePlan) => ({ id, name })
const planKeyOf = ({ id, name, value }: ApiKeyRecord) => ({ id, name, value, type: 'API_KEY' })
const keyOf = ({ id, name, description, enabled, createdAt }: ApiKeyRecord) => ({
  id,
  name,
  description,
  enabled,
  createdDate: createdAt,
})

/** At most `limit` of a list, 25 unless the request says otherwise; `position` is where the next page begins. */
function page(all: readonly object[], query: URLSearchParams): Answer {
  const start = Number(query.get('position') ?? 0)
  const end = start + Math.min(Number(query.get('limit') ?? 25), 500)
  const position = end < all.length ? { position: String(end) } : {}
  return { status: 200, body: { item: all.slice(start, end), ...position } }
}

async function answer(request: IncomingMessage, plans: UsagePlans): Promise<Answer> {
  checkHost(request, 'local API Gateway')
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
  const segments = pathname.split('/').slice(1).map(decodeURIComponent)
  const pattern = segments.map((segment, index) => (index % 2 === 1 ? '*' : segment)).join('/')
  const operation = operations[`${request.method} /${pattern}`]
  if (operation === undefined) {
    const message = `The local API Gateway does not know ${request.method} ${pathname}.`
    throw new AwsError('BadRequestException', message)
  }
  return operation({ segments, query: searchParams, body: await readBody(request) }, plans)
}

async function readBody(request: IncomingMessage): Promise<Call['body']> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyAtMost) throw new AwsError('BadRequestException', 'The request is too long.')
    chunks.push(chunk)
  }
  try {
    const parsed: unknown = length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof parsed === 'object' && parsed !== null) return parsed as Call['body']
  } catch {}
  throw new AwsError('BadRequestException', 'The request is not a JSON object.')
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof AwsError) {
    const { code, message } = error
    send(response, statusOf[code] ?? 400, { message }, { 'x-amzn-errortype': code })
    return
  }
  process.stderr.write(`local API Gateway: ${error instanceof Error ? error.stack : String(error)}\n`)
  send(response, 500, { message: 'The local API Gateway failed.' })
}

function send(
  response: ServerResponse,
  status: number,
  body: object | undefined,
  headers: Record<string, string> = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
    ...headers,
  })
  response.end(text)
}
