import type { JsonWebKey } from 'node:crypto'
import type { AdminClient } from '../admin-client.ts'
import { CommandFailure } from '../failure.ts'
import { send, textMember } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { shellWord } from '../output.ts'
import { readEveryPage } from '../pages.ts'
import { isResourceServerDocument, type ResourceServerDocument } from '../resource-server-document.ts'
import { type Finding, fail, notChecked } from './finding.ts'
import {
  type ApiAnswer,
  callApi,
  checkInvalidToken,
  checkTooLittleScope,
  checkValidToken,
  checkWithoutToken,
  isAllowed,
  type ProtectedApi,
} from './protected-api.ts'
import { checkRevocationDelay } from './revocation-delay.ts'
import { type Run, withTemporaryClient } from './temporary-client.ts'
import { checkRefusal, checkToken, type TokenSource, tokenFor } from './tokens.ts'

export interface Deployment {
  io: CommandLineIo
  admin: AdminClient
  issuer: string
  tokenEndpoint: URL
  published: readonly JsonWebKey[]
}

export interface ApiSettings {
  api: URL | undefined
  resource: string | undefined
  scope: string | undefined
  promisedSeconds: number
}

/** What a client of a resource server gets, and what that opens at its API. */
export async function checkTokensAndApi(deployment: Deployment, settings: ApiSettings): Promise<Finding[]> {
  const { io, admin } = deployment
  const api = settings.api && { io, url: settings.api }
  const first = await checkWithoutTokenIfNamed(api)
  const grant = await chooseGrant(deployment, settings).catch(asFinding)
  if ('outcome' in grant) return [grant, ...first.findings]
  return withTemporaryClient({ io, admin }, grant, async (client, run) => {
    const { issuer, tokenEndpoint, published } = deployment
    const source = { io, issuer, tokenEndpoint, published, resource: grant.resource, client }
    const issued = await checkToken(source, grant.scope)
    run.report(...issued.findings, ...(await checkRefusal(source)), ...first.findings)
    if (api === undefined || !first.goOn || issued.token === undefined) return
    const revocation = { admin, token: issued.token, promisedSeconds: settings.promisedSeconds }
    await checkApi(api, { source, scope: grant.scope, revocation }, run).catch(error =>
      run.report(asApiFinding(error)),
    )
  })
}

async function checkWithoutTokenIfNamed(api: ProtectedApi | undefined) {
  if (api !== undefined) return checkWithoutToken(api)
  const found = notChecked('api', 'no protected route is named', 'Name one that answers GET with --api.')
  return { findings: [found], goOn: false }
}

interface ApiCheck {
  source: TokenSource
  scope: string
  revocation: { admin: AdminClient; token: string; promisedSeconds: number }
}

async function checkApi(
  api: ProtectedApi,
  { source, scope, revocation }: ApiCheck,
  { report, signal }: Run,
): Promise<void> {
  report(await checkInvalidToken(api, revocation.token))
  const valid = await checkValidToken(api, revocation.token)
  report(valid)
  if (valid.outcome === 'ok') {
    report(checkTooLittleScope(await answersWithOneScope(api, source, scope)))
    report(await checkRevocationDelay(api, { ...revocation, signal }))
  } else report(notChecked('api.revocation', 'a valid token is not let through to begin with'))
}

/** The most scopes that are tried one by one. */
const tried = 10

/** Calls with a token of one scope at a time, until one is refused. */
async function answersWithOneScope(
  api: ProtectedApi,
  source: TokenSource,
  scope: string,
): Promise<ApiAnswer[]> {
  const answers: ApiAnswer[] = []
  for (const single of scope.split(' ').slice(0, tried)) {
    const token = await tokenFor(source, single)
    if (token === undefined) continue
    const answer = await callApi(api, token)
    answers.push(answer)
    if (!isAllowed(answer)) break
  }
  return answers
}

/**
 * What the temporary client is granted: `--resource`, else what the API says that it is (RFC 9728), else the resource
 * server that is registered; `--scope`, else all scopes of it.
 */
async function chooseGrant(
  { io, admin }: Deployment,
  settings: ApiSettings,
): Promise<{ resource: string; scope: string } | Finding> {
  const servers = await readEveryPage(admin, {
    path: 'resource-servers',
    member: 'resource_servers',
    isEntry: isResourceServerDocument,
  })
  const said = settings.api && (await resourceOf(io, settings.api))
  const named = settings.resource ?? said
  // Otherwise any API could ask for a token for another one.
  if (settings.resource === undefined && said !== undefined && !isAt(said, settings.api))
    return notChecked(
      'token',
      `the API calls itself ${said}, which is another address (RFC 9728 §3.3)`,
      `If that is right: --resource ${shellWord(said)}`,
    )
  const chosen =
    named === undefined ? onlyOne(servers, settings.api) : servers.find(each => each.audience === named)
  if (chosen === undefined)
    // What was asked for and cannot be done is no success.
    return (settings.resource === undefined ? notChecked : fail)(
      'token',
      named !== undefined
        ? `the resource server ${named} is not registered`
        : `no resource server ${servers.length === 0 ? 'is registered' : 'is named'} for the API`,
      servers.length === 0
        ? 'countersign resource-servers create'
        : 'Name one of "countersign resource-servers list" with --resource.',
    )
  const scope = settings.scope ?? chosen.scopes.map(each => each.scope).join(' ')
  return { resource: chosen.audience, scope }
}

function isAt(resource: string, api: URL | undefined): boolean {
  return URL.canParse(resource) && new URL(resource).origin === api?.origin
}

/** Without an API to call, any will do. */
function onlyOne(servers: readonly ResourceServerDocument[], api: URL | undefined) {
  return api === undefined || servers.length === 1 ? servers[0] : undefined
}

async function resourceOf(io: CommandLineIo, api: URL): Promise<string | undefined> {
  try {
    const url = new URL('/.well-known/oauth-protected-resource', api)
    const { status, document } = await send(io, url, {
      method: 'GET',
      headers: { accept: 'application/json' },
    })
    return status === 200 ? textMember(document, 'resource') : undefined
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return undefined
  }
}

function asFinding(error: unknown): Finding {
  if (error instanceof CommandFailure) return fail('token', error.message, error.remedy)
  throw error
}

/** The API is anybody's: a connection that breaks off is a finding, not a crash. */
function asApiFinding(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error)
  const remedy = error instanceof CommandFailure ? error.remedy : 'Try again; see the log of the API.'
  return fail('api', message, remedy)
}
