import { parseArgs } from 'node:util'
import { usageFailure } from './failure.ts'

interface Flag {
  /** What stands for the value in help; a flag without one is a switch. */
  value?: string
  repeatable?: boolean
  help: string
}

/** Every flag of every command: one spelling means one thing. */
export const flags = {
  name: { value: '<name>', help: "the client's name, for people" },
  grant: {
    value: '"<resource>=<scope scope>"',
    repeatable: true,
    help: 'scopes the client may ask for at one resource server; repeat it for more of them',
  },
  'resource-server': {
    value: '<audience>',
    help: 'the resource server that the client is: it may introspect the tokens for it',
  },
  'auth-method': {
    value: '<method>',
    help: 'client_secret_basic (default), client_secret_post or private_key_jwt',
  },
  'generate-key': {
    value: '<file>',
    help: 'make a key pair: the private key goes to this new file, the public one is registered',
  },
  jwks: {
    value: '<file|->',
    help: "the client's public keys: a JWK Set, one JWK, or a PEM public key; - is standard input",
  },
  'jwks-uri': { value: '<url>', help: 'where the client publishes its public keys itself' },
  'signing-alg': {
    value: '<alg>',
    help: 'what the client signs with: ES256 (default for a generated key), RS256, PS256 or EdDSA',
  },
  lifetime: {
    value: '<seconds>',
    help: 'lifetime of its access tokens (also 10m, 1h); default: the server decides',
  },
  audience: { value: '<uri>', help: 'what the resource server is called in "aud" and in grants' },
  allow: {
    value: '"<scope>[=<description>]"',
    repeatable: true,
    help: 'a scope that the resource server knows, and what it allows; repeat it for more of them',
  },
  overlap: {
    value: '<duration>',
    help: 'how long the old secret still works: seconds, 30m, 24h (default), 7d',
  },
  'secret-file': {
    value: '<file|->',
    help: 'file with the client secret, or what "clients create --json" printed; - is standard input',
  },
  'secret-id': {
    value: '<arn|name>',
    help: 'the secret of Secrets Manager with the client secret of a declared client',
  },
  'key-file': {
    value: '<file|->',
    help: 'file with the private key of the client, a JWK; - is standard input',
  },
  client: {
    value: '<client_id>',
    help: 'the client that asks: a resource server, or the holder of the token',
  },
  scope: { value: '"<scope scope>"', help: 'scopes to ask for; default: all that are granted' },
  resource: { value: '<uri>', help: 'resource server the token is for; needed where there is more than one' },
  tokens: { value: '<number>', help: 'access tokens issued in a month; default 0' },
  calls: { value: '<number>', help: 'calls to protected APIs in a month; default 0' },
  cached: { value: '<percent>', help: "calls that the gateway's decision cache answers; default 0" },
  clients: { value: '<number>', help: 'registered clients; default 100' },
  secrets: { value: '<number>', help: 'secrets in Secrets Manager, of declared clients; default 0' },
  apis: { value: '<number>', help: 'protected APIs, each with its authorizer; default 2' },
  custody: { value: '<custody>', help: 'signingKeyCustody: kms (default) or envelope' },
  'token-alg': { value: '<alg>', help: 'signingAlgorithm: ES256 (default), RS256, PS256 or EdDSA' },
  'revocation-delay': { value: '<duration>', help: 'maxRevocationDelay: seconds, 1m; default 5' },
  'log-retention': { value: '<duration>', help: 'logRetention: 30d; default 180d' },
  memory: { value: '<MB>', help: 'memory of the token function and the authorizers; default 512' },
  'token-duration': {
    value: '<ms>',
    help: 'billed for a token on average; default 25, with custody envelope 10',
  },
  'authorizer-duration': { value: '<ms>', help: 'billed for a decision on average; default 3' },
  environments: { value: '<number>', help: 'execution environments that are warm all month; default 5' },
  api: { value: '<url>', help: 'a route of a protected API that answers GET, to try tokens at' },
  'max-secret-age': { value: '<duration>', help: 'warn of client secrets that are older; default 180d' },
  'key-rotation': {
    value: '<duration>',
    help: 'signingKeyRotation: warn of a key that signs longer; default 90d',
  },
  strict: { help: 'exit with 1 for warnings, too' },
  app: {
    value: '"<command|folder>"',
    help: 'what synthesises the CDK app, or the folder it was synthesised into; default: "app" of cdk.json',
  },
  yes: { help: 'go ahead without asking (a terminal is asked, a script is not)' },
  json: { help: 'print exactly one JSON document on standard output' },
  url: { value: '<issuer>', help: 'the authorization server; default: COUNTERSIGN_URL' },
  stack: { value: '<name>', help: 'CloudFormation stack (default Countersign; of "local": all of the app)' },
  region: { value: '<region>', help: 'AWS region; default: AWS_REGION, then the profile' },
  profile: { value: '<name>', help: 'AWS profile; default: AWS_PROFILE' },
  help: { help: 'show this help' },
  version: { help: 'show the version' },
} as const satisfies Record<string, Flag>

export type FlagName = keyof typeof flags

/** The flags of every command that asks a server. */
export const commonFlags = ['json', 'url', 'stack', 'region', 'profile', 'help'] as const satisfies FlagName[]

/** Those that do not say which server is asked. */
export const flagsWithoutServer = ['json', 'help'] as const satisfies FlagName[]

export class GivenFlags {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  has(name: FlagName): boolean {
    return this.#values.has(name)
  }

  value(name: FlagName): string | undefined {
    return this.#values.get(name)?.[0]
  }

  all(name: FlagName): readonly string[] {
    return this.#values.get(name) ?? []
  }

  names(): FlagName[] {
    return [...this.#values.keys()] as FlagName[]
  }
}

export interface ParsedArguments {
  /** The command's words, then its operands. */
  words: string[]
  flags: GivenFlags
  /** Dashed words that are no flag of any command. */
  unknown: string[]
}

/**
 * Flags may stand before, between and after the words. Unknown flags are returned, not refused: what to
 * suggest depends on the command.
 *
 * @throws CommandFailure `invalid_usage` for a missing, superfluous or repeated value
 */
export function parseArguments(args: readonly string[]): ParsedArguments {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: 'value' in flag ? ('string' as const) : ('boolean' as const), ...shortName(name) },
    ]),
  )
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  const words: string[] = []
  const unknown: string[] = []
  const values = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    if (!isFlagName(token.name)) {
      unknown.push(token.rawName)
      continue
    }
    const given = values.get(token.name) ?? []
    if (given.length > 0 && !('repeatable' in flags[token.name]))
      throw usageFailure(`${token.rawName} is given twice`, 'Give it once.')
    values.set(token.name, [...given, checkedValue(token)])
  }
  return { words, unknown, flags: new GivenFlags(values) }
}

function checkedValue(token: {
  name: string
  rawName: string
  value?: string
  inlineValue?: boolean
}): string {
  const flag: Flag = flags[token.name as FlagName]
  if (flag.value === undefined) {
    if (token.value !== undefined)
      throw usageFailure(`${token.rawName} takes no value`, `Write just ${token.rawName}.`)
    return ''
  }
  const swallowed = !token.inlineValue && /^-./.test(token.value ?? '')
  if (token.value === undefined || token.value === '' || swallowed)
    throw usageFailure(
      `${token.rawName} needs a value`,
      swallowed
        ? `If it really begins with a dash: ${token.rawName}=${token.value}`
        : `${token.rawName} ${flag.value}: ${flag.help}.`,
    )
  return token.value
}

function shortName(name: string): { short?: string } {
  return name === 'help' ? { short: 'h' } : {}
}

function isFlagName(name: string): name is FlagName {
  return Object.hasOwn(flags, name)
}

/** The known word that was probably meant: at most two slips away, or begun the same way. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map(candidate => ({ candidate, slips: slipsBetween(word.toLowerCase(), candidate) }))
    .filter(
      ({ candidate, slips }) =>
        slips <= Math.min(2, candidate.length / 2) || (word.length > 2 && candidate.startsWith(word)),
    )
    .sort((left, right) => left.slips - right.slips)
  return best?.candidate
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function slipsBetween(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)]
  const cell = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const best = Math.min(
        cell(row - 1, column) + 1,
        cell(row, column - 1) + 1,
        cell(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? cell(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      )
      rows[row]?.push(best)
    }
  }
  return cell(from.length, to.length)
}
