import type { FunctionContext } from '../lambda/adapters/function-context.ts'
import { IssuerKeys } from '../lambda/adapters/issuer-keys.ts'
import { recordedRevocationFeed, startLoadMilliseconds } from '../lambda/adapters/recorded-revocation-feed.ts'
import type { ProtectedApi } from '../lambda/oauth/authorize.ts'
import { SigningKeyRing } from '../lambda/oauth/signing-key-ring.ts'
import type { CheckedOptions } from './check-options.ts'
import { Introspection } from './introspection.ts'
import type { Tables } from './tables.ts'

interface KeySource extends Pick<ProtectedApi, 'findKey' | 'findKnownKey'> {
  start(): Promise<void>
}

export function keySource({ keys, dynamoDb }: CheckedOptions, context: FunctionContext): KeySource {
  if ('jwksUri' in keys) {
    const issuerKeys = new IssuerKeys(keys.jwksUri, context.clock, context.records)
    const { findKey, findKnownKey } = issuerKeys
    return { findKey, findKnownKey, start: () => issuerKeys.start() }
  }
  const table = once(async () => (await openTables(dynamoDb, context)).signingKeys(keys))
  const ring = new SigningKeyRing(async () => (await table()).read(), context.clock)
  return {
    findKey: kid => ring.findOrRead(kid),
    // Not from a copy that is due to be read again: where nothing else says so, that is how a key is known to be revoked.
    findKnownKey: kid => (ring.isDue ? undefined : ring.find(kid)),
    start: () => ring.refresh().catch(() => {}),
  }
}

interface RevocationSource extends Pick<ProtectedApi, 'isRevoked'> {
  start(): Promise<void>
}

export function revocationSource(
  { revocations, dynamoDb }: CheckedOptions,
  context: FunctionContext,
): RevocationSource {
  const nothing = async () => {}
  if (revocations === 'none') return { isRevoked: async () => false, start: nothing }
  if ('clientId' in revocations) {
    const introspection = new Introspection(revocations, context)
    return { isRevoked: (token, text) => introspection.isRevoked(token, text), start: nothing }
  }
  const table = once(async () => (await openTables(dynamoDb, context)).revocations(revocations))
  const feed = recordedRevocationFeed(
    {
      read: async (shard, since, cursor) => (await table()).read(shard, since, cursor),
      lookUp: async subjects => (await table()).lookUp(subjects),
    },
    {
      shards: revocations.shards,
      refreshSeconds: revocations.maxRevocationDelaySeconds,
      outageGraceSeconds: revocations.revocationOutageGraceSeconds,
    },
    context,
  )
  return { isRevoked: token => feed.isRevoked(token), start: () => feed.start(startLoadMilliseconds) }
}

async function openTables(access: CheckedOptions['dynamoDb'], context: FunctionContext): Promise<Tables> {
  const { Tables } = await import('./tables.ts')
  return new Tables(access, context)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
