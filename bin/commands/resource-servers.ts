import { connectAsAdministrator } from '../admin-client.ts'
import { bodyOf, parseAudience, parseLifetime } from '../client-settings.ts'
import { type Command, type CommandCall, type CommandGroup, type CommandResult, operand } from '../command.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { printable } from '../output.ts'
import { readEveryPage } from '../pages.ts'
import {
  asResourceServer,
  isResourceServerDocument,
  pathOf,
  type RegisteredScope,
  type ResourceServerDocument,
  readResourceServer,
  resourceServerDetails,
  resourceServerTable,
} from '../resource-server-document.ts'
import { changeOnVersion } from '../version-conflict.ts'

const allowExample = '--allow "orders:read=Read orders" --allow orders:write'

const create: Command = {
  summary: 'register an API: its audience and the scopes that it knows',
  operands: [],
  flags: ['audience', 'allow', 'lifetime'],
  required: ['audience', 'allow'],
  details: [
    'Clients can be granted its scopes then: countersign clients create --grant "<audience>=<scope scope>"',
  ],
  example: `countersign resource-servers create --audience https://orders.example.com ${allowExample}`,
  async run({ io, flags }) {
    const body = {
      audience: parseAudience(flags.value('audience') ?? ''),
      scopes: parseScopes(flags.all('allow')).map(({ scope, description = '' }) => ({ scope, description })),
      ...lifetimeMember(flags.value('lifetime')),
    }
    const admin = await connectAsAdministrator(io, flags)
    return detailsOf(
      asResourceServer(await admin({ method: 'POST', path: ['resource-servers'], body: bodyOf(body) })),
    )
  },
}

const list: Command = {
  summary: 'list every resource server',
  operands: [],
  flags: [],
  example: 'countersign resource-servers list --json',
  async run({ io, flags }) {
    const admin = await connectAsAdministrator(io, flags)
    const servers = await readEveryPage(admin, {
      path: 'resource-servers',
      member: 'resource_servers',
      isEntry: isResourceServerDocument,
    })
    return {
      document: { resource_servers: servers },
      text: style => (servers.length === 0 ? '' : resourceServerTable(style, servers)),
      notes: servers.length === 0 ? ['No resource server is registered.'] : [],
    }
  },
}

const show: Command = {
  summary: 'show a resource server and its scopes',
  operands: ['audience'],
  flags: [],
  example: 'countersign resource-servers show https://orders.example.com',
  async run(call) {
    const audience = parseAudience(operand(call, 0))
    return detailsOf(await readResourceServer(await connectAsAdministrator(call.io, call.flags), audience))
  },
}

const update: Command = {
  summary: "change a resource server's scopes or token lifetime",
  operands: ['audience'],
  flags: ['allow', 'lifetime'],
  required: [['allow', 'lifetime']],
  details: [
    '--allow replaces all scopes; one that stays keeps its description unless another is given ("scope=" empties it).',
    'A scope that a client is granted cannot go. --lifetime default goes back to what the server decides.',
  ],
  example: `countersign resource-servers update https://orders.example.com ${allowExample}`,
  async run(call) {
    const audience = parseAudience(operand(call, 0))
    const scopes = call.flags.has('allow') ? parseScopes(call.flags.all('allow')) : undefined
    const lifetime = lifetimeMember(call.flags.value('lifetime'))
    const admin = await connectAsAdministrator(call.io, call.flags)
    const read = () => readResourceServer(admin, audience)
    const updated = await changeOnVersion(await read(), {
      read,
      replace: async current => {
        const body = bodyOf({
          scopes: scopes === undefined ? current.scopes : describedAsBefore(scopes, current.scopes),
          access_token_lifetime: current.access_token_lifetime,
          ...lifetime,
          version: current.version,
        })
        return asResourceServer(await admin({ method: 'PUT', path: pathOf(audience), body }))
      },
      touchesSame: (before, now) =>
        (scopes !== undefined && JSON.stringify(before.scopes) !== JSON.stringify(now.scopes)) ||
        ('access_token_lifetime' in lifetime && before.access_token_lifetime !== now.access_token_lifetime),
      what: 'resource server',
      look: 'countersign resource-servers show <audience>',
    })
    return detailsOf(updated)
  },
}

const remove: Command = {
  summary: 'delete a resource server that no client is granted',
  operands: ['audience'],
  flags: ['yes'],
  details: [
    'Asks first on a terminal; a script is not asked. Tokens already issued for it work until they expire.',
  ],
  example: 'countersign resource-servers delete https://orders.example.com --yes',
  async run(call) {
    const audience = parseAudience(operand(call, 0))
    const admin = await connectAsAdministrator(call.io, call.flags)
    if (call.io.stdin.isTTY && !call.flags.has('yes'))
      await confirmDeletion(call, await readResourceServer(admin, audience))
    await admin({ method: 'DELETE', path: pathOf(audience) })
    return { document: { audience, deleted: true }, text: () => `deleted ${printable(audience)}\n` }
  },
}

async function confirmDeletion({ io }: CommandCall, { audience }: ResourceServerDocument): Promise<void> {
  const answer = await io.ask(`Delete ${printable(audience)} and its scopes? [y/N] `)
  if (/^\s*y(es)?\s*$/i.test(answer)) return
  throw new CommandFailure(exitCodes.failed, {
    code: 'cancelled',
    message: 'nothing was deleted',
    remedy: 'Look at it with "countersign resource-servers show <audience>".',
  })
}

export const resourceServerCommands: CommandGroup = { create, list, show, update, delete: remove }

interface GivenScope {
  scope: string
  /** undefined: not said. */
  description: string | undefined
}

// A description may well contain "=": the first one divides.
function parseScopes(texts: readonly string[]): GivenScope[] {
  const scopes = texts.map(text => {
    const [, scope = '', description] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope.trim()))
      throw usageFailure(`"${text}" is not a scope`, `One scope, and perhaps what it allows: ${allowExample}`)
    return { scope: scope.trim(), description: description?.trim() }
  })
  const twice = scopes.find(({ scope }, at) => scopes.findIndex(entry => entry.scope === scope) !== at)
  if (twice) throw usageFailure(`the scope ${twice.scope} is given twice`, 'Give it once.')
  return scopes
}

function describedAsBefore(
  scopes: readonly GivenScope[],
  before: readonly RegisteredScope[],
): RegisteredScope[] {
  return scopes.map(({ scope, description }) => ({
    scope,
    description: description ?? before.find(entry => entry.scope === scope)?.description ?? '',
  }))
}

function lifetimeMember(text: string | undefined): { access_token_lifetime?: number | null } {
  return text === undefined ? {} : { access_token_lifetime: parseLifetime(text) }
}

function detailsOf(server: ResourceServerDocument): CommandResult {
  return { document: server, text: style => resourceServerDetails(style, server) }
}
