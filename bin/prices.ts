/** What a quantity costs up to a limit in a month; the last step of a price has none. */
export interface PriceStep {
  readonly usd: number
  /** In the price's unit, since the beginning of the month. */
  readonly upTo?: number
}

export interface Price {
  /** What is counted. */
  readonly unit: string
  /** For how many of them a step's `usd` is. */
  readonly per: number
  readonly steps: readonly [PriceStep, ...PriceStep[]]
  /** The price page of AWS that says what it is today. */
  readonly page: string
  /** Where the figure was read, with that text's date. @default - nowhere else: it is the project's own knowledge */
  readonly readIn?: string
}

/** The day on which the texts were read, not all of them AWS's own. AWS may have changed its prices since. */
export const pricesReadOn = '2026-11-21'

export const pricesRegion = 'us-east-1'

/** On-demand list prices in US dollars, without free tiers, taxes, discounts and data transfer. */
export const prices = {
  httpApiRequests: {
    unit: 'requests',
    per: 1_000_000,
    steps: [{ usd: 1, upTo: 300_000_000 }, { usd: 0.9 }],
    page: 'https://aws.amazon.com/api-gateway/pricing/',
    readIn: 'AWS API Gateway Pricing Explained (awsforengineers.com), 19 May 2025',
  },
  lambdaRequests: {
    unit: 'requests',
    per: 1_000_000,
    steps: [{ usd: 0.2 }],
    page: 'https://aws.amazon.com/lambda/pricing/',
    readIn: 'AWS Lambda Pricing Breakdown: Ultimate Guide 2024 (cloudchipr.com)',
  },
  lambdaArmGbSeconds: {
    unit: 'GB-s',
    per: 1,
    steps: [
      { usd: 0.0000133334, upTo: 7_500_000_000 },
      { usd: 0.0000120001, upTo: 18_750_000_000 },
      { usd: 0.0000106667 },
    ],
    page: 'https://aws.amazon.com/lambda/pricing/',
    readIn: 'AWS Lambda Pricing Breakdown: Ultimate Guide 2024 (cloudchipr.com)',
  },
  dynamoDbReads: {
    unit: 'read units',
    per: 1_000_000,
    steps: [{ usd: 0.125 }],
    page: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    readIn: 'Amazon DynamoDB Pricing: On-Demand & Provisioned Plans (airbyte.com), 21 July 2025',
  },
  dynamoDbWrites: {
    unit: 'write units',
    per: 1_000_000,
    steps: [{ usd: 0.625 }],
    page: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
    readIn: 'Amazon DynamoDB Pricing: On-Demand & Provisioned Plans (airbyte.com), 21 July 2025',
  },
  /** $0.25, and $0.20 for point-in-time recovery. */
  dynamoDbStorage: {
    unit: 'GB-months',
    per: 1,
    steps: [{ usd: 0.45 }],
    page: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  },
  kmsKeys: {
    unit: 'keys',
    per: 1,
    steps: [{ usd: 1 }],
    page: 'https://aws.amazon.com/kms/pricing/',
    readIn: 'AWS KMS Pricing: Encryption Key Costs (wring.co), 15 March 2026',
  },
  kmsRequests: {
    unit: 'requests',
    per: 10_000,
    steps: [{ usd: 0.03 }],
    page: 'https://aws.amazon.com/kms/pricing/',
    readIn:
      'AWS KMS Pricing: Why a $1/Month Key Can Generate a $4,000/Month Bill (factualminds.com), June 2026',
  },
  /** Asymmetric keys but RSA_2048, which is billed as `kmsRequests`. */
  kmsAsymmetricRequests: {
    unit: 'requests',
    per: 10_000,
    steps: [{ usd: 0.15 }],
    page: 'https://aws.amazon.com/kms/pricing/',
    readIn:
      'AWS KMS Pricing: Why a $1/Month Key Can Generate a $4,000/Month Bill (factualminds.com), June 2026',
  },
  secrets: {
    unit: 'secrets',
    per: 1,
    steps: [{ usd: 0.4 }],
    page: 'https://aws.amazon.com/secrets-manager/pricing/',
    readIn: 'Amazon Secrets Manager plans and pricing (github.com/api-evangelist), 20 September 2026',
  },
  logIngestion: {
    unit: 'GB',
    per: 1,
    steps: [
      { usd: 0.5, upTo: 10_000 },
      { usd: 0.25, upTo: 30_000 },
      { usd: 0.1, upTo: 50_000 },
      { usd: 0.05 },
    ],
    page: 'https://aws.amazon.com/cloudwatch/pricing/',
    readIn: 'The tiers for Lambda logs in CloudWatch (duckbillgroup.com), May 2025',
  },
  logStorage: {
    unit: 'GB-months',
    per: 1,
    steps: [{ usd: 0.03 }],
    page: 'https://aws.amazon.com/cloudwatch/pricing/',
    readIn: 'Amazon CloudWatch Logs pricing: stopping the observability bill spiral (hykell.com), undated',
  },
  customMetrics: {
    unit: 'metrics',
    per: 1,
    steps: [{ usd: 0.3, upTo: 10_000 }, { usd: 0.1 }],
    page: 'https://aws.amazon.com/cloudwatch/pricing/',
    readIn: 'CloudWatch Pricing Without the Confusion (signoz.io), 15 February 2026',
  },
  alarms: {
    unit: 'alarms',
    per: 1,
    steps: [{ usd: 0.1 }],
    page: 'https://aws.amazon.com/cloudwatch/pricing/',
  },
  dashboards: {
    unit: 'dashboards',
    per: 1,
    steps: [{ usd: 3 }],
    page: 'https://aws.amazon.com/cloudwatch/pricing/',
    readIn: 'Amazon CloudWatch Pricing: The 10 Billing Dimensions (factualminds.com), 13 June 2026',
  },
  cognitoTokens: {
    unit: 'token requests',
    per: 1000,
    steps: [{ usd: 2.25, upTo: 250_000 }, { usd: 1.5, upTo: 5_000_000 }, { usd: 1.125 }],
    page: 'https://aws.amazon.com/cognito/pricing/',
    readIn: 'What is AWS CUPM2MTokenRequestsFull? (cur.vantage-api.com), 27 April 2025: the first step',
  },
  /** It was $6 a month and app client, for the first hundred, until November 2025. */
  cognitoAppClients: {
    unit: 'app clients',
    per: 1,
    steps: [{ usd: 0 }],
    page: 'https://aws.amazon.com/cognito/pricing/',
  },
} as const satisfies Record<string, Price>

export type PriceName = keyof typeof prices

/** What a month's quantity costs in US dollars, step by step. */
export function costOf(name: PriceName, quantity: number): number {
  const { steps, per }: Price = prices[name]
  let usd = 0
  let from = 0
  for (const step of steps) {
    const until = Math.min(quantity, step.upTo ?? Number.POSITIVE_INFINITY)
    usd += (Math.max(0, until - from) / per) * step.usd
    from = until
  }
  return usd
}
