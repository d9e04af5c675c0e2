import type { KeyRecord, KeyStore } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import { type KmsRequest, requiredString } from './request.ts'

/** What an operation works with. */
export interface KmsContext {
  readonly store: KeyStore
  readonly region: string
  readonly accountId: string
  /** The clock, in epoch milliseconds. */
  readonly now: () => number
}

/** One operation of the KMS API: its request's members in, its response's members out. */
export type Operation = (request: KmsRequest, context: KmsContext) => Promise<object> | object

export function keyArn(keyId: string, { region, accountId }: KmsContext): string {
  return `arn:aws:kms:${region}:${accountId}:key/${keyId}`
}

export function aliasArn(name: string, { region, accountId }: KmsContext): string {
  return `arn:aws:kms:${region}:${accountId}:${name}`
}

/**
 * The key that `member` names: by id, ARN, alias or alias ARN, as KMS takes them.
 *
 * @throws KmsError NotFoundException, InvalidArnException
 */
export function findKey(request: KmsRequest, context: KmsContext, member = 'KeyId'): KeyRecord {
  const name = withoutArn(requiredString(request, member), context)
  const keyId = name.startsWith('alias/') ? aliasTarget(name, context) : name
  const record = context.store.key(keyId)
  if (record === undefined) {
    throw new KmsError('NotFoundException', `Key '${keyArn(keyId, context)}' does not exist`)
  }
  return record
}

/** As `findKey`, for operations that take no alias. */
export function findKeyByIdOrArn(request: KmsRequest, context: KmsContext, member = 'KeyId'): KeyRecord {
  if (/(^|:)alias\//.test(requiredString(request, member))) {
    throw new KmsError('NotFoundException', `Invalid keyId ${requiredString(request, member)}`)
  }
  return findKey(request, context, member)
}

/** As `findKey`, for operations that use the key's material. */
export function findUsableKey(
  request: KmsRequest,
  context: KmsContext,
  usage: KeyRecord['keyUsage'],
): KeyRecord {
  if (request.DryRun === true) throw new KmsError('DryRunOperationException', 'The request would have run.')
  const record = checkUsable(findKey(request, context), context)
  if (record.keyUsage !== usage) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${keyArn(record.keyId, context)} key usage is ${record.keyUsage} which is not valid for this operation.`,
    )
  }
  return record
}

/** @throws KmsError DisabledException, KMSInvalidStateException */
export function checkUsable(record: KeyRecord, context: KmsContext): KeyRecord {
  checkNotPendingDeletion(record, context)
  if (record.keyState === 'Disabled') {
    throw new KmsError('DisabledException', `${keyArn(record.keyId, context)} is disabled.`)
  }
  return record
}

/** @throws KmsError KMSInvalidStateException */
export function checkNotPendingDeletion(record: KeyRecord, context: KmsContext): void {
  if (record.keyState === 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${keyArn(record.keyId, context)} is pending deletion.`)
  }
}

/** One page of a list, by the members Limit and Marker. */
export function page<Item>(items: Item[], limit: number, marker: string | undefined) {
  const from = marker === undefined ? 0 : Number.parseInt(marker, 10)
  if (!(from >= 0)) throw new KmsError('InvalidMarkerException', 'Could not deserialize the marker.')
  const until = from + limit
  const more = until < items.length
  return {
    items: items.slice(from, until),
    rest: more ? { Truncated: true, NextMarker: String(until) } : { Truncated: false },
  }
}

function aliasTarget(name: string, context: KmsContext): string {
  const alias = context.store.alias(name)
  if (alias === undefined) {
    throw new KmsError('NotFoundException', `Alias ${aliasArn(name, context)} is not found.`)
  }
  return alias.keyId
}

/** An ARN may name another Region: a data folder outlives a change of AWS_REGION, and so must its keys. */
function withoutArn(name: string, { accountId }: KmsContext): string {
  if (!name.startsWith('arn:')) return name
  const [, , service, , account, ...rest] = name.split(':')
  const resource = rest.join(':')
  if (service !== 'kms' || !/^(key|alias)\/./.test(resource)) {
    throw new KmsError('InvalidArnException', `Invalid arn ${name}`)
  }
  if (account !== accountId) throw new KmsError('NotFoundException', `Invalid arn ${name}`)
  return resource.startsWith('key/') ? resource.slice('key/'.length) : resource
}
