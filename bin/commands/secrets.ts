import { type AdminClient, connectAsAdministrator, parseId, unexpectedAnswer } from '../admin-client.ts'
import { isClientDocument, isSecretList, secretTable } from '../client-document.ts'
import { type Command, type CommandGroup, operand } from '../command.ts'
import { describeMoment, parseDurationSeconds } from '../duration.ts'
import { CommandFailure, usageFailure } from '../failure.ts'
import type { CommandLineIo } from '../io.ts'
import { keyValues } from '../output.ts'

const longestOverlapSeconds = 30 * 86_400

const rotate: Command = {
  summary: 'add a secret; the old one works on for the overlap',
  operands: ['client_id'],
  flags: ['overlap'],
  details: ['A client has at most two live secrets: with two, it says which one to remove first.'],
  example: 'countersign secrets rotate <client_id> --overlap 24h',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const overlap = parseOverlap(call.flags.value('overlap'))
    const admin = await connectAsAdministrator(call.io, call.flags)
    const document = await addSecret(call.io, admin, { clientId, overlap })
    const { secret_id: id, client_secret: secret, secrets } = document
    if (typeof id !== 'string' || typeof secret !== 'string' || !isSecretList(secrets))
      throw unexpectedAnswer('the server')
    const old = secrets.filter(({ secret_id, expires_at }) => secret_id !== id && expires_at > 0)
    return {
      document,
      text: style =>
        `${keyValues(style, [
          ['client_id', clientId],
          ['secret_id', id],
          ['client_secret', secret],
        ])}\n${secretTable(style, secrets)}`,
      notes: [
        'The secret is shown this once: keep it now.',
        ...old.map(({ secret_id, expires_at }) => `${secret_id} works until ${describeMoment(expires_at)}.`),
      ],
    }
  },
}

function parseOverlap(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseDurationSeconds(text)
  if (seconds !== undefined && seconds <= longestOverlapSeconds) return seconds
  throw usageFailure(
    `"${text}" is not an overlap`,
    'It is 0 to 30 days: a number of seconds, or such as 30m, 24h, 7d.',
  )
}

async function addSecret(
  io: CommandLineIo,
  admin: AdminClient,
  { clientId, overlap }: { clientId: string; overlap: number | undefined },
): Promise<Record<string, unknown>> {
  try {
    return await admin({
      method: 'POST',
      path: ['clients', clientId, 'secrets'],
      body: overlap === undefined ? {} : { overlap_seconds: overlap },
    })
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== 'too_many_secrets') throw error
    const oldest = await oldestLiveSecret(io, admin, clientId)
    throw new CommandFailure(
      error.exitCode,
      {
        code: error.code,
        message: error.message,
        remedy: `When nothing uses the older one any more: countersign secrets remove ${clientId} ${oldest}`,
      },
      { cause: error },
    )
  }
}

async function oldestLiveSecret(io: CommandLineIo, admin: AdminClient, clientId: string): Promise<string> {
  const client = await admin({ method: 'GET', path: ['clients', clientId] }).catch(() => undefined)
  const secrets = isClientDocument(client) ? client.secrets : []
  const now = io.now().getTime() / 1000
  const live = secrets.filter(({ expires_at }) => expires_at === 0 || expires_at > now)
  const [oldest] = live.sort((left, right) => left.created_at - right.created_at)
  return oldest?.secret_id ?? '<secret_id>'
}

const remove: Command = {
  summary: 'remove a secret at once',
  operands: ['client_id', 'secret_id'],
  flags: [],
  details: ['The ids are in "countersign clients show <client_id>".'],
  example: 'countersign secrets remove <client_id> <secret_id>',
  async run(call) {
    const clientId = parseId(operand(call, 0), 'client_id')
    const secretId = parseId(operand(call, 1), 'secret_id')
    const admin = await connectAsAdministrator(call.io, call.flags)
    await admin({ method: 'DELETE', path: ['clients', clientId, 'secrets', secretId] })
    return {
      document: { client_id: clientId, secret_id: secretId, removed: true },
      text: () => `removed ${secretId} of ${clientId}\n`,
    }
  },
}

export const secretCommands: CommandGroup = { rotate, remove }
