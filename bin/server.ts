import type { GivenFlags } from './arguments.ts'
import { findRegion } from './aws-settings.ts'
import { unreachableFailure, usageFailure } from './failure.ts'
import { isLoopback } from './http.ts'
import type { CommandLineIo } from './io.ts'
import { findLocalServer } from './local-server.ts'
import { readStackOutputs } from './stack-outputs.ts'

export interface Server {
  /** Exactly as in the tokens' `iss`. */
  issuer: string
  /** Base URL of the admin API. */
  admin: string
  /** Plain http on this machine: signed with the fixed local credentials, whatever AWS_* says. */
  local: boolean
  /** The region to sign for where it is known before the AWS settings are read. */
  region: string | undefined
}

const defaultStack = 'Countersign'

/**
 * `--url`, COUNTERSIGN_URL, a local server, the stack's outputs, in this order; `--stack`, `--region` or
 * `--profile` can only mean a deployed one and skip the local server.
 */
export async function findServer(io: CommandLineIo, given: GivenFlags): Promise<Server> {
  const near = await findServerNearby(io, given)
  return near ?? serverOfStack(io, given)
}

/** As findServer, but without asking AWS unless a flag says so; undefined when that finds none. */
export async function findServerNearby(io: CommandLineIo, given: GivenFlags): Promise<Server | undefined> {
  const url = given.value('url')
  if (url !== undefined) return serverAt(io, url, '--url')
  if (given.has('stack')) return serverOfStack(io, given)
  if (io.env.COUNTERSIGN_URL) return serverAt(io, io.env.COUNTERSIGN_URL, 'COUNTERSIGN_URL')
  if (given.has('region') || given.has('profile')) return serverOfStack(io, given)
  const local = findLocalServer(io)
  return local && { issuer: local.issuer, admin: local.admin, local: true, region: local.region }
}

function serverAt(io: CommandLineIo, text: string, source: string): Server {
  const issuer = parseIssuer(text, source)
  const url = new URL(issuer)
  const local = url.protocol === 'http:'
  return {
    issuer,
    admin: `${issuer}/admin`,
    local,
    region: local ? regionOfRunning(io, issuer) : regionOfHost(url.hostname),
  }
}

async function serverOfStack(io: CommandLineIo, given: GivenFlags): Promise<Server> {
  const stack = given.value('stack') ?? defaultStack
  const profile = given.value('profile')
  const region = findStackRegion(io, given)
  const outputs = await readStackOutputs(io, { stack, region, profile })
  const issuer = outputs.get('Issuer')
  if (!issuer)
    throw unreachableFailure(
      `stack "${stack}" in ${region} has no output "Issuer"`,
      'Is it a Countersign stack? Name another with --stack, or the server with --url.',
    )
  const parsed = parseIssuer(issuer, `the output "Issuer" of stack "${stack}"`)
  return { issuer: parsed, admin: `${parsed}/admin`, local: new URL(parsed).protocol === 'http:', region }
}

function findStackRegion(io: CommandLineIo, given: GivenFlags): string {
  const asked = ['stack', 'region', 'profile'].some(name => given.has(name as 'stack' | 'region' | 'profile'))
  try {
    return findRegion(io, { region: given.value('region'), profile: given.value('profile') })
  } catch (error) {
    // Nobody spoke of AWS: what is missing is a server, not a region.
    if (asked || given.has('region')) throw error
    throw unreachableFailure(
      'no server: none runs here, and no AWS region is set to look for a deployed one',
      'Start one with "npx countersign local", name one with --url, or set --region or AWS_REGION.',
      { cause: error },
    )
  }
}

/**
 * An issuer as RFC 8414 §2 has it: https, no query, no fragment; plain http on this machine only.
 *
 * @throws CommandFailure `invalid_usage`
 */
export function parseIssuer(text: string, source: string): string {
  const remedy =
    'It is the "issuer" of the metadata, such as https://abc123.execute-api.eu-central-1.amazonaws.com'
  if (!URL.canParse(text)) throw usageFailure(`${source} is not a URL: ${text}`, remedy)
  const url = new URL(text)
  if (url.username || url.password || url.search || url.hash)
    throw usageFailure(`${source} must have no user, query or fragment`, remedy)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url)))
    throw usageFailure(`${source} must be https (plain http is for this machine only): ${text}`, remedy)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

function regionOfHost(hostname: string): string | undefined {
  return /^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1]
}

// A local server may have been started for another region than the default one.
function regionOfRunning(io: CommandLineIo, issuer: string): string {
  try {
    const running = findLocalServer(io)
    if (running?.issuer === issuer) return running.region
  } catch {
    // Another server was named; what became of the one that ran here does not matter.
  }
  return 'us-east-1'
}
