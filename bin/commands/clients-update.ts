import { type AdminClient, connectAsAdministrator, parseId } from '../admin-client.ts'
import { asClient, type ClientDocument, clientDetails, readClient } from '../client-document.ts'
import { registeredAlgorithm, replacementOf, touchesSame } from '../client-replacement.ts'
import { type ClientSettings, keySourceFlags, readClientSettings, settingFlags } from '../client-settings.ts'
import { type Command, operand } from '../command.ts'
import { usageFailure } from '../failure.ts'
import { newKeyNote, registerNewKey } from '../new-key.ts'
import { changeOnVersion } from '../version-conflict.ts'

export const update: Command = {
  summary: "change a client's name, grants, keys, authentication method or lifetime",
  operands: ['client_id'],
  flags: settingFlags,
  exclusive: [keySourceFlags],
  details: [
    '--grant replaces all grants; what is not named stays. Tokens already issued keep their scope.',
    '--generate-key, --jwks and --jwks-uri replace every key of the client, and mean private_key_jwt. To let an old key',
    'work on for a while, register the old and the new one together with --jwks.',
    'Another --auth-method than private_key_jwt drops the keys.',
    '--lifetime default and --signing-alg default go back to what the server decides; --resource-server none to none.',
  ],
  example:
    'countersign clients update <client_id> --grant "https://orders.example.com=orders:read orders:write"',
  async run({ io, flags, operands }) {
    const clientId = parseId(operand({ io, flags, operands }, 0), 'client_id')
    const { settings, newKeyFile } = await readClientSettings(io, flags)
    if (Object.keys(settings).length === 0)
      throw usageFailure('nothing to change', `Name at least one of --${settingFlags.join(', --')}.`)
    const admin = await connectAsAdministrator(io, flags)
    const before = await readClient(admin, clientId)
    if (newKeyFile === undefined) checkKeysAfter(before, settings)
    const after =
      newKeyFile === undefined
        ? await change(admin, before, settings)
        : await changeKey(admin, before, settings, newKeyFile)
    return {
      document: after,
      text: style => clientDetails(style, after),
      notes: notesOf(before, after, settings, newKeyFile),
    }
  },
}

function change(
  admin: AdminClient,
  client: ClientDocument,
  settings: ClientSettings,
): Promise<ClientDocument> {
  return changeOnVersion(client, {
    read: () => readClient(admin, client.client_id),
    replace: async current =>
      asClient(
        await admin({
          method: 'PUT',
          path: ['clients', client.client_id],
          body: replacementOf(current, settings),
        }),
      ),
    touchesSame: (before, now) => touchesSame(before, now, settings),
    what: 'client',
    look: 'countersign clients show <client_id>',
  })
}

/** A new key is for what the client signs with already, unless a flag says otherwise. */
function changeKey(
  admin: AdminClient,
  client: ClientDocument,
  settings: ClientSettings,
  file: string,
): Promise<ClientDocument> {
  const { token_endpoint_auth_signing_alg: named = registeredAlgorithm(client) } = settings
  const algorithm = named ?? 'ES256'
  return registerNewKey(file, algorithm, key =>
    change(admin, client, {
      ...settings,
      token_endpoint_auth_signing_alg: algorithm,
      jwks: { keys: [key] },
    }),
  )
}

function checkKeysAfter(
  client: ClientDocument,
  { token_endpoint_auth_method: method, ...keys }: ClientSettings,
) {
  const hasKeys = [keys, client].some(source => source.jwks !== undefined || source.jwks_uri !== undefined)
  if (method !== 'private_key_jwt' || hasKeys) return
  throw usageFailure(
    'private_key_jwt needs keys, and the client has none',
    'Add --generate-key, --jwks or --jwks-uri.',
  )
}

function notesOf(
  before: ClientDocument,
  after: ClientDocument,
  settings: ClientSettings,
  newKeyFile: string | undefined,
): string[] {
  const notes: string[] = []
  const hasNewKeys =
    newKeyFile !== undefined || settings.jwks !== undefined || settings.jwks_uri !== undefined
  const hadKeys = before.token_endpoint_auth_method === 'private_key_jwt'
  const hasKeys = after.token_endpoint_auth_method === 'private_key_jwt'
  if (newKeyFile !== undefined) notes.push(newKeyNote(newKeyFile))
  if (hadKeys && hasNewKeys) notes.push('Any other key of the client is refused from now on.')
  if (!hadKeys && hasKeys)
    notes.push('It authenticates with private_key_jwt from now on; its secrets are refused.')
  if (hadKeys && !hasKeys) notes.push(`Its keys are gone.${secretNote(after)}`)
  return notes
}

function secretNote({ client_id: clientId, secrets }: ClientDocument): string {
  return secrets.length > 0 ? '' : ` It has no secret yet: countersign secrets rotate ${clientId}`
}
