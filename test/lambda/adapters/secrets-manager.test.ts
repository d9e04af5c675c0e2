import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { SecretsManager } from '../../../lambda/adapters/secrets-manager.ts'
import { secretsManagerForTest } from '../../local/secrets-manager/secrets-manager-client.ts'
import { clientSecret } from '../support/client-item.ts'
import { recordedLines } from '../support/recorded-lines.ts'

const { client } = await secretsManagerForTest({}, afterAll)
const recorded = recordedLines('secret-rotator')
const versions = ['first', 'second'].map(name => name.padEnd(32, '-')) as [string, string]
let created = 0

const vault = new SecretsManager(client, recorded.records)

beforeEach(() => recorded.clear())

/** The ARN of an empty secret. */
async function empty(): Promise<string> {
  return (await client.send(new CreateSecretCommand({ Name: `secret-${++created}` }))).ARN ?? ''
}

describe('the secrets of declared clients', () => {
  it('are written as pending, the first one is current, and are read by label and by version', async () => {
    const arn = await empty()
    expect([await vault.current(arn), await vault.version(arn, versions[0])]).toEqual([undefined, undefined])
    const version = { versionId: versions[0], value: 'one' }
    expect(await vault.put(arn, version)).toBe(true)
    expect(await vault.put(arn, version)).toBe(true)
    expect([await vault.current(arn), await vault.version(arn, versions[0])]).toEqual([version, version])
    expect(await vault.stages(arn, versions[0])).toEqual(['AWSPENDING', 'AWSCURRENT'])
    expect(await vault.stages(arn, versions[1])).toBe(undefined)
    expect(recorded.texts).toEqual([])
  })

  it('are not written over: a version has one value', async () => {
    const arn = await empty()
    await vault.put(arn, { versionId: versions[0], value: 'one' })
    expect(await vault.put(arn, { versionId: versions[0], value: 'two' })).toBe(false)
    expect((await vault.current(arn))?.value).toBe('one')
  })

  it('become current, and the one before is the previous one', async () => {
    const arn = await empty()
    await vault.put(arn, { versionId: versions[0], value: 'one' })
    await vault.put(arn, { versionId: versions[1], value: 'two' })
    await vault.makeCurrent(arn, versions[1], versions[0])
    expect((await vault.current(arn))?.value).toBe('two')
    expect(await vault.stages(arn, versions[0])).toEqual(['AWSPREVIOUS'])
  })

  it('are out of reach by name: nothing of a request, nor of an answer, gets into a line', async () => {
    const put = vault.put('unknown', { versionId: versions[0], value: clientSecret })
    await expect(put).rejects.toMatchObject({ name: 'Unavailable', dependency: 'secrets' })
    expect(recorded.lines).toMatchObject([
      { level: 'WARN', message: 'secrets call failed', error: 'ResourceNotFoundException' },
    ])
    expect(recorded.texts.join('')).not.toContain(clientSecret)
  })
})
