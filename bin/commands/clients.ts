import { type AdminClient, connectAsAdministrator, parseId, unexpectedAnswer } from '../admin-client.ts'
import {
  asClient,
  type ClientDocument,
  clientDetails,
  clientTable,
  isClientDocument,
  readClient,
  secretTable,
} from '../client-document.ts'
import {
  bodyOf,
  type ClientSettings,
  keySourceFlags,
  readClientSettings,
  settingFlags,
} from '../client-settings.ts'
import { type Command, type CommandCall, type CommandGroup, type CommandResult, operand } from '../command.ts'
import { describeMoment } from '../duration.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { newKeyNote, registerNewKey } from '../new-key.ts'
import { keyValues, printable } from '../output.ts'
import { readEveryPage } from '../pages.ts'
import { update } from './clients-update.ts'

const create: Command = {
  summary: 'register a client; prints its id and, this once, its secret',
  operands: [],
  flags: settingFlags,
  required: ['name', ['grant', 'resource-server']],
  exclusive: [keySourceFlags],
  details: [
    '--generate-key, --jwks and --jwks-uri mean private_key_jwt: the client proves itself with a key of its own (RFC 7523)',
    'and has no secret. A generated private key is written before the registration is sent, never over another file.',
  ],
  example:
    'countersign clients create --name billing --grant "https://orders.example.com=orders:read orders:write"',
  async run({ io, flags }) {
    const { settings, newKeyFile } = await readClientSettings(io, flags)
    checkKeysOfNew(settings, newKeyFile)
    const admin = await connectAsAdministrator(io, flags)
    if (newKeyFile === undefined) return createdClient(await register(admin, settings), undefined)
    const algorithm = settings.token_endpoint_auth_signing_alg ?? 'ES256'
    const document = await registerNewKey(newKeyFile, algorithm, key =>
      register(admin, {
        ...settings,
        token_endpoint_auth_signing_alg: algorithm,
        jwks: { keys: [key] },
      }),
    )
    return createdClient(document, newKeyFile)
  },
}

function checkKeysOfNew(
  { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: algorithm, ...keys }: ClientSettings,
  newKeyFile: string | undefined,
): void {
  const hasKeys = newKeyFile !== undefined || keys.jwks !== undefined || keys.jwks_uri !== undefined
  if (hasKeys || (method !== 'private_key_jwt' && !algorithm)) return
  throw usageFailure(
    `${method === 'private_key_jwt' ? method : '--signing-alg'} needs keys`,
    'Add --generate-key, --jwks or --jwks-uri.',
  )
}

async function register(admin: AdminClient, settings: ClientSettings): Promise<ClientDocument> {
  const document = asClient(await admin({ method: 'POST', path: ['clients'], body: bodyOf(settings) }))
  const hasKeys = document.token_endpoint_auth_method === 'private_key_jwt'
  if (hasKeys || typeof document.client_secret === 'string') return document
  throw unexpectedAnswer('the server')
}

function createdClient(document: ClientDocument, newKeyFile: string | undefined): CommandResult {
  const secret = document.client_secret
  if (secret !== undefined)
    return {
      document,
      text: style => `${keyValues(style, [['client_secret', secret]])}${clientDetails(style, document)}`,
      notes: ['The secret is shown this once: keep it now.'],
    }
  return {
    document,
    text: style => clientDetails(style, document),
    notes: newKeyFile === undefined ? [] : [newKeyNote(newKeyFile)],
  }
}

const list: Command = {
  summary: 'list every client',
  operands: [],
  flags: [],
  example: 'countersign clients list --json',
  async run({ io, flags }) {
    const admin = await connectAsAdministrator(io, flags)
    const clients = await readEveryPage(admin, {
      path: 'clients',
      member: 'clients',
      isEntry: isClientDocument,
    })
    return {
      document: { clients },
      text: style => (clients.length === 0 ? '' : clientTable(style, clients)),
      notes: clients.length === 0 ? ['No client is registered.'] : [],
    }
  },
}

const show: Command = {
  summary: 'show a client, its keys and the ids of its secrets',
  operands: ['client_id'],
  flags: [],
  example: 'countersign clients show <client_id>',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const client = await readClient(await connectAsAdministrator(call.io, call.flags), clientId)
    return {
      document: client,
      text: style => {
        const hasOnlyKeys =
          client.token_endpoint_auth_method === 'private_key_jwt' && client.secrets.length === 0
        const secrets = hasOnlyKeys ? '' : `\n${secretTable(style, client.secrets, { withLastUse: true })}`
        return `${clientDetails(style, client)}${secrets}`
      },
    }
  },
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
