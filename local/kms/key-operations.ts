import { createPublicKey, randomUUID } from 'node:crypto'
import { keySpecs, makePrivateKey, makeSymmetricKey, signingAlgorithmsOf } from './key-spec.ts'
import type { KeyRecord } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import {
  checkNotPendingDeletion,
  checkUsable,
  findKey,
  findKeyByIdOrArn,
  type KmsContext,
  keyArn,
  type Operation,
  page,
} from './operation.ts'
import { oneOf, optionalInteger, optionalString } from './request.ts'
import { readTagKeys, readTags } from './tags.ts'

const secondsPerDay = 86_400

/** Making keys, describing them, and changing their state and tags. */
export const keyOperations: Record<string, Operation> = {
  async CreateKey(request, context) {
    const legacySpec = request.KeySpec === undefined ? 'CustomerMasterKeySpec' : 'KeySpec'
    const keySpec = oneOf(request, legacySpec, keySpecs, 'SYMMETRIC_DEFAULT')
    const onlyUsage = keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY'
    if (keySpec !== 'SYMMETRIC_DEFAULT' && request.KeyUsage === undefined) {
      throw new KmsError('ValidationException', `You must specify a KeyUsage value for key spec ${keySpec}.`)
    }
    const keyUsage = oneOf(
      request,
      'KeyUsage',
      ['SIGN_VERIFY', 'ENCRYPT_DECRYPT', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT'],
      onlyUsage,
    )
    if (keyUsage !== onlyUsage) {
      throw new KmsError('ValidationException', `KeyUsage ${keyUsage} is not valid for key spec ${keySpec}.`)
    }
    if (request.MultiRegion === true || (optionalString(request, 'Origin') ?? 'AWS_KMS') !== 'AWS_KMS') {
      throw new KmsError(
        'UnsupportedOperationException',
        'The local KMS makes neither multi-Region keys nor keys of another origin than AWS_KMS.',
      )
    }
    const record: KeyRecord = {
      keyId: randomUUID(),
      keySpec,
      keyUsage: onlyUsage,
      keyState: 'Enabled',
      description: optionalString(request, 'Description') ?? '',
      createdAt: context.now() / 1000,
      tags: readTags(request),
      material:
        keySpec === 'SYMMETRIC_DEFAULT'
          ? makeSymmetricKey().toString('base64')
          : (await makePrivateKey(keySpec)).export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
    await context.store.addKey(record)
    return { KeyMetadata: metadata(record, context) }
  },

  DescribeKey(request, context) {
    return { KeyMetadata: metadata(findKey(request, context), context) }
  },

  ListKeys(request, context) {
    const limit = optionalInteger(request, 'Limit', { from: 1, to: 1000 }) ?? 100
    const { items, rest } = page(context.store.keys(), limit, optionalString(request, 'Marker'))
    return { Keys: items.map(({ keyId }) => ({ KeyId: keyId, KeyArn: keyArn(keyId, context) })), ...rest }
  },

  GetPublicKey(request, context) {
    const record = checkUsable(findKey(request, context), context)
    if (record.keySpec === 'SYMMETRIC_DEFAULT') {
      throw new KmsError(
        'UnsupportedOperationException',
        `${keyArn(record.keyId, context)} is symmetric: it has no public key.`,
      )
    }
    const publicKey = createPublicKey(context.store.privateKey(record))
    return {
      KeyId: keyArn(record.keyId, context),
      PublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      KeySpec: record.keySpec,
      CustomerMasterKeySpec: record.keySpec,
      KeyUsage: record.keyUsage,
      SigningAlgorithms: signingAlgorithmsOf(record.keySpec),
    }
  },

  async EnableKey(request, context) {
    await changeState(findKeyByIdOrArn(request, context), context, 'Enabled')
    return {}
  },

  async DisableKey(request, context) {
    await changeState(findKeyByIdOrArn(request, context), context, 'Disabled')
    return {}
  },

  async ScheduleKeyDeletion(request, context) {
    const days = optionalInteger(request, 'PendingWindowInDays', { from: 7, to: 30 }) ?? 30
    const { keyId } = findKeyByIdOrArn(request, context)
    const deletedAt = context.now() / 1000 + days * secondsPerDay
    const changed = await context.store.changeKey(keyId, record => {
      checkNotPendingDeletion(record, context)
      return { ...record, keyState: 'PendingDeletion', deletedAt }
    })
    return {
      KeyId: keyArn(keyId, context),
      DeletionDate: deletedAt,
      KeyState: changed.keyState,
      PendingWindowInDays: days,
    }
  },

  async CancelKeyDeletion(request, context) {
    const { keyId } = findKeyByIdOrArn(request, context)
    await context.store.changeKey(keyId, ({ deletedAt, ...record }) => {
      if (deletedAt === undefined) {
        throw new KmsError('KMSInvalidStateException', `${keyArn(keyId, context)} is not pending deletion.`)
      }
      return { ...record, keyState: 'Disabled' }
    })
    return { KeyId: keyArn(keyId, context) }
  },

  async TagResource(request, context) {
    const { keyId } = findKeyByIdOrArn(request, context)
    const added = readTags(request)
    await context.store.changeKey(keyId, record => {
      checkNotPendingDeletion(record, context)
      return { ...record, tags: { ...record.tags, ...added } }
    })
    return {}
  },

  async UntagResource(request, context) {
    const { keyId } = findKeyByIdOrArn(request, context)
    const removed = readTagKeys(request)
    await context.store.changeKey(keyId, record => {
      checkNotPendingDeletion(record, context)
      const kept = Object.entries(record.tags).filter(([key]) => !removed.includes(key))
      return { ...record, tags: Object.fromEntries(kept) }
    })
    return {}
  },

  ListResourceTags(request, context) {
    const { tags } = findKeyByIdOrArn(request, context)
    const limit = optionalInteger(request, 'Limit', { from: 1, to: 50 }) ?? 50
    const all = Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
    const { items, rest } = page(all, limit, optionalString(request, 'Marker'))
    return { Tags: items, ...rest }
  },
}

async function changeState(
  { keyId }: KeyRecord,
  context: KmsContext,
  keyState: 'Enabled' | 'Disabled',
): Promise<void> {
  await context.store.changeKey(keyId, record => {
    checkNotPendingDeletion(record, context)
    return { ...record, keyState }
  })
}

function metadata(record: KeyRecord, context: KmsContext) {
  const signingAlgorithms = signingAlgorithmsOf(record.keySpec)
  return {
    AWSAccountId: context.accountId,
    KeyId: record.keyId,
    Arn: keyArn(record.keyId, context),
    CreationDate: record.createdAt,
    ...(record.deletedAt === undefined ? {} : { DeletionDate: record.deletedAt }),
    Enabled: record.keyState === 'Enabled',
    Description: record.description,
    KeyUsage: record.keyUsage,
    KeyState: record.keyState,
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    KeySpec: record.keySpec,
    CustomerMasterKeySpec: record.keySpec,
    ...(record.keyUsage === 'SIGN_VERIFY'
      ? { SigningAlgorithms: signingAlgorithms }
      : { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] }),
    MultiRegion: false,
  }
}
