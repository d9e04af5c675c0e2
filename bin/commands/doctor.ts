import { type AdminClient, administratorOf } from '../admin-client.ts'
import type { GivenFlags } from '../arguments.ts'
import { isClientDocument } from '../client-document.ts'
import type { Command, CommandCall, CommandResult } from '../command.ts'
import { durationOf } from '../cost-usage.ts'
import { checkLeftovers, checkRing, checkSecrets } from '../doctor/administration.ts'
import { checkAlarms } from '../doctor/alarms.ts'
import { checkClock, checkTls } from '../doctor/connection.ts'
import { type Finding, fail, notChecked } from '../doctor/finding.ts'
import { checkDiscovery, checkJwks, type PublishedKeys } from '../doctor/public-documents.ts'
import { countOf, describeExamination, documentOf } from '../doctor/report.ts'
import { checkTokensAndApi } from '../doctor/tokens-and-api.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { isLoopback } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { readEveryPage } from '../pages.ts'
import { findServer, type Server } from '../server.ts'

const day = 86_400

interface Settings {
  api: URL | undefined
  resource: string | undefined
  scope: string | undefined
  promisedSeconds: number
  maxSecretAgeSeconds: number
  rotationSeconds: number
}

export const doctor: Command = {
  summary: 'check a deployment, from outside and with administrator rights',
  operands: [],
  flags: ['api', 'resource', 'scope', 'revocation-delay', 'max-secret-age', 'key-rotation', 'strict'],
  details: [
    'Registers a client for one resource server (--resource, --scope), gets a token, tries what it opens and deletes the',
    'client again, at Ctrl-C too. With --api it calls that GET route some hundred times, while it measures how long a',
    'revoked token is let through. Exit code 1: a check failed; with --strict also when one warns.',
  ],
  example: 'countersign doctor --url <issuer> --api https://api.example.com/orders',
  async run({ io, flags }: CommandCall): Promise<CommandResult> {
    const settings = readSettings(flags)
    const server = await findServer(io, flags)
    const findings = await examine(io, flags, server, settings)
    const examination = { issuer: server.issuer, checkedAt: nowOf(io), findings }
    const isBad = countOf(findings, 'fail') > 0 || (flags.has('strict') && countOf(findings, 'warn') > 0)
    return {
      document: documentOf(examination),
      text: style => describeExamination(style, examination),
      exitCode: isBad ? exitCodes.failed : exitCodes.ok,
    }
  },
}

function readSettings(given: GivenFlags): Settings {
  return {
    api: parseApi(given.value('api')),
    resource: given.value('resource'),
    scope: given.value('scope'),
    promisedSeconds: durationOf(given, 'revocation-delay', 5, { max: 300 }),
    maxSecretAgeSeconds: durationOf(given, 'max-secret-age', 180 * day),
    rotationSeconds: durationOf(given, 'key-rotation', 90 * day),
  }
}

function parseApi(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  // A token is sent there.
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))) return url
  throw usageFailure(
    `--api must be the https URL of a protected route (plain http is for this machine only): ${text}`,
    'For example https://api.example.com/orders',
  )
}

async function examine(
  io: CommandLineIo,
  given: GivenFlags,
  server: Server,
  settings: Settings,
): Promise<Finding[]> {
  const { endpoints, findings: discovery } = await checkDiscovery(io, server.issuer)
  const findings = [...discovery, await checkTls(io, server.issuer)]
  if (endpoints === undefined)
    return [
      ...findings,
      notChecked('everything else', 'without its discovery document nothing is sent to a server'),
    ]
  const published = await checkJwks(io, endpoints.jwks)
  findings.push(...published.findings, await checkClock(io, endpoints.token))

  const admin = await signIn(io, given, server)
  if ('outcome' in admin) findings.push(admin)
  else
    findings.push(
      ...(await checkAdministration(io, admin.client, published, settings)),
      ...(await checkTokensAndApi(
        {
          io,
          admin: admin.client,
          issuer: server.issuer,
          tokenEndpoint: endpoints.token,
          published: published.keys,
        },
        settings,
      )),
    )
  return [...findings, ...(await checkAlarms(io, given, server))]
}

/** Makes sure that the credentials are good for administration before anything is changed with them. */
async function signIn(
  io: CommandLineIo,
  given: GivenFlags,
  server: Server,
): Promise<{ client: AdminClient } | Finding> {
  const check = 'administration'
  try {
    const client = await administratorOf(io, given, server)
    await client({ method: 'GET', path: ['clients'], query: { limit: '1' } })
    return { client }
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    const remedy = `${error.remedy} Without them neither tokens, keys nor secrets are checked.`
    return error.exitCode === exitCodes.credentialsRefused || error.exitCode === exitCodes.usage
      ? notChecked(check, error.message, remedy)
      : fail(check, error.message, error.remedy)
  }
}

async function checkAdministration(
  io: CommandLineIo,
  admin: AdminClient,
  { keys: published }: PublishedKeys,
  { rotationSeconds, maxSecretAgeSeconds: maxAgeSeconds }: Settings,
): Promise<Finding[]> {
  const now = nowOf(io)
  return [
    ...(await orFailure('keys', () => checkRing(admin, { published, rotationSeconds, now }))),
    ...(await orFailure('secrets', async () => {
      const clients = await readEveryPage(admin, {
        path: 'clients',
        member: 'clients',
        isEntry: isClientDocument,
      })
      return [checkSecrets(clients, { maxAgeSeconds, now }), ...checkLeftovers(clients, now)]
    })),
  ]
}

async function orFailure(check: string, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return [fail(check, error.message, error.remedy)]
  }
}

function nowOf(io: CommandLineIo): number {
  return Math.floor(io.now().getTime() / 1000)
}
