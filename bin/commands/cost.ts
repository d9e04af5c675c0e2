import type { Command, CommandCall, CommandResult } from '../command.ts'
import { readUsage, type Usage, usageFlags } from '../cost-usage.ts'
import { type CostLine, describePrice, type MonthlyCost, monthlyCost } from '../monthly-cost.ts'
import { keyValues, type Style, table } from '../output.ts'
import { prices, pricesReadOn, pricesRegion } from '../prices.ts'

export const cost: Command = {
  summary: 'estimate what a month costs, by line, beside Amazon Cognito',
  operands: [],
  flags: usageFlags,
  required: [['tokens', 'calls']],
  details: [
    'Asks nobody: list prices of us-east-1 in US dollars, as read on the day that it prints, and the assumptions below',
    'them. They may have changed; --json says where each was read. Not counted: free tiers, data transfer, the APIs that',
    'are called, with their own functions, and what reads secrets.',
  ],
  example: 'countersign cost --tokens 1000000 --calls 100000000',
  async run({ flags }: CommandCall): Promise<CommandResult> {
    const usage = readUsage(flags)
    const month = monthlyCost(usage)
    return {
      document: documentOf(usage, month),
      text: style => describe(style, usage, month),
      notes: [
        `Prices of ${pricesRegion} as read on ${pricesReadOn}; they may have changed. No account was asked.`,
      ],
    }
  },
}

function documentOf(usage: Usage, month: MonthlyCost) {
  const cents = (usd: number) => Math.round(usd * 100) / 100
  return {
    currency: 'USD',
    region: pricesRegion,
    prices_read_on: pricesReadOn,
    assumptions: {
      tokens: usage.tokens,
      calls: usage.calls,
      cached_share: usage.cachedShare,
      clients: usage.clients,
      secrets: usage.secrets,
      apis: usage.apis,
      custody: usage.custody,
      token_alg: usage.tokenAlgorithm,
      assertions: usage.assertions,
      revocation_delay_seconds: usage.maxRevocationDelaySeconds,
      log_retention_days: usage.logRetentionDays,
      memory_mb: usage.memoryMegabytes,
      token_duration_ms: usage.tokenDurationMilliseconds,
      authorizer_duration_ms: usage.authorizerDurationMilliseconds,
      warm_environments: usage.warmEnvironments,
    },
    lines: month.lines.map(({ purpose, service, item, quantity, price, usd }) => ({
      for: purpose,
      service,
      item,
      quantity: Math.round(quantity * 1000) / 1000,
      unit: prices[price].unit,
      price,
      usd: cents(usd),
    })),
    totals: {
      tokens: cents(month.totals.tokens),
      calls: cents(month.totals.calls),
      every_month: cents(month.totals['every month']),
      total: cents(month.total),
      calls_without_decision_cache: cents(month.callsWithoutCache),
    },
    cognito: { tokens: cents(month.cognito) },
    prices,
  }
}

function describe(style: Style, usage: Usage, month: MonthlyCost): string {
  const { totals } = month
  const rows = month.lines.map(line => rowOf(line))
  const cached = percent(usage.cachedShare)
  return [
    table(style, ['FOR', 'SERVICE', 'WHAT', 'QUANTITY', 'UNIT PRICE', '         USD'], rows),
    keyValues(style, [
      ['issuing tokens', amount(totals.tokens)],
      [
        'checking calls',
        `${amount(totals.calls)}${usage.cachedShare > 0 ? `  ${cached} of the decisions cached` : ''}`,
      ],
      cacheComparison(usage, month),
      ['every month', amount(totals['every month'])],
      ['TOTAL', { lines: [amount(month.total)], look: 'heading' }],
      [
        'Amazon Cognito',
        `${amount(month.cognito)}  the same tokens; its calls are checked elsewhere, without revocation`,
      ],
    ]),
    keyValues(style, assumptionsOf(usage)),
  ].join('\n')
}

/** What the decision cache is worth, whether it is on or off. */
function cacheComparison(usage: Usage, month: MonthlyCost): readonly [string, string | undefined] {
  if (usage.cachedShare > 0) return ['  without the cache', amount(month.callsWithoutCache)]
  const cached = monthlyCost({ ...usage, cachedShare: 0.9 }).totals.calls
  return ['  with 90 % cached', usage.calls > 0 ? amount(cached) : undefined]
}

function rowOf({ purpose, service, item, quantity, price, usd }: CostLine): string[] {
  return [
    purpose,
    service,
    item,
    `${number(quantity)} ${prices[price].unit}`,
    describePrice(price),
    amount(usd),
  ]
}

function assumptionsOf(usage: Usage): (readonly [string, string])[] {
  return [
    ['ASSUMED', 'set with'],
    [
      `${number(usage.clients)} clients, ${usage.assertions ? 'private_key_jwt' : 'secrets'}`,
      '--clients, --auth-method',
    ],
    [`${number(usage.secrets)} secrets in Secrets Manager`, '--secrets'],
    [`custody ${usage.custody}, ${usage.tokenAlgorithm}`, '--custody, --token-alg'],
    [
      `${number(usage.apis)} protected APIs, ${percent(usage.cachedShare)} of the decisions cached`,
      '--apis, --cached',
    ],
    [
      `revocation within ${usage.maxRevocationDelaySeconds} s, ${number(usage.warmEnvironments)} warm environments`,
      '--revocation-delay, --environments',
    ],
    [
      `${number(usage.memoryMegabytes)} MB, ${usage.tokenDurationMilliseconds} ms a token, ${usage.authorizerDurationMilliseconds} ms a decision`,
      '--memory, --token-duration, --authorizer-duration',
    ],
    [`logs kept for ${number(usage.logRetentionDays)} days, compressed to 15 %`, '--log-retention'],
  ]
}

function amount(usd: number): string {
  return usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).padStart(12)
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 })
}

function percent(share: number): string {
  return `${number(share * 100)} %`
}
