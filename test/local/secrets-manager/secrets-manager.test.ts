import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { describe, expect, it, vi } from 'vitest'
import { startSecretsManager } from '../../../local/secrets-manager/server.ts'
import { refusalOf } from '../kms/kms-client.ts'
import { accountId, region, secretsManagerForTest } from './secrets-manager-client.ts'

const SecretId = 'team/billing'
const ids = ['first', 'second', 'third'].map(name => name.padEnd(32, '-')) as [string, string, string]

const create = (client: SecretsManagerClient, SecretString?: string) =>
  client.send(new CreateSecretCommand({ Name: SecretId, SecretString, Tags: [{ Key: 'a', Value: 'b' }] }))
const put = (client: SecretsManagerClient, id: string, SecretString: string, VersionStages?: string[]) =>
  client.send(new PutSecretValueCommand({ SecretId, ClientRequestToken: id, SecretString, VersionStages }))
const get = (client: SecretsManagerClient, of: { VersionId?: string; VersionStage?: string } = {}) =>
  client.send(new GetSecretValueCommand({ SecretId, ...of }))
const stages = async (client: SecretsManagerClient) =>
  (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages

describe('the local Secrets Manager', () => {
  it('gives a secret an ARN with six characters more than its name, by which it is found', async () => {
    const { client } = await secretsManagerForTest()
    const { ARN } = await create(client)
    expect(ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:team\/billing-[A-Za-z0-9]{6}$/)
    const described = await client.send(new DescribeSecretCommand({ SecretId: ARN }))
    expect(described).toMatchObject({
      Name: SecretId,
      Tags: [{ Key: 'a', Value: 'b' }],
      RotationEnabled: false,
    })
    expect((await client.send(new ListSecretsCommand())).SecretList).toMatchObject([{ ARN, Name: SecretId }])
    expect(await refusalOf(create(client))).toMatchObject({ name: 'ResourceExistsException' })
    const other = client.send(new DescribeSecretCommand({ SecretId: 'other' }))
    expect(await refusalOf(other)).toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('has no value to give until one is put; the first one is current, whatever its label', async () => {
    const { client } = await secretsManagerForTest()
    await create(client)
    expect(await refusalOf(get(client))).toEqual({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    })
    await put(client, ids[0], 'one', ['AWSPENDING'])
    expect(await get(client)).toMatchObject({ SecretString: 'one', VersionId: ids[0] })
    expect(await stages(client)).toEqual({ [ids[0]]: ['AWSPENDING', 'AWSCURRENT'] })
  })

  it('keeps the previous value, and no other without a label', async () => {
    const { client } = await secretsManagerForTest()
    await create(client)
    for (const [index, id] of ids.entries()) await put(client, id, String(index))
    expect(await stages(client)).toEqual({ [ids[1]]: ['AWSPREVIOUS'], [ids[2]]: ['AWSCURRENT'] })
    expect((await get(client, { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('1')
    expect((await get(client, { VersionId: ids[1] })).SecretString).toBe('1')
    const mismatch = get(client, { VersionId: ids[1], VersionStage: 'AWSCURRENT' })
    expect(await refusalOf(mismatch)).toMatchObject({ name: 'ResourceNotFoundException' })
    expect(await refusalOf(get(client, { VersionId: ids[0] }))).toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })

  it('takes a repeated value of a version, and no other one', async () => {
    const { client } = await secretsManagerForTest()
    await create(client)
    await put(client, ids[0], 'one')
    await put(client, ids[0], 'one')
    expect(await refusalOf(put(client, ids[0], 'two'))).toMatchObject({ name: 'ResourceExistsException' })
  })

  it('moves AWSCURRENT from the version that the caller says, and AWSPREVIOUS to that', async () => {
    const { client } = await secretsManagerForTest()
    await create(client)
    await put(client, ids[0], 'one')
    await put(client, ids[1], 'two', ['AWSPENDING'])
    const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: ids[1] }
    const blind = client.send(new UpdateSecretVersionStageCommand(move))
    expect(await refusalOf(blind)).toMatchObject({ name: 'InvalidParameterException' })
    await client.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: ids[0] }))
    expect(await stages(client)).toEqual({
      [ids[0]]: ['AWSPREVIOUS'],
      [ids[1]]: ['AWSPENDING', 'AWSCURRENT'],
    })
    const unknown = new UpdateSecretVersionStageCommand({ ...move, MoveToVersionId: ids[2] })
    expect(await refusalOf(client.send(unknown))).toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('has a secret rotated in four steps, again where one fails, and answers before', async () => {
    const { client, server } = await secretsManagerForTest()
    const { ARN } = await create(client, 'one')
    const rotate = new RotateSecretCommand({ SecretId })
    expect(await refusalOf(client.send(rotate))).toMatchObject({ name: 'InvalidRequestException' })
    const schedule = {
      RotationLambdaARN: 'arn:rotator',
      RotationRules: { ScheduleExpression: 'rate(90 days)' },
      RotateImmediately: false,
    }
    await client.send(new RotateSecretCommand({ SecretId, ...schedule }))
    const seen: string[] = []
    server.useFunctions(async (functionArn, event) => {
      const { Step, SecretId: secretId, ClientRequestToken: token } = JSON.parse(event)
      seen.push(Step)
      expect([functionArn, secretId]).toEqual(['arn:rotator', ARN])
      if (Step === 'createSecret') await put(client, token, 'two', ['AWSPENDING'])
      if (Step === 'testSecret' && seen.length < 4)
        return { failure: { errorType: 'Error', errorMessage: 'x' } }
      if (Step === 'finishSecret') {
        const { VersionId: RemoveFromVersionId } = await get(client)
        const move = { VersionStage: 'AWSCURRENT', MoveToVersionId: token, RemoveFromVersionId }
        await client.send(new UpdateSecretVersionStageCommand({ SecretId, ...move }))
      }
      return { payload: 'null' }
    })
    const { VersionId } = await client.send(rotate)
    await vi.waitFor(async () => expect(await get(client)).toMatchObject({ SecretString: 'two', VersionId }))
    const steps = ['createSecret', 'setSecret', 'testSecret']
    expect(seen).toEqual([...steps, ...steps, 'finishSecret'])
    await vi.waitFor(async () =>
      expect(await client.send(new DescribeSecretCommand({ SecretId }))).toMatchObject({
        RotationEnabled: true,
        RotationLambdaARN: 'arn:rotator',
        RotationRules: { ScheduleExpression: 'rate(90 days)' },
        LastRotatedDate: expect.any(Date),
      }),
    )
  })

  it('goes on after its end with a rotation that was cut off', async () => {
    const first = await secretsManagerForTest()
    await create(first.client, 'one')
    const rule = {
      SecretId,
      RotationLambdaARN: 'arn:rotator',
      RotationRules: { ScheduleExpression: 'rate(4 hours)' },
    }
    const { VersionId } = await first.client.send(new RotateSecretCommand(rule))
    await first.server.close()

    expect(await rotatedAt(first.dataDir, Date.now(), rule)).toBe(VersionId)
  })

  it('rotates what is due, and nothing before', async () => {
    const created = Date.now()
    const first = await secretsManagerForTest({ now: () => created })
    await create(first.client, 'one')
    await first.server.close()
    const rule = {
      SecretId,
      RotationLambdaARN: 'arn:rotator',
      RotationRules: { ScheduleExpression: 'rate(4 hours)' },
      RotateImmediately: false,
    }
    expect(await rotatedAt(first.dataDir, created + 4 * 3600_000 - 1, rule)).toBe(undefined)
    expect(await rotatedAt(first.dataDir, created + 4 * 3600_000, rule)).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('keeps secrets in files of their owner alone, and says nothing of one that it cannot read', async () => {
    const { client, dataDir } = await secretsManagerForTest()
    await create(client, 'one')
    const folder = join(dataDir, 'secretsmanager')
    expect(await readdir(folder)).toEqual(['team%2Fbilling.json'])
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'team%2Fbilling.json'))).mode & 0o777).toBe(0o600)
    await writeFile(join(folder, 'broken.json'), 'ctsn_secret')
    await expect(startSecretsManager({ dataDir, region, accountId })).rejects.toThrow(
      new Error(`${join(folder, 'broken.json')} cannot be read as a secret of the local Secrets Manager`),
    )
  })
})

/** Starts on a data folder at a moment, and gives the version of the rotation that begins by itself. */
async function rotatedAt(
  dataDir: string,
  now: number,
  rule: ConstructorParameters<typeof RotateSecretCommand>[0],
) {
  const { client, server } = await secretsManagerForTest({ dataDir, now: () => now })
  await client.send(new RotateSecretCommand({ ...rule, RotateImmediately: false }))
  const events: { ClientRequestToken: string }[] = []
  server.useFunctions(async (_, event) => {
    events.push(JSON.parse(event))
    return { failure: { errorType: 'Error', errorMessage: 'stop' } }
  })
  // Each request is answered after the changes before it.
  await client.send(new PutSecretValueCommand({ SecretId, SecretString: 'x', VersionStages: ['OTHER'] }))
  return events[0]?.ClientRequestToken
}
