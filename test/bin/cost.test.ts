import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { inventory, logBytes } from '../../bin/monthly-cost.ts'
import { costOf, prices } from '../../bin/prices.ts'
import { Records } from '../../lambda/adapters/records.ts'
import { metricNames } from '../../lambda/oauth/metric-names.ts'
import { subjectsOf } from '../../lambda/oauth/revocation.ts'
import { checkSettings } from '../../lib/authorization-server-props.ts'
import { countersign } from './command-line.ts'

interface Line {
  for: string
  service: string
  item: string
  quantity: number
  usd: number
}

interface Document {
  assumptions: Record<string, unknown>
  lines: Line[]
  totals: Record<'tokens' | 'calls' | 'every_month' | 'total' | 'calls_without_decision_cache', number>
  cognito: { tokens: number }
  prices: typeof prices
  prices_read_on: string
}

async function cost(...args: string[]): Promise<Document> {
  const run = await countersign(['cost', ...args, '--json'], { env: {} })
  expect([run.code, run.requests]).toEqual([0, []])
  return JSON.parse(run.out)
}

const usdOf = ({ lines }: Document, item: RegExp) =>
  lines.filter(line => item.test(`${line.service} ${line.item}`)).reduce((sum, { usd }) => sum + usd, 0)

describe('countersign cost', () => {
  it('costs a million tokens at about $17, most of it KMS signatures', async () => {
    const month = await cost('--tokens', '1000000')
    expect(month.totals.tokens).toBe(17.28)
    expect(usdOf(month, /^KMS Sign/)).toBe(15)
    expect(usdOf(month, /^API Gateway/)).toBe(1)
    expect(month.totals.calls).toBe(0)
    expect(month.cognito.tokens).toBe(1687.5)
  })

  it('has no fee per signature with custody envelope', async () => {
    const month = await cost('--tokens', '1000000', '--custody', 'envelope')
    expect(usdOf(month, /^KMS Sign/)).toBe(0)
    expect(usdOf(month, /^KMS wrapping key/)).toBe(1)
    expect(month.totals.tokens).toBeLessThan(3)
  })

  it.each([
    ['ES256', 15],
    ['EdDSA', 15],
    ['RS256', 3],
    ['PS256', 3],
  ])('signs a million tokens by %s for $%i', async (algorithm, usd) => {
    expect(usdOf(await cost('--tokens', '1000000', '--token-alg', algorithm), /^KMS Sign/)).toBe(usd)
  })

  it('shows the authorizers with and without the decision cache', async () => {
    const without = await cost('--calls', '100000000')
    expect(usdOf(without, /^Lambda authorizers, requests/)).toBe(20)
    const cached = await cost('--calls', '100000000', '--cached', '90')
    expect(usdOf(cached, /^Lambda authorizers, requests/)).toBe(2)
    expect(cached.totals.calls_without_decision_cache).toBe(without.totals.calls)
  })

  it('reads the table for every call with a revocation delay of 0', async () => {
    const month = await cost('--calls', '1000000', '--revocation-delay', '0')
    expect(month.lines.find(({ item }) => item === 'revocations, for each call')).toMatchObject({
      quantity: 4_000_000,
      usd: 0.5,
    })
  })

  it('never reads revocations more often than there are calls', async () => {
    const month = await cost('--calls', '100')
    expect(month.lines.find(({ item }) => item === 'revocations, in the background')?.quantity).toBe(400)
  })

  it('writes once a token for assertions, and once a day and client for secrets', async () => {
    const writes = async (...args: string[]) =>
      (await cost('--tokens', '1000000', ...args)).lines.find(({ item }) => item.endsWith('writes'))?.quantity
    expect(await writes('--auth-method', 'private_key_jwt')).toBe(1_000_000)
    expect(await writes('--clients', '24')).toBe(730)
  })

  it('costs $0.40 a secret of a declared client, and the alarm on rotations', async () => {
    const [none, three] = [await cost('--tokens', '1'), await cost('--tokens', '1', '--secrets', '3')]
    const secretLines = ({ lines }: Document) => lines.filter(({ service }) => service === 'Secrets Manager')
    expect(secretLines(three)).toEqual([
      {
        for: 'every month',
        service: 'Secrets Manager',
        item: 'secrets of declared clients',
        quantity: 3,
        unit: 'secrets',
        price: 'secrets',
        usd: 1.2,
      },
    ])
    expect(secretLines(none)).toEqual([])
    expect(usdOf(three, /alarms/) - usdOf(none, /alarms/)).toBeCloseTo(0.1, 10)
    expect([none.assumptions.secrets, three.assumptions.secrets]).toEqual([0, 3])
  })

  it('adds up: the total is the sum of its lines', async () => {
    const month = await cost('--tokens', '5000000', '--calls', '20000000', '--cached', '25')
    const sum = month.lines.reduce((total, { usd }) => total + usd, 0)
    expect(Math.abs(sum - month.totals.total)).toBeLessThan(0.005 * month.lines.length)
    expect(month.totals.total).toBeCloseTo(
      month.totals.tokens + month.totals.calls + month.totals.every_month,
      1,
    )
  })

  it('prints a table for people, with its assumptions and the flags that set them', async () => {
    const { code, out, err } = await countersign(['cost', '--tokens', '1000000', '--calls', '100000000'])
    expect(code).toBe(0)
    expect(out).toMatch(/^FOR +SERVICE +WHAT +QUANTITY +UNIT PRICE +USD\n/)
    expect(out).toMatch(
      /^tokens +KMS +Sign, ES256 +1,000,000 requests +\$0\.15 per 10,000 requests +15\.00$/m,
    )
    expect(out).toMatch(/^Amazon Cognito +1,687\.50 /m)
    expect(out).toMatch(
      /^512 MB, 25 ms a token, 3 ms a decision +--memory, --token-duration, --authorizer-duration$/m,
    )
    expect(err).toBe(
      'Prices of us-east-1 as read on 2026-11-21; they may have changed. No account was asked.\n',
    )
  })

  it.each([
    [['--tokens', 'many'], '--tokens many is not a number from 0 to 10000000000000'],
    [['--calls', '1', '--cached', '101'], '--cached 101 is not a number from 0 to 100'],
    [['--calls', '1', '--custody', 'hsm'], '--custody hsm is none of kms, envelope'],
    [['--calls', '1', '--log-retention', 'ever'], '--log-retention ever is not a duration'],
    [['--calls', '1', '--revocation-delay', '10m'], '--revocation-delay 10m is more than 300 seconds'],
    [[], '"countersign cost" needs --tokens or --calls'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await countersign(['cost', ...args, '--json'])
    expect([code, err.split('\n')[0]]).toEqual([2, `countersign: ${message}`])
  })
})

describe('the prices', () => {
  it('are counted step by step', () => {
    expect(costOf('cognitoTokens', 250_000)).toBe(562.5)
    expect(costOf('cognitoTokens', 6_000_000)).toBe(562.5 + 7125 + 1125)
    expect(costOf('httpApiRequests', 400_000_000)).toBe(300 + 90)
  })

  it('say where they are checked, and all steps but the last have an end', () => {
    for (const price of Object.values(prices)) {
      expect(price.page).toMatch(/^https:\/\/aws\.amazon\.com\//)
      const ends = price.steps.map(step => ('upTo' in step ? step.upTo : undefined))
      expect(ends.filter(end => end === undefined)).toHaveLength(1)
      expect(ends.at(-1)).toBeUndefined()
    }
  })
})

// The estimate stands on these: a longer line or one more alarm must change it.
describe('what the estimate assumes', () => {
  const decision = {
    outcome: 'allowed',
    reason: 'ok',
    requestId: 'JKJaXmPLvHcESHA=',
    sourceIp: '203.0.113.17',
    clientId: 'c'.repeat(32),
    audience: 'https://orders.example.com',
    scope: 'orders:read orders:write',
    jti: 'j'.repeat(22),
  } as const

  const expectAbout = (measured: number, assumed: number) =>
    expect(Math.abs(measured / assumed - 1), `measured ${measured}, assumed ${assumed}`).toBeLessThan(0.05)

  it.each([
    ['token', 'token.issue', metricNames.tokensIssued, logBytes.tokenEvent],
    ['authorizer', 'api.authorize', metricNames.decisionsAllowed, logBytes.authorizerEvent],
  ] as const)('is the length of the line that %s writes', (service, audit, metric, assumed) => {
    let line = ''
    const records = new Records(service, text => (line = text), Date.now)
    records.audit({ audit, ...decision }, metric)
    expectAbout(line.length, assumed)
  })

  const template = JSON.parse(
    readFileSync(join(inject('assemblyDir'), 'Countersign.template.json'), 'utf8'),
  ) as { Resources: Record<string, { Type: string; Properties: Record<string, unknown> }> }
  const all = (type: string) => Object.values(template.Resources).filter(({ Type }) => Type === type)

  it('is the length of an access log line', () => {
    const [stage] = all('AWS::ApiGatewayV2::Stage')
    const settings = stage?.Properties.AccessLogSettings as { Format: string } | undefined
    const values: Record<string, string> = {
      requestId: decision.requestId,
      sourceIp: decision.sourceIp,
      requestTime: '21/Nov/2026:13:32:29 +0000',
      httpMethod: 'POST',
      routeKey: 'ANY /token',
      status: '200',
      protocol: 'HTTP/1.1',
      responseLength: '702',
    }
    const line = (settings?.Format ?? '').replace(
      /\$context\.([\w.]+)/g,
      (_, name: string) => values[name.split('.').at(-1) ?? ''] ?? '-',
    )
    expectAbout(line.length, logBytes.accessLine)
  })

  it('is what the template has', () => {
    expect(all('AWS::CloudWatch::Alarm')).toHaveLength(inventory.alarms + 2 * inventory.alarmsPerApi)
    expect(all('AWS::CloudWatch::Dashboard')).toHaveLength(inventory.dashboards)
    const memory = all('AWS::Lambda::Function').filter(({ Properties }) => Properties.MemorySize === 512)
    // The token function and the authorizers of the two examples.
    expect(memory).toHaveLength(3)
  })

  it('is how revocations are read', () => {
    expect(inventory.revocationShards).toBe(checkSettings({}).revocationShards)
    const token = { jti: 'j', clientId: 'c', kid: 'k', iat: 0, claims: {} }
    expect(subjectsOf(token as unknown as Parameters<typeof subjectsOf>[0])).toHaveLength(
      inventory.revocationLookups,
    )
  })
})
