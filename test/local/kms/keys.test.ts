import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  paginateListKeys,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, it } from 'vitest'
import { startKms } from '../../../local/kms/server.ts'
import { accountId, kmsClient, kmsForTest, refusalOf, region } from './kms-client.ts'

const signing = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const
const message = { Message: Buffer.from('m'), SigningAlgorithm: 'ECDSA_SHA_256' } as const

describe('CreateKey', () => {
  it('describes the key as KMS does', async () => {
    const { client } = await kmsForTest({ now: () => 1_700_000_000_000 })
    const created = await client.send(new CreateKeyCommand({ ...signing, Description: 'ring', Policy: '{}' }))
    const KeyId = created.KeyMetadata?.KeyId
    const Arn = `arn:aws:kms:us-east-1:000000000000:key/${KeyId}`
    expect(created.KeyMetadata).toEqual({
      AWSAccountId: '000000000000',
      KeyId,
      Arn,
      CreationDate: new Date(1_700_000_000_000),
      Enabled: true,
      Description: 'ring',
      KeyUsage: 'SIGN_VERIFY',
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      KeySpec: 'ECC_NIST_P256',
      CustomerMasterKeySpec: 'ECC_NIST_P256',
      SigningAlgorithms: ['ECDSA_SHA_256'],
      MultiRegion: false,
    })
    const described = await client.send(new DescribeKeyCommand({ KeyId: Arn }))
    expect(described.KeyMetadata).toEqual(created.KeyMetadata)
  })

  it('makes a symmetric key when no spec is named, which has no public key and signs nothing', async () => {
    const { client } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}))
    expect([KeyMetadata?.KeySpec, KeyMetadata?.KeyUsage]).toEqual(['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'])
    const KeyId = KeyMetadata?.KeyId
    const publicKey = refusalOf(client.send(new GetPublicKeyCommand({ KeyId })))
    expect((await publicKey).name).toBe('UnsupportedOperationException')
    const sign = refusalOf(client.send(new SignCommand({ KeyId, ...message })))
    expect((await sign).name).toBe('InvalidKeyUsageException')
  })

  it.each([
    ['an asymmetric key without a usage', { KeySpec: 'RSA_2048' }, 'ValidationException'],
    ['an unknown spec', { KeySpec: 'RSA_1024' as 'RSA_2048' }, 'ValidationException'],
    ['a usage the spec cannot have', { ...signing, KeyUsage: 'ENCRYPT_DECRYPT' }, 'ValidationException'],
    ['a multi-Region key', { ...signing, MultiRegion: true }, 'UnsupportedOperationException'],
    ['a reserved tag', { ...signing, Tags: [{ TagKey: 'aws:x', TagValue: '' }] }, 'TagException'],
  ] as const)('refuses %s', async (_, input, code) => {
    const { client } = await kmsForTest()
    const refused = client.send(
      new CreateKeyCommand({ ...input, Tags: 'Tags' in input ? [...input.Tags] : [] }),
    )
    expect((await refusalOf(refused)).name).toBe(code)
    expect((await client.send(new ListKeysCommand({}))).Keys).toEqual([])
  })
})

describe('keys on disk', () => {
  it('lie in one file each that only their owner can read', async () => {
    const { client, dataDir } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const folder = join(dataDir, 'kms')
    expect(await readdir(folder)).toEqual([`${KeyMetadata?.KeyId}.json`])
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, `${KeyMetadata?.KeyId}.json`))).mode & 0o777).toBe(0o600)
  })

  it('are all there for a server that starts on the same folder, without a clean stop before', async () => {
    const { client, dataDir } = await kmsForTest()
    const { KeyMetadata } = await client.send(
      new CreateKeyCommand({ ...signing, Tags: [{ TagKey: 'countersign:ring', TagValue: 'r' }] }),
    )
    const KeyId = KeyMetadata?.KeyId
    await client.send(new CreateAliasCommand({ AliasName: 'alias/ring', TargetKeyId: KeyId }))
    const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }))
    await writeFile(join(dataDir, 'kms', 'half-written.tmp'), '{"keyId":')

    const second = await startKms({ dataDir, region, accountId })
    const secondClient = kmsClient(second.url)
    const reread = await secondClient.send(new GetPublicKeyCommand({ KeyId: 'alias/ring' }))
    expect(reread.PublicKey).toEqual(PublicKey)
    const { Tags } = await secondClient.send(new ListResourceTagsCommand({ KeyId }))
    expect(Tags).toEqual([{ TagKey: 'countersign:ring', TagValue: 'r' }])
    expect(await readdir(join(dataDir, 'kms'))).not.toContain('half-written.tmp')
    secondClient.destroy()
    await second.close()
  })

  it('stop the start, naming the file, when one cannot be read', async () => {
    const { client, dataDir } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const path = join(dataDir, 'kms', `${KeyMetadata?.KeyId}.json`)
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 40))
    await expect(startKms({ dataDir, region, accountId })).rejects.toThrow(
      `${path} cannot be read as a key of the local KMS`,
    )
  })
})

describe('a key that is not enabled', () => {
  it('refuses use while it is disabled, and works again once enabled', async () => {
    const { client } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const { KeyId, Arn } = KeyMetadata ?? {}
    await client.send(new DisableKeyCommand({ KeyId }))
    const disabled = { name: 'DisabledException', message: `${Arn} is disabled.` }
    expect(await refusalOf(client.send(new SignCommand({ KeyId, ...message })))).toEqual(disabled)
    expect(await refusalOf(client.send(new GetPublicKeyCommand({ KeyId })))).toEqual(disabled)
    await client.send(new EnableKeyCommand({ KeyId }))
    expect((await client.send(new SignCommand({ KeyId, ...message }))).KeyId).toBe(Arn)
  })

  it('waits for its deletion, comes back disabled, and is gone when the wait is over', async () => {
    let now = 1_700_000_000_000
    const { client } = await kmsForTest({ now: () => now })
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const { KeyId, Arn } = KeyMetadata ?? {}
    await client.send(new CreateAliasCommand({ AliasName: 'alias/short', TargetKeyId: KeyId }))
    const notWaiting = { name: 'KMSInvalidStateException', message: `${Arn} is not pending deletion.` }
    expect(await refusalOf(client.send(new CancelKeyDeletionCommand({ KeyId })))).toEqual(notWaiting)

    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    expect(scheduled.DeletionDate).toEqual(new Date(now + 7 * 86_400_000))
    const pending = { name: 'KMSInvalidStateException', message: `${Arn} is pending deletion.` }
    expect(await refusalOf(client.send(new SignCommand({ KeyId, ...message })))).toEqual(pending)
    expect(await refusalOf(client.send(new EnableKeyCommand({ KeyId })))).toEqual(pending)

    await client.send(new CancelKeyDeletionCommand({ KeyId }))
    const described = await client.send(new DescribeKeyCommand({ KeyId }))
    expect([described.KeyMetadata?.KeyState, described.KeyMetadata?.DeletionDate]).toEqual([
      'Disabled',
      undefined,
    ])

    await client.send(new ScheduleKeyDeletionCommand({ KeyId }))
    now += 30 * 86_400_000
    expect((await refusalOf(client.send(new DescribeKeyCommand({ KeyId })))).name).toBe('NotFoundException')
    expect((await client.send(new ListAliasesCommand({}))).Aliases).toEqual([])
  })
})

describe('names of keys', () => {
  it('are ids, ARNs and aliases, and an unknown one is NotFoundException', async () => {
    const { client } = await kmsForTest()
    const first = (await client.send(new CreateKeyCommand(signing))).KeyMetadata
    const second = (await client.send(new CreateKeyCommand(signing))).KeyMetadata
    const AliasName = 'alias/ring'
    await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: first?.Arn }))
    const again = client.send(new CreateAliasCommand({ AliasName, TargetKeyId: second?.KeyId }))
    expect((await refusalOf(again)).name).toBe('AlreadyExistsException')
    const aliasArn = 'arn:aws:kms:us-east-1:000000000000:alias/ring'
    const describe = async (KeyId: string) =>
      (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyId
    expect(await describe(AliasName)).toBe(first?.KeyId)
    await client.send(new UpdateAliasCommand({ AliasName, TargetKeyId: second?.KeyId }))
    expect(await describe(aliasArn)).toBe(second?.KeyId)
    const listed = await client.send(new ListAliasesCommand({ KeyId: second?.KeyId }))
    expect(listed.Aliases?.map(alias => [alias.AliasName, alias.AliasArn, alias.TargetKeyId])).toEqual([
      [AliasName, aliasArn, second?.KeyId],
    ])
    await client.send(new DeleteAliasCommand({ AliasName }))
    expect(await refusalOf(describe(AliasName))).toEqual({
      name: 'NotFoundException',
      message: `Alias ${aliasArn} is not found.`,
    })
    expect((await refusalOf(describe('11111111-2222-4333-8444-555555555555'))).name).toBe('NotFoundException')
    expect((await refusalOf(describe('arn:aws:s3:::bucket'))).name).toBe('InvalidArnException')
    const ofAnotherAccount = `arn:aws:kms:us-east-1:111111111111:key/${first?.KeyId}`
    expect((await refusalOf(describe(ofAnotherAccount))).name).toBe('NotFoundException')
  })

  it('find a key under an ARN of the Region that a former start was in', async () => {
    const { client } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const KeyId = `arn:aws:kms:eu-west-1:000000000000:key/${KeyMetadata?.KeyId}`
    const described = await client.send(new DescribeKeyCommand({ KeyId }))
    expect(described.KeyMetadata?.Arn).toBe(KeyMetadata?.Arn)
  })

  it('are listed in pages', async () => {
    const { client } = await kmsForTest()
    const made = await Promise.all(
      Array.from({ length: 5 }, () => client.send(new CreateKeyCommand(signing))),
    )
    const pages: string[][] = []
    for await (const page of paginateListKeys({ client, pageSize: 2 }, {})) {
      pages.push((page.Keys ?? []).map(key => key.KeyId ?? ''))
    }
    expect(pages.map(page => page.length)).toEqual([2, 2, 1])
    expect(pages.flat().sort()).toEqual(made.map(key => key.KeyMetadata?.KeyId).sort())
  })
})

describe('tags', () => {
  it('are added, replaced and removed, also by requests at the same time', async () => {
    const { client } = await kmsForTest()
    const { KeyMetadata } = await client.send(new CreateKeyCommand(signing))
    const KeyId = KeyMetadata?.KeyId
    const tag = (TagKey: string, TagValue: string) =>
      client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey, TagValue }] }))
    await Promise.all(['a', 'b', 'c'].map(key => tag(key, '1')))
    await tag('a', '2')
    await client.send(new UntagResourceCommand({ KeyId, TagKeys: ['b', 'never there'] }))
    const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId }))
    expect(Object.fromEntries((Tags ?? []).map(({ TagKey, TagValue }) => [TagKey, TagValue]))).toEqual({
      a: '2',
      c: '1',
    })
  })
})
