import type { KMSClient } from '@aws-sdk/client-kms'
import { KmsKeys } from '../../../lambda/adapters/kms-keys.ts'
import type { JwsAlgorithm } from '../../../lambda/oauth/public-key.ts'
import type { SigningKey } from '../../../lambda/oauth/signing-key.ts'
import { nowSeconds, recordedLines } from './recorded-lines.ts'

export const ringOfTests = 'ring-of-tests'

/** A key as the keeper makes it, active since yesterday. @param wrappingKeyArn custody `envelope`: what wraps it */
export async function kmsSigningKey(
  client: KMSClient,
  algorithm: JwsAlgorithm,
  wrappingKeyArn?: string,
): Promise<SigningKey> {
  const custody = wrappingKeyArn === undefined ? 'kms' : 'envelope'
  const settings = { ring: ringOfTests, algorithm, custody, wrappingKeyArn } as const
  const keys = new KmsKeys(client, settings, recordedLines('keeper').records)
  const made = await keys.create(nowSeconds)
  const key = 'key' in made ? made.key : await keys.complete(made.pending)
  if (key === 'gone') throw new Error('the key is gone')
  const yesterday = nowSeconds - 86_400
  return { ...key, state: 'active', createdAt: yesterday, signFrom: yesterday, verifyUntil: undefined }
}
