import { digestSecret, formatSecret } from '../client-secret.ts'
import { epochSeconds } from '../clock.ts'
import { Unavailable } from '../unavailable.ts'
import { type ChangePorts, changeClient } from './change-client.ts'
import { earlier } from './client-administration.ts'
import { type ClientRecord, liveSecrets } from './client-record.ts'
import { type ClientCredentials, parseCredentials, type SecretVault } from './secret-vault.ts'

// How a client gets a new secret without a moment in which the one that programs read is refused: it is stored as
// pending (1), taken by the client (2), made the current one (3), and only then do the others expire (4). Each step finds
// what is done already, so that whoever was cut off anywhere, or runs twice at once, completes it by repeating all. In
// the end the pending version is the current one, which is how Secrets Manager knows that no rotation is under way.

export interface IssuePorts extends ChangePorts {
  readonly vault: SecretVault
  readonly randomBytes: (size: number) => Uint8Array
}

/**
 * 1. The version holds the secret; the one that an earlier or simultaneous run put there, where there is one.
 *
 * @param kept the secret that goes on, with other members beside it; undefined = a new one is made
 */
export async function storeSecret(
  { vault, randomBytes }: IssuePorts,
  secretArn: string,
  versionId: string,
  members: object,
  kept?: ClientCredentials,
): Promise<ClientCredentials> {
  const secret_id = kept?.secret_id ?? Buffer.from(randomBytes(8)).toString('hex')
  const client_secret = kept?.client_secret ?? formatSecret(randomBytes(32))
  const value = JSON.stringify({ ...members, secret_id, client_secret })
  if (await vault.put(secretArn, { versionId, value })) return parseCredentials(value)
  const first = await vault.version(secretArn, versionId)
  if (first === undefined) throw new Unavailable('secrets')
  return parseCredentials(first.value)
}

/** 2. The client takes the secret beside the current one; any other is given up, since it has two at most. */
export async function takeSecret(
  ports: IssuePorts,
  secret: ClientCredentials,
  currentSecretId: string | undefined,
): Promise<void> {
  const { client_id: clientId, client_secret: text, secret_id: secretId } = secret
  // Where what is stored says nothing of this client's secrets, programs are likely to have the newest.
  const kept = ({ secrets }: ClientRecord) => {
    const others = secrets.filter(each => each.secretId !== secretId)
    return others.find(each => each.secretId === currentSecretId) ?? others.at(-1)
  }
  const record = { secretId, createdAt: epochSeconds(ports.clock), expiresAt: undefined }
  await changeClient(
    ports,
    clientId,
    current => {
      if (current.secrets.some(each => each.secretId === secretId && each.expiresAt === undefined)) return {}
      return { secrets: [kept(current) ?? [], record].flat() }
    },
    current => ({
      add: { secretId, digest: digestSecret(text) },
      remove: current.secrets
        .map(each => each.secretId)
        .filter(id => id !== secretId && id !== kept(current)?.secretId),
    }),
  )
}

/** 3. Programs read it from now on. */
export async function makeSecretCurrent(
  { vault }: IssuePorts,
  secretArn: string,
  versionId: string,
): Promise<void> {
  const current = await vault.current(secretArn)
  if (current?.versionId !== versionId) await vault.makeCurrent(secretArn, versionId, current?.versionId)
}

/** 4. This one has no end; the client's others end when the overlap is over, or when they were to end before. */
export async function expireOtherSecrets(
  ports: ChangePorts,
  clientId: string,
  secretId: string,
  overlapSeconds: number,
): Promise<void> {
  const end = epochSeconds(ports.clock) + overlapSeconds
  await changeClient(ports, clientId, current => {
    if (!hasLiveSecret(current, secretId, epochSeconds(ports.clock))) return {}
    const secrets = current.secrets.map(each => ({
      ...each,
      expiresAt: each.secretId === secretId ? undefined : earlier(each.expiresAt, end),
    }))
    const isSame = secrets.every((each, index) => each.expiresAt === current.secrets[index]?.expiresAt)
    return isSame ? {} : { secrets }
  })
}

export function hasLiveSecret(client: ClientRecord, secretId: string, nowSeconds: number): boolean {
  return liveSecrets(client, nowSeconds).some(each => each.secretId === secretId)
}
