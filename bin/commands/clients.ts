import { type AdminClient, connectAsAdministrator, parseId, unexpectedAnswer } from '../admin-client.ts'
import {
  type ClientDocument,
  clientDetails,
  clientTable,
  isClientDocument,
  secretTable,
} from '../client-document.ts'
import { type ClientSettings, parseClientSettings } from '../client-settings.ts'
import { type Command, type CommandCall, type CommandGroup, type CommandResult, operand } from '../command.ts'
import { describeMoment } from '../duration.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { keyValues, printable } from '../output.ts'

const settingFlags = ['name', 'grant', 'auth-method', 'lifetime'] as const
const grantExample = '--grant "https://orders.example.com=orders:read orders:write"'

const create: Command = {
  summary: 'register a client; prints its id and, this once, its secret',
  operands: [],
  flags: settingFlags,
  required: ['name', 'grant'],
  example: `countersign clients create --name billing ${grantExample}`,
  async run({ io, flags }) {
    const { access_token_lifetime: lifetime, ...settings } = parseClientSettings(flags)
    const admin = await connectAsAdministrator(io, flags)
    const document = await admin({
      method: 'POST',
      path: ['clients'],
      body: { ...settings, ...(typeof lifetime === 'number' ? { access_token_lifetime: lifetime } : {}) },
    })
    const secret = document.client_secret
    if (!isClientDocument(document) || typeof secret !== 'string') throw unexpectedAnswer('the server')
    return {
      document,
      text: style => `${keyValues(style, [['client_secret', secret]])}${clientDetails(style, document)}`,
      notes: ['The secret is shown this once: keep it now.'],
    }
  },
}

const list: Command = {
  summary: 'list every client',
  operands: [],
  flags: [],
  example: 'countersign clients list --json',
  async run({ io, flags }) {
    const clients = await readEveryClient(await connectAsAdministrator(io, flags))
    return {
      document: { clients },
      text: style => (clients.length === 0 ? '' : clientTable(style, clients)),
      notes: clients.length === 0 ? ['No client is registered.'] : [],
    }
  },
}

async function readEveryClient(admin: AdminClient): Promise<ClientDocument[]> {
  const clients: ClientDocument[] = []
  const seen = new Set<string>()
  let next: string | undefined
  do {
    const page = await admin({
      method: 'GET',
      path: ['clients'],
      query: { limit: '100', ...(next === undefined ? {} : { next_token: next }) },
    })
    if (!Array.isArray(page.clients) || !page.clients.every(isClientDocument))
      throw unexpectedAnswer('the server')
    clients.push(...page.clients)
    next = typeof page.next_token === 'string' ? page.next_token : undefined
    // A server that repeats a page would be asked for ever.
    if (next !== undefined && seen.has(next)) throw unexpectedAnswer('the server')
    if (next !== undefined) seen.add(next)
  } while (next !== undefined)
  return clients
}

const show: Command = {
  summary: 'show a client and the ids of its secrets',
  operands: ['client_id'],
  flags: [],
  example: 'countersign clients show <client_id>',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const client = await readClient(await connectAsAdministrator(call.io, call.flags), clientId)
    return {
      document: client,
      text: style =>
        `${clientDetails(style, client)}\n${secretTable(style, client.secrets, { withLastUse: true })}`,
    }
  },
}

const update: Command = {
  summary: "change a client's name, grants, authentication method or lifetime",
  operands: ['client_id'],
  flags: settingFlags,
  details: [
    '--grant replaces all grants; what is not named stays. Tokens already issued keep their scope.',
    '--lifetime default goes back to what the server decides.',
  ],
  example: `countersign clients update <client_id> ${grantExample}`,
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const settings = parseClientSettings(call.flags)
    if (Object.keys(settings).length === 0)
      throw usageFailure(
        'nothing to change',
        'Name at least one of --name, --grant, --auth-method, --lifetime.',
      )
    const admin = await connectAsAdministrator(call.io, call.flags)
    const before = await readClient(admin, clientId)
    try {
      return detailsOf(await replaceClient(admin, before, settings))
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.code !== 'conflict') throw error
      const now = await readClient(admin, clientId)
      // Somebody changed something else: both changes hold. The same thing: a person has to choose.
      const sameMembers = (Object.keys(settings) as (keyof ClientSettings)[]).every(
        member => JSON.stringify(before[member]) === JSON.stringify(now[member]),
      )
      if (sameMembers) return detailsOf(await replaceClient(admin, now, settings).catch(reportConflict))
      return reportConflict(error)
    }
  },
}

/** Full replacement (RFC 7592 §2.2), bound to the version that was read. */
async function replaceClient(
  admin: AdminClient,
  client: ClientDocument,
  settings: ClientSettings,
): Promise<ClientDocument> {
  const merged = {
    client_name: client.client_name,
    grants: client.grants,
    token_endpoint_auth_method: client.token_endpoint_auth_method,
    access_token_lifetime: client.access_token_lifetime,
    ...settings,
    version: client.version,
  }
  const { access_token_lifetime: lifetime, ...others } = merged
  return asClient(
    await admin({
      method: 'PUT',
      path: ['clients', client.client_id],
      body: { ...others, ...(typeof lifetime === 'number' ? { access_token_lifetime: lifetime } : {}) },
    }),
  )
}

function reportConflict(cause: unknown): never {
  if (!(cause instanceof CommandFailure) || cause.code !== 'conflict') throw cause
  throw new CommandFailure(
    exitCodes.failed,
    {
      code: 'conflict',
      message: 'the client was changed by somebody else meanwhile; nothing was updated',
      remedy: 'Look at it with "countersign clients show <client_id>", then try again.',
    },
    { cause },
  )
}

const disable = statusCommand('disable', 'refuse the client and, within seconds, every token it holds')
const enable = statusCommand('enable', 'let a disabled client in again; its older tokens stay refused')

function statusCommand(action: 'disable' | 'enable', summary: string): Command {
  return {
    summary,
    operands: ['client_id'],
    flags: [],
    example: `countersign clients ${action} <client_id>`,
    async run(call) {
      const clientId = parseId(operand(call, 0), 'client_id')
      const admin = await connectAsAdministrator(call.io, call.flags)
      const client = asClient(await admin({ method: 'POST', path: ['clients', clientId, action] }))
      return {
        document: client,
        text: () => `${action}d ${printable(`${client.client_id} (${client.client_name})`)}\n`,
      }
    },
  }
}

const remove: Command = {
  summary: 'delete a client for good; its tokens are refused within seconds',
  operands: ['client_id'],
  flags: ['yes'],
  details: ['Asks first on a terminal; a script is not asked.'],
  example: 'countersign clients delete <client_id> --yes',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const admin = await connectAsAdministrator(call.io, call.flags)
    if (call.io.stdin.isTTY && !call.flags.has('yes'))
      await confirmDeletion(call, await readClient(admin, clientId))
    await admin({ method: 'DELETE', path: ['clients', clientId] })
    return { document: { client_id: clientId, deleted: true }, text: () => `deleted ${clientId}\n` }
  },
}

async function confirmDeletion({ io }: CommandCall, client: ClientDocument): Promise<void> {
  const who = printable(`${client.client_id} (${client.client_name})`)
  const answer = await io.ask(`Delete ${who}? This cannot be undone. [y/N] `)
  if (/^\s*y(es)?\s*$/i.test(answer)) return
  throw new CommandFailure(exitCodes.failed, {
    code: 'cancelled',
    message: 'nothing was deleted',
    remedy: 'To shut a client out for a while: countersign clients disable <client_id>',
  })
}

const revokeTokens: Command = {
  summary: 'refuse every token issued to the client up to now; it can get new ones',
  operands: ['client_id'],
  flags: [],
  example: 'countersign clients revoke-tokens <client_id>',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const admin = await connectAsAdministrator(call.io, call.flags)
    const document = await admin({ method: 'POST', path: ['clients', clientId, 'revoke-tokens'] })
    const moment = document.revoked_up_to
    if (typeof moment !== 'number') throw unexpectedAnswer('the server')
    return {
      document,
      text: () => `revoked every token of ${clientId} issued up to ${describeMoment(moment)}\n`,
    }
  },
}

export const clientCommands: CommandGroup = {
  create,
  list,
  show,
  update,
  disable,
  enable,
  delete: remove,
  'revoke-tokens': revokeTokens,
}

async function readClient(admin: AdminClient, clientId: string): Promise<ClientDocument> {
  return asClient(await admin({ method: 'GET', path: ['clients', clientId] }))
}

function asClient(document: Record<string, unknown>): ClientDocument {
  if (!isClientDocument(document)) throw unexpectedAnswer('the server')
  return document
}

function detailsOf(client: ClientDocument): CommandResult {
  return { document: client, text: style => clientDetails(style, client) }
}
