import type { Usage } from './cost-usage.ts'
import { costOf, type PriceName, prices } from './prices.ts'

/** What a line is for: it grows with tokens, with calls, or is there every month. */
export type CostPurpose = 'tokens' | 'calls' | 'every month'

export interface CostLine {
  purpose: CostPurpose
  /** The AWS service. */
  service: string
  item: string
  quantity: number
  price: PriceName
  usd: number
}

export interface MonthlyCost {
  lines: CostLine[]
  total: number
  /** By what the lines are for. */
  totals: Record<CostPurpose, number>
  /** What every call would cost if no decision were cached: the authorizers' functions and logs. */
  callsWithoutCache: number
  /** The same tokens at Amazon Cognito, which checks none of the calls. */
  cognito: number
}

/**
 * Bytes of what is written for one request, as CloudWatch bills it. `test/bin/cost.test.ts` measures those that are
 * ours against what is really written.
 */
export const logBytes = {
  /** The audit event of a token that is issued, with its metric. */
  tokenEvent: 540,
  /** The audit event of a call that is allowed, with its metric. */
  authorizerEvent: 555,
  /** The access log line of a token request. */
  accessLine: 251,
  /** Lambda's own `platform.start` and `platform.report` lines for one invocation. */
  platformLines: 370,
  /** What CloudWatch adds to each line. */
  overheadOfLine: 26,
} as const

/** What a deployment has, whatever is asked of it; counted in the template and in the source by the same test. */
export const inventory = {
  alarms: 32,
  alarmsPerApi: 2,
  /** With the first secret that is rotated. */
  alarmsOfRotation: 1,
  dashboards: 1,
  /** Metrics with their dimensions that a month without faults has: decisions, by reason, snapshot and key ages. */
  metrics: 25,
  revocationShards: 4,
  /** The records that a decision reads at a revocation delay of 0. */
  revocationLookups: 4,
  /** The current signing key and the standby key. */
  kmsKeys: { kms: 2, envelope: 1 },
} as const

const hoursOfMonth = 730
const secondsOfMonth = hoursOfMonth * 3600
const daysOfMonth = hoursOfMonth / 24
/** The keeper runs every five minutes, with 256 MB for some 200 ms. */
const keeperRuns = hoursOfMonth * 12
/** How often the token function looks whether its copy of the key ring is still right. */
const ringRefreshSeconds = 5
/** Bytes of a client with its secrets, and of a used assertion until DynamoDB deletes it, a day or two later. */
const clientBytes = 2000
const assertionBytes = 200
/** What is left of stored logs after compression. AWS says that it stores them compressed, not how far. */
const storedShare = 0.15

/** What a month costs at list prices, by line. The steps of a price begin anew in each line: if anything, it is too much. */
export function monthlyCost(usage: Usage): MonthlyCost {
  const decided = usage.calls * (1 - usage.cachedShare)
  const lines = [...tokenLines(usage), ...callLines(usage, decided), ...fixedLines(usage)]
  const totals = { tokens: 0, calls: 0, 'every month': 0 }
  for (const { purpose, usd } of lines) totals[purpose] += usd
  return {
    lines,
    totals,
    total: totals.tokens + totals.calls + totals['every month'],
    callsWithoutCache: sum(callLines(usage, usage.calls)),
    cognito: costOf('cognitoTokens', usage.tokens) + costOf('cognitoAppClients', usage.clients),
  }
}

function tokenLines(usage: Usage): CostLine[] {
  const { tokens, custody, tokenAlgorithm } = usage
  const add = linesFor('tokens')
  add('API Gateway', 'POST /token, HTTP API', tokens, 'httpApiRequests')
  add('Lambda', 'token function, requests', tokens, 'lambdaRequests')
  add(
    'Lambda',
    'token function, duration',
    gbSeconds(tokens, usage.tokenDurationMilliseconds, usage.memoryMegabytes),
    'lambdaArmGbSeconds',
  )
  // The client and its count of failures, both read strongly consistent.
  add('DynamoDB', 'client and failure counter, reads', tokens * 2, 'dynamoDbReads')
  // A secret's use is noted once a day.
  const writes = usage.assertions ? tokens : Math.min(tokens, usage.clients * daysOfMonth)
  add(
    'DynamoDB',
    usage.assertions ? 'used assertions, writes' : 'use of secrets, writes',
    writes,
    'dynamoDbWrites',
  )
  if (custody === 'kms') {
    const isRsa = tokenAlgorithm === 'RS256' || tokenAlgorithm === 'PS256'
    add('KMS', `Sign, ${tokenAlgorithm}`, tokens, isRsa ? 'kmsRequests' : 'kmsAsymmetricRequests')
  }
  addLogs(add, 'token function and access log', usage, {
    bytes: logBytes.tokenEvent + logBytes.accessLine + logBytes.platformLines + 4 * logBytes.overheadOfLine,
    count: tokens,
  })
  return add.lines
}

/** @param decided calls that reach the authorizer */
function callLines(usage: Usage, decided: number): CostLine[] {
  const { maxRevocationDelaySeconds: delay, warmEnvironments } = usage
  const add = linesFor('calls')
  add('Lambda', 'authorizers, requests', decided, 'lambdaRequests')
  add(
    'Lambda',
    'authorizers, duration',
    gbSeconds(decided, usage.authorizerDurationMilliseconds, usage.memoryMegabytes),
    'lambdaArmGbSeconds',
  )
  // A frozen environment reads nothing: there is never more than one reading for a call.
  const reads =
    delay === 0
      ? decided * inventory.revocationLookups
      : Math.min(decided, (warmEnvironments * secondsOfMonth) / delay) * inventory.revocationShards
  add(
    'DynamoDB',
    delay === 0 ? 'revocations, for each call' : 'revocations, in the background',
    reads,
    'dynamoDbReads',
  )
  addLogs(add, 'authorizers', usage, {
    bytes: logBytes.authorizerEvent + logBytes.platformLines + 3 * logBytes.overheadOfLine,
    count: decided,
  })
  return add.lines
}

function fixedLines(usage: Usage): CostLine[] {
  const add = linesFor('every month')
  const keys = inventory.kmsKeys[usage.custody]
  add('KMS', usage.custody === 'kms' ? 'signing keys' : 'wrapping key', keys, 'kmsKeys')
  add('KMS', 'keeper, state of the keys', keeperRuns * inventory.kmsKeys.kms, 'kmsRequests')
  add('Lambda', 'keeper, duration', gbSeconds(keeperRuns, 200, 256), 'lambdaArmGbSeconds')
  const ringReads =
    keeperRuns + Math.min(usage.tokens, (usage.warmEnvironments * secondsOfMonth) / ringRefreshSeconds)
  add('DynamoDB', 'key ring, reads', ringReads, 'dynamoDbReads')
  const assertions = usage.assertions ? (usage.tokens / daysOfMonth) * 2 * assertionBytes : 0
  add('DynamoDB', 'storage and recovery', (usage.clients * clientBytes + assertions) / 1e9, 'dynamoDbStorage')
  if (usage.secrets > 0) add('Secrets Manager', 'secrets of declared clients', usage.secrets, 'secrets')
  add('CloudWatch', 'metrics', inventory.metrics, 'customMetrics')
  const rotationAlarms = usage.secrets > 0 ? inventory.alarmsOfRotation : 0
  const alarms = inventory.alarms + usage.apis * inventory.alarmsPerApi + rotationAlarms
  add('CloudWatch', 'alarms', alarms, 'alarms')
  add('CloudWatch', 'dashboard', inventory.dashboards, 'dashboards')
  return add.lines
}

type AddLine = {
  (service: string, item: string, quantity: number, price: PriceName): void
  lines: CostLine[]
}

function linesFor(purpose: CostPurpose): AddLine {
  const lines: CostLine[] = []
  const add = (service: string, item: string, quantity: number, price: PriceName) => {
    lines.push({ purpose, service, item, quantity, price, usd: costOf(price, quantity) })
  }
  return Object.assign(add, { lines })
}

function addLogs(
  add: AddLine,
  what: string,
  usage: Usage,
  { bytes, count }: { bytes: number; count: number },
) {
  const gigabytes = (count * bytes) / 1e9
  add('CloudWatch', `logs of ${what}`, gigabytes, 'logIngestion')
  // What a deployment holds once its first events run out.
  const kept = gigabytes * storedShare * (usage.logRetentionDays / daysOfMonth)
  add('CloudWatch', `logs kept for ${round(usage.logRetentionDays)} days`, kept, 'logStorage')
}

function gbSeconds(requests: number, milliseconds: number, megabytes: number): number {
  // Billed by the millisecond begun.
  return (requests * Math.ceil(milliseconds) * megabytes) / 1000 / 1024
}

function sum(lines: readonly CostLine[]): number {
  return lines.reduce((total, { usd }) => total + usd, 0)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** A price's first step as people read it: `$1.00 per million requests`. */
export function describePrice(name: PriceName): string {
  const { steps, per, unit } = prices[name]
  const counts: Record<number, string> = { 1: '', 1000: 'thousand ', 10000: '10,000 ', 1000000: 'million ' }
  const one = per === 1 ? unit.replace(/(?<=[a-z])s$/, '') : `${counts[per] ?? `${per} `}${unit}`
  const [{ usd }] = steps
  return `$${usd < 0.01 && usd > 0 ? usd : usd.toFixed(usd * 100 === Math.round(usd * 100) ? 2 : 3)} per ${one}`
}
