import { connectAsAdministrator } from '../admin-client.ts'
import { type Command, type CommandCall, type CommandGroup, type CommandResult, operand } from '../command.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'
import { asKeys, keyTable } from '../key-document.ts'

const list: Command = {
  summary: 'list the signing keys, from standby to retiring',
  operands: [],
  flags: [],
  example: 'countersign keys list',
  async run({ io, flags }) {
    const admin = await connectAsAdministrator(io, flags)
    return keysOf(await admin({ method: 'GET', path: ['keys'] }))
  },
}

const rotate: Command = {
  summary: 'sign with the standby key from now on; tokens of the old one stay valid until they expire',
  operands: [],
  flags: [],
  details: [
    'The keys rotate by themselves; this does it now. Refused while the standby key is younger than what verifiers keep',
    'the old JWKS for, some six minutes, since they would refuse its tokens. For a leaked key: countersign keys revoke',
  ],
  example: 'countersign keys rotate',
  async run({ io, flags }) {
    const admin = await connectAsAdministrator(io, flags)
    return keysOf(await admin({ method: 'POST', path: ['keys', 'rotate'] }))
  },
}

const revoke: Command = {
  summary: 'refuse every token of a signing key, within seconds; another key signs',
  operands: ['kid'],
  flags: ['yes'],
  details: [
    'For a key that leaked. Clients get new tokens at once; a verifier of others, which does not ask for revocations,',
    'accepts the old ones until it reads the JWKS again, five minutes at most. Asks first on a terminal.',
  ],
  example: 'countersign keys revoke <kid> --yes',
  async run(call) {
    const kid = parseKid(operand(call, 0))
    const admin = await connectAsAdministrator(call.io, call.flags)
    await confirm(call, kid)
    const result = keysOf(await admin({ method: 'POST', path: ['keys', kid, 'revoke'] }))
    return { ...result, notes: [`Every token of ${kid} is refused.`] }
  },
}

function keysOf(document: Record<string, unknown>): CommandResult {
  const keys = asKeys(document)
  return { document: { keys }, text: style => keyTable(style, keys) }
}

function parseKid(text: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(text)) return text
  throw usageFailure('that is not a kid', '"countersign keys list" shows the keys.')
}

async function confirm({ io, flags }: CommandCall, kid: string): Promise<void> {
  if (flags.has('yes') || !io.stdin.isTTY) return
  const answer = await io.ask(`Refuse every token of the key ${kid}? [y/N] `)
  if (/^\s*y(es)?\s*$/i.test(answer)) return
  throw new CommandFailure(exitCodes.failed, {
    code: 'cancelled',
    message: 'nothing was revoked',
    remedy: 'To change keys without refusing tokens: countersign keys rotate',
  })
}

export const keyCommands: CommandGroup = { list, rotate, revoke }
