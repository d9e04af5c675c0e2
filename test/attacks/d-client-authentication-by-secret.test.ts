import { createHash, generateKeyPairSync } from 'node:crypto'
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { digestSecret } from '../../lambda/oauth/client-secret.ts'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import { orders, type RegisteredClient } from '../flow/local-stack.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { endpointNames, useAttackedEndpoints } from './support/attacked-endpoints.ts'
import type { DecidedAnswer } from './support/attacked-stack.ts'

const attackedEndpoints = useAttackedEndpoints()
const register = (metadata?: Record<string, unknown>) => attackedEndpoints().register(metadata)
const stack = () => attackedEndpoints().attacked.stack
const unknownId = '0123456789abcdef0123456789abcdef'
const grants = [{ resource: orders, scope: 'orders:read' }]

const inBody = ({ client_id, client_secret }: Pick<RegisteredClient, 'client_id' | 'client_secret'>) =>
  new URLSearchParams({ client_id, client_secret }).toString()

/** At all three endpoints, which count failures together. */
async function refused(
  client: Pick<RegisteredClient, 'client_id' | 'client_secret'>,
  reason: RefusalReason,
): Promise<DecidedAnswer> {
  const answers: DecidedAnswer[] = []
  for (const endpoint of endpointNames)
    answers.push(await attackedEndpoints().refused(endpoint, { client }, reason))
  const [first, ...others] = answers
  if (first === undefined) throw new Error('there is no endpoint')
  for (const other of others) expect(seen(other)).toEqual(seen(first))
  return first
}

async function allowed(client: Pick<RegisteredClient, 'client_id' | 'client_secret'>): Promise<void> {
  for (const endpoint of endpointNames) await attackedEndpoints().allowed(endpoint, { client })
}

/** All that a client sees: what differs from one answer to the next of the same kind is left out. */
function seen({ status, headers, body }: DecidedAnswer) {
  const fields = Object.fromEntries(headers)
  for (const name of ['date', 'apigw-requestid']) delete fields[name]
  return { status, fields, body }
}

async function newSecret(client: RegisteredClient, overlapSeconds: number): Promise<RegisteredClient> {
  const path = `/clients/${client.client_id}/secrets`
  const { status, body } = await stack().admin('POST', path, { overlap_seconds: overlapSeconds })
  expect(status).toBe(201)
  const renewed = { ...client, client_secret: String(body.client_secret) }
  attackedEndpoints().keep(renewed)
  return renewed
}

/** Gives a client a secret that the server would never make, as one that was imported has. */
async function setSecret(client: RegisteredClient, text: string): Promise<RegisteredClient> {
  const { aws, tables } = stack().endpoints
  const update = new UpdateItemCommand({
    TableName: tables.Clients,
    Key: { client_id: { S: client.client_id } },
    UpdateExpression: 'SET secret_digests.#id = :digest',
    ExpressionAttributeNames: { '#id': client.secrets[0]?.secret_id ?? '' },
    ExpressionAttributeValues: { ':digest': { B: digestSecret(text) } },
  })
  await storeClient(aws.dynamodb).send(update)
  const changed = { ...client, client_secret: text }
  attackedEndpoints().keep(changed)
  return changed
}

describe('a client', () => {
  it('D1: that presents nothing is invalid_client, with a challenge (RFC 6749 §5.2)', async () => {
    for (const endpoint of endpointNames) {
      const answer = await attackedEndpoints().refused(endpoint, {}, 'credentials_missing')
      expect(answer.headers.get('www-authenticate')).toBe('Basic realm="countersign", charset="UTF-8"')
      expect(answer.event).not.toHaveProperty('clientId')
    }
  })

  it.each<[string, (secret: string, client: RegisteredClient) => string]>([
    ['another first character', secret => `d${secret.slice(1)}`],
    ['another last character', secret => secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A')],
    ['another character in the middle', secret => `${secret.slice(0, 30)}-_${secret.slice(32)}`],
    ['all but its last character', secret => secret.slice(0, -1)],
    ['all but its first character', secret => secret.slice(1)],
    ['its prefix', secret => secret.slice(0, 5)],
    ['all but its checksum', secret => secret.slice(0, -6)],
    ['all but its prefix', secret => secret.slice(5)],
    ['lower case', secret => secret.toLowerCase()],
    ['upper case', secret => secret.toUpperCase()],
    ['the reverse', secret => [...secret].reverse().join('')],
    ['one space', () => ' '],
    ['the identifier of the client', (_, client) => client.client_id],
    ['the identifier of the secret', (_, client) => client.secrets[0]?.secret_id ?? ''],
    ['the stored digest in hex', secret => createHash('sha256').update(secret).digest('hex')],
    ['the stored digest in base64', secret => createHash('sha256').update(secret).digest('base64')],
    ['a secret that nobody has', () => `ctsn_${'A'.repeat(49)}`],
  ])('D2: is not taken for itself with %s instead of the secret', async (_, change) => {
    const client = await register()
    const wrong = { ...client, client_secret: change(client.client_secret, client) }
    const { event } = await refused(wrong, 'secret_wrong')
    expect(event.clientId).toBe(client.client_id)
    await allowed(client)
  })

  it('D2: is not taken for itself with the secret of another', async () => {
    const [one, other] = [await register(), await register()]
    await refused({ ...one, client_secret: other.client_secret }, 'secret_wrong')
    await refused({ ...other, client_secret: one.client_secret }, 'secret_wrong')
  })

  it('D3, D4: that is unknown, disabled, deleted or out of date gets the answer of a wrong secret', async () => {
    const client = await register()
    const wrong = await refused({ ...client, client_secret: `${client.client_secret}x` }, 'secret_wrong')
    const unknown = await refused({ ...client, client_id: unknownId }, 'client_unknown')
    expect(unknown.event).not.toHaveProperty('clientId')

    const disabled = await register()
    expect((await stack().admin('POST', `/clients/${disabled.client_id}/disable`)).status).toBe(200)
    const withRight = await refused(disabled, 'client_disabled')
    const withWrong = await refused({ ...disabled, client_secret: client.client_secret }, 'secret_wrong')

    const deleted = await register()
    expect((await stack().admin('DELETE', `/clients/${deleted.client_id}`)).status).toBe(204)
    const gone = await refused(deleted, 'client_unknown')

    const expired = await register()
    await newSecret(expired, 0)
    const late = await refused(expired, 'secret_expired')
    const otherMethod = await register({ token_endpoint_auth_method: 'client_secret_post' })
    const mistaken = await refused(otherMethod, 'auth_method_not_registered')
    for (const answer of [unknown, withRight, withWrong, gone, late, mistaken])
      expect(seen(answer)).toEqual(seen(wrong))
  })

  it('D4: that is enabled again authenticates with the secret that it had', async () => {
    const client = await register()
    await stack().admin('POST', `/clients/${client.client_id}/disable`)
    await refused(client, 'client_disabled')
    await stack().admin('POST', `/clients/${client.client_id}/enable`)
    await allowed(client)
  })

  it('D5: has two live secrets for as long as they overlap, and one once it is removed or expired', async () => {
    const first = await register()
    const second = await newSecret(first, 3600)
    await allowed(first)
    await allowed(second)
    const [old] = first.secrets
    const path = `/clients/${first.client_id}/secrets/${old?.secret_id}`
    expect((await stack().admin('DELETE', path)).status).toBe(204)
    await refused(first, 'secret_wrong')
    await allowed(second)
    const third = await newSecret(second, 0)
    await refused(second, 'secret_expired')
    await refused(first, 'secret_wrong')
    await allowed(third)
    // What has expired is forgotten with the next one.
    const fourth = await newSecret(third, 3600)
    await refused(second, 'secret_wrong')
    await allowed(third)
    await allowed(fourth)
  })

  it('D6: has no other client’s life in its own: a new secret, a removal and a deletion are its own', async () => {
    const [one, other] = [await register(), await register()]
    await newSecret(one, 0)
    await allowed(other)
    await stack().admin('DELETE', `/clients/${one.client_id}`)
    await allowed(other)
  })
})

describe('a secret', () => {
  it.each([
    ['a+b c=d&e+f with more', 'secret_wrong'],
    ['%41%42%43 and more of it', 'secret_wrong'],
    ['100%25 of these characters', 'secret_wrong'],
    ['a%zz which is no escape', 'parameter_malformed'],
    ['ends in a percent sign %', 'parameter_malformed'],
  ] as const)(
    'D9, D10: %j is sent form-encoded, and is not the same as sent raw (RFC 6749 §2.3.1)',
    async (text, reason) => {
      const client = await setSecret(await register(), text)
      const { client_id } = client
      const encoded = new URLSearchParams({ s: text }).toString().slice(2)
      attackedEndpoints().keep({ client_id, client_secret: encoded })
      await allowed({ client_id, client_secret: encoded })
      await allowed({ client_id, client_secret: encoded.replaceAll('+', '%20') })
      for (const endpoint of endpointNames) await attackedEndpoints().refused(endpoint, { client }, reason)
      const twice = encodeURIComponent(encoded)
      await refused({ client_id, client_secret: twice }, 'secret_wrong')
    },
  )

  it('D9: is the same however it is escaped, and so is the identifier (RFC 6749 Appendix B)', async () => {
    const client = await register()
    const percent = (text: string) => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')
    for (const change of [percent, (text: string) => percent(text).toUpperCase()]) {
      await allowed({ client_id: change(client.client_id), client_secret: change(client.client_secret) })
    }
  })

  it.each([
    ['with: a colon: and another', 'with'],
    ['with: a colon: and another', ' and another'],
    [':::::::::::::::::::', '::::::::::::::::::'],
    ['ünïcödé and 🔑 of all kinds', 'u\u0308nïcödé and 🔑 of all kinds'],
    ['ünïcödé and 🔑 of all kinds', 'unicode and ? of all kinds'],
  ])('D12: %j begins after the first colon and is UTF-8: not %j (RFC 7617 §2)', async (text, other) => {
    const client = await setSecret(await register(), text)
    await allowed(client)
    await refused({ ...client, client_secret: other }, 'secret_wrong')
  })

  it.each<[string, (secret: string) => string]>([
    ['a character', secret => `${secret}x`],
    ['a space', secret => `${secret} `],
    ['a space before it', secret => ` ${secret}`],
    ['itself', secret => secret + secret],
    ['72 characters', secret => secret.padEnd(72, 'x')],
    ['more than bcrypt reads', secret => secret.padEnd(200, 'x')],
    ['as much as is hashed', secret => secret.padEnd(256, 'x')],
    ['more than is hashed', secret => secret.padEnd(257, 'x')],
    ['much more than is hashed', secret => secret.padEnd(6000, 'x')],
    ['a combining character', secret => `${secret}\u0301`],
    ['a colon', secret => `${secret}:`],
    ['a comma', secret => `${secret},`],
  ])('D20: is not the same with %s after it', async (_, change) => {
    const client = await register()
    await refused({ ...client, client_secret: change(client.client_secret) }, 'secret_wrong')
  })

  it.each(['%00', '%00x', '\0', '\0x'])('D20: is not the same with %j after it', async suffix => {
    const client = await register()
    const cut = { ...client, client_secret: client.client_secret + suffix }
    for (const endpoint of endpointNames)
      await attackedEndpoints().refused(endpoint, { client: cut }, 'parameter_malformed')
  })

  it('D19: of 256 bytes is hashed, and of more is none', async () => {
    const client = await setSecret(await register(), 'x'.repeat(256))
    await allowed(client)
    const long = await setSecret(client, 'x'.repeat(257))
    await refused(long, 'secret_wrong')
    const empty = await setSecret(client, '')
    await refused({ ...empty, client_secret: 'x'.repeat(257) }, 'secret_wrong')
  })
})

describe('the registered method', () => {
  it('D21: is the only one: a secret in the body, a secret in the header (RFC 7591 §2)', async () => {
    const inHeader = await register()
    const post = await register({ token_endpoint_auth_method: 'client_secret_post' })
    for (const endpoint of endpointNames) {
      await attackedEndpoints().refused(endpoint, { and: inBody(inHeader) }, 'auth_method_not_registered')
      await attackedEndpoints().refused(endpoint, { client: post }, 'auth_method_not_registered')
      await attackedEndpoints().allowed(endpoint, { and: inBody(post) })
    }
  })

  it('D21: with a key knows no secret, not even an empty one', async () => {
    const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    const jwks = { keys: [{ ...jwk, alg: 'ES256', kid: 'k' }] }
    const method = { token_endpoint_auth_method: 'private_key_jwt', jwks }
    const { client_id } = await stack().register({ grants, ...method })
    for (const secret of ['x', 'undefined', 'null', JSON.stringify(jwk), '\u0001']) {
      const client = { client_id, client_secret: encodeURIComponent(secret) }
      await refused(client, secret === '\u0001' ? 'credentials_malformed' : 'secret_wrong')
    }
    for (const endpoint of endpointNames) {
      const header = { authorization: `Basic ${Buffer.from(`${client_id}:`).toString('base64')}` }
      await attackedEndpoints().refused(endpoint, { headers: header }, 'credentials_malformed')
    }
  })

  it('D21: that changes takes the other one with it', async () => {
    const client = await register()
    const metadata = { client_name: 'x', grants, token_endpoint_auth_method: 'client_secret_post' }
    const path = `/clients/${client.client_id}`
    const { status } = await stack().admin('PUT', path, { ...metadata, version: client.version })
    expect(status).toBe(200)
    await refused(client, 'auth_method_not_registered')
    await attackedEndpoints().allowed('token', { and: inBody(client) })
  })
})

describe('the transport', () => {
  it.skip('D7: a client certificate beside a secret: not run here: no endpoint takes one', () => {})
  it.skip('D23: plain HTTP: not run here: API Gateway listens on https alone, the local run on loopback', () => {})
})
