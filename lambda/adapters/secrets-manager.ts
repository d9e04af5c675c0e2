import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import type { SecretVault, SecretVersion } from '../oauth/administration/secret-vault.ts'
import type { Records } from './records.ts'
import { call } from './store-call.ts'

/** The names of its errors. Text: minifying renames the SDK's classes. */
const notFound = 'ResourceNotFoundException'
const existsAlready = 'ResourceExistsException'

/** Two attempts of at most three seconds: nobody waits for these but a deployment or a rotation. */
export function secretsManagerClient(): SecretsManagerClient {
  return new SecretsManagerClient({
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
  })
}

/** AWS Secrets Manager. No error of it gets further than its name: a message might quote a request. */
export class SecretsManager implements SecretVault {
  readonly #client: SecretsManagerClient
  readonly #records: Records

  constructor(client: SecretsManagerClient, records: Records) {
    this.#client = client
    this.#records = records
  }

  current: SecretVault['current'] = secretArn =>
    this.#read(new GetSecretValueCommand({ SecretId: secretArn, VersionStage: 'AWSCURRENT' }))

  version: SecretVault['version'] = (secretArn, versionId) =>
    this.#read(new GetSecretValueCommand({ SecretId: secretArn, VersionId: versionId }))

  put: SecretVault['put'] = async (secretArn, { versionId, value }) => {
    const put = new PutSecretValueCommand({
      SecretId: secretArn,
      ClientRequestToken: versionId,
      SecretString: value,
      VersionStages: ['AWSPENDING'],
    })
    return (await this.#call(() => this.#client.send(put), existsAlready)) !== undefined
  }

  makeCurrent: SecretVault['makeCurrent'] = async (secretArn, versionId, previousVersionId) => {
    const update = new UpdateSecretVersionStageCommand({
      SecretId: secretArn,
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: versionId,
      RemoveFromVersionId: previousVersionId,
    })
    await this.#call(() => this.#client.send(update))
  }

  stages: SecretVault['stages'] = async (secretArn, versionId) => {
    const describe = new DescribeSecretCommand({ SecretId: secretArn })
    const described = await this.#call(() => this.#client.send(describe))
    return described?.VersionIdsToStages?.[versionId]
  }

  async #read(get: GetSecretValueCommand): Promise<SecretVersion | undefined> {
    const found = await this.#call(() => this.#client.send(get), notFound)
    if (found?.VersionId === undefined || found.SecretString === undefined) return undefined
    return { versionId: found.VersionId, value: found.SecretString }
  }

  /** @returns undefined for the error that is expected */
  async #call<T>(operation: () => Promise<T>, expected?: string): Promise<T | undefined> {
    try {
      return await call('secrets', operation, this.#records, ...(expected === undefined ? [] : [expected]))
    } catch (error) {
      if (expected !== undefined && error instanceof Error && error.name === expected) return undefined
      throw error
    }
  }
}
