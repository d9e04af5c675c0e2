import { randomUUID } from 'node:crypto'
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signRequest } from '../../bin/sigv4.ts'
import { type Json, type RegisteredClient, useLocalStack } from '../flow/local-stack.ts'
import { untilRefused } from '../flow/until-refused.ts'
import { deployUpdate } from './deployed-run.ts'
import { deployedCredentials, deployedRegion } from './deployment.ts'

const stack = useLocalStack()

async function requestLambda(path: string, body: string | undefined): Promise<Json> {
  const url = new URL(`/2015-03-31/functions/${path}`, stack().endpoints.aws.secretsmanager)
  const request = { method: body === undefined ? 'GET' : 'POST', url, headers: {}, body: body ?? '' }
  const scope = {
    credentials: deployedCredentials,
    region: deployedRegion,
    service: 'lambda',
    now: new Date(),
  }
  const response = await fetch(url, { method: request.method, headers: signRequest(request, scope), body })
  const answer = await response.text()
  if (!response.ok || response.headers.has('x-amz-function-error')) throw new Error(`${path}: ${answer}`)
  return JSON.parse(answer)
}

// Each test is the next step of one story, which begins with the update.
describe.sequential('a client that the update of a deployed app declares', () => {
  let secrets: SecretsManagerClient
  let client: Json & { client_id: string; secret_arn: string }
  let first: RegisteredClient

  async function stored(VersionStage = 'AWSCURRENT', SecretId = client.secret_arn) {
    const get = new GetSecretValueCommand({ SecretId, VersionStage })
    return JSON.parse((await secrets.send(get)).SecretString ?? '') as RegisteredClient
  }

  const tokenStatus = async (secret: RegisteredClient) => (await stack().requestToken(secret)).status

  beforeAll(async () => {
    const { aws, region } = stack().endpoints
    secrets = new SecretsManagerClient({
      endpoint: aws.secretsmanager,
      region,
      credentials: deployedCredentials,
    })
  })
  afterAll(() => secrets.destroy())

  it('is registered, and gets through with the secret from Secrets Manager', async () => {
    const { SecretList = [] } = await secrets.send(new ListSecretsCommand())
    const secret = SecretList.find(({ Description }) => Description?.endsWith('the client nightly'))
    first = await stored('AWSCURRENT', secret?.ARN)
    const { body } = await stack().admin('GET', `/clients/${first.client_id}`)
    client = body as typeof client
    expect(client).toMatchObject({ client_name: 'nightly', status: 'active', managed_by: 'deployment' })
    expect(first).toMatchObject({
      client_id: client.client_id,
      token_endpoint: stack().endpoints.tokenEndpoint,
      scope: 'payments:read',
    })
    const token = await stack().token(first)
    expect(await stack().call('GET', stack().url('payments', '/payments'), token)).toBe(200)
  })

  it('has its secret rotated by the four steps, and the old one works on', async () => {
    // Secrets Manager's part, which MiniStack does not take.
    const versionId = randomUUID()
    const pending = {
      SecretId: client.secret_arn,
      ClientRequestToken: versionId,
      VersionStages: ['AWSPENDING'],
    }
    await secrets.send(new PutSecretValueCommand(pending))
    const { Functions } = (await requestLambda('', undefined)) as { Functions: Record<string, string>[] }
    const rotator = Functions.find(({ Description = '' }) => Description.includes('rotates the secrets'))
    for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
      const event = JSON.stringify({ Step, SecretId: client.secret_arn, ClientRequestToken: versionId })
      await requestLambda(`${rotator?.FunctionName}/invocations`, event)
    }
    const fresh = await stored()
    expect([fresh.client_id, fresh.client_secret === first.client_secret]).toEqual([client.client_id, false])
    expect(await stored('AWSPREVIOUS')).toEqual(first)
    expect([await tokenStatus(first), await tokenStatus(fresh)]).toEqual([200, 200])
  })

  it('is disabled when it leaves the app, its tokens are refused, and its secret is gone', async () => {
    const secret = await stored()
    const token = await stack().token(secret)
    await deployUpdate(['--context', 'withoutClient=true'])
    expect(await tokenStatus(secret)).toBe(401)
    expect(await untilRefused(stack(), stack().url('payments', '/payments'), token)).toBe(401)
    const { body } = await stack().admin('GET', `/clients/${client.client_id}`)
    expect(body).toMatchObject({ status: 'disabled', secrets: [] })
    const described = secrets.send(new DescribeSecretCommand({ SecretId: client.secret_arn }))
    await expect(described).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  }, 240_000)
})
