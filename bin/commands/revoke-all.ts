import { connectAsAdministrator, unexpectedAnswer } from '../admin-client.ts'
import type { Command, CommandCall } from '../command.ts'
import { describeMoment } from '../duration.ts'
import { CommandFailure, exitCodes, usageFailure } from '../failure.ts'

export const revokeAll: Command = {
  summary: 'refuse every token of every client issued up to now; clients can get new ones',
  operands: [],
  flags: ['yes'],
  details: [
    'For when nothing that was issued can be trusted any more. Every caller is refused until its client gets a new token,',
    'which the APIs accept some six seconds later. Asks twice on a terminal; a script needs --yes.',
  ],
  example: 'countersign revoke-all --yes',
  async run(call) {
    await confirm(call)
    const admin = await connectAsAdministrator(call.io, call.flags)
    const document = await admin({ method: 'POST', path: ['revoke-all'] })
    const moment = document.revoked_up_to
    if (typeof moment !== 'number') throw unexpectedAnswer('the server')
    return { document, text: () => `revoked every token issued up to ${describeMoment(moment)}\n` }
  },
}

async function confirm({ io, flags }: CommandCall): Promise<void> {
  if (flags.has('yes')) return
  if (!io.stdin.isTTY)
    throw usageFailure('revoke-all asks first, and there is nobody to ask', 'If it is meant, add --yes.')
  const first = await io.ask('Refuse every token of every client, everywhere? [y/N] ')
  if (/^\s*y(es)?\s*$/i.test(first)) {
    const second = await io.ask(
      'This stops every caller until it gets a new token. Type "revoke all" to go on: ',
    )
    if (/^\s*revoke all\s*$/i.test(second)) return
  }
  throw new CommandFailure(exitCodes.failed, {
    code: 'cancelled',
    message: 'nothing was revoked',
    remedy:
      'For the tokens of one client: countersign clients revoke-tokens <client_id>; of one key: countersign keys revoke <kid>',
  })
}
