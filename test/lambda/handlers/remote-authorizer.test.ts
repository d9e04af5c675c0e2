import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { shardOf } from '../../../lambda/oauth/revocation.ts'
import { type FunctionName, functionEnvironment, startFunction } from '../support/bundled-function.ts'
import { ordersAudience } from '../support/client-item.ts'
import { authorizerEvent, restAuthorizerEvent } from '../support/http-event.ts'
import { startLocalStore } from '../support/local-store.ts'
import { accessToken, signingKeyPair, tokenClaims } from '../support/signing-key-pair.ts'

const store = await startLocalStore()
const pair = signingKeyPair({ signFrom: 1, createdAt: 1 })
const accessKeyId = 'ASIAOFTHEREADERSROLE'
const roleArn = 'arn:aws:iam::111122223333:role/RevocationReader'

/** What another account's services are asked: the issuer, STS, and DynamoDB with whose key and in which Region. */
const asked: string[] = []
let stsStatus = 200
const elsewhere = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const scope = /Credential=([^/]+)\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '')
  if (request.url === '/.well-known/jwks.json') {
    asked.push('jwks')
    response.end(JSON.stringify({ keys: [pair.key.publicJwk] }))
  } else if (request.headers['x-amz-target'] === undefined) {
    asked.push(`sts ${new URLSearchParams(body.toString()).get('RoleArn')} ${scope?.[2]}`)
    response.writeHead(stsStatus, { 'content-type': 'text/xml' }).end(assumeRoleResponse)
  } else {
    asked.push(`dynamodb ${scope?.[1]} ${scope?.[2]}`)
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    )
    const answer = await fetch(store.url, {
      method: 'POST',
      body,
      headers: {
        'content-type': headers['content-type'] ?? '',
        'x-amz-target': headers['x-amz-target'] ?? '',
        authorization: headers.authorization ?? '',
        'x-amz-date': headers['x-amz-date'] ?? '',
      },
    })
    response.writeHead(answer.status).end(await answer.text())
  }
})
await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
const assumeRoleResponse = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
  <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
  <Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`

const started: Awaited<ReturnType<typeof startFunction>>[] = []
afterAll(async () => {
  await Promise.all(started.map(each => each.stop()))
  elsewhere.closeAllConnections()
  elsewhere.close()
  await store.close()
})

async function start(settings: Record<string, string>, name: FunctionName = 'remote-authorizer') {
  asked.length = 0
  const { REVOCATIONS_TABLE: _, ...environment } = functionEnvironment({ dynamodb: url })
  const authorizer = await startFunction(
    name,
    {
      ...environment,
      SERVICE: 'authorizer',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_STS: url,
      AUDIENCE: ordersAudience,
      JWKS_URI: `${url}/.well-known/jwks.json`,
      ...settings,
    },
    { 'routes.json': JSON.stringify({ 'GET /orders': { allOf: ['orders:read'] } }) },
  )
  started.push(authorizer)
  return authorizer
}

const withRevocations = {
  REVOCATIONS_TABLE: 'Revocations',
  REVOCATIONS_REGION: 'eu-west-1',
  REVOCATION_REFRESH_SECONDS: '0',
  REVOCATION_OUTAGE_GRACE_SECONDS: '0',
}
const issuedAt = Math.floor(Date.now() / 1000)
const tokenOf = (jti: string) => accessToken(pair, tokenClaims(issuedAt, { jti }))
const eventOf = (jti: string) => authorizerEvent('GET /orders', `Bearer ${tokenOf(jti)}`)
const unauthorized = { errorMessage: 'Unauthorized' }

async function revoke(jti: string) {
  await store.put('Revocations', {
    shard: { S: shardOf(`jti#${jti}`, 4) },
    subject: { S: `jti#${jti}` },
    revoked_at: { N: String(Date.now()) },
    expires_at: { N: String(issuedAt + 680) },
  })
}

describe('the authorizer function of a server elsewhere', () => {
  it('reads the JWKS while it starts, and the revocations in their Region with the role of their account', async () => {
    const authorizer = await start({ ...withRevocations, REVOCATIONS_ROLE_ARN: roleArn })
    expect(authorizer.start.failure).toBe(undefined)
    expect(asked).toEqual(['jwks'])
    expect((await authorizer.invoke(eventOf('a'))).result).toMatchObject({ isAuthorized: true })
    await revoke('a')
    expect((await authorizer.invoke(eventOf('a'))).result).toEqual(unauthorized)
    expect((await authorizer.invoke(eventOf('b'))).result).toMatchObject({ isAuthorized: true })
    // The role is assumed once, in the authorizer's own Region.
    expect(asked).toEqual([
      'jwks',
      `sts ${roleArn} us-east-1`,
      ...Array(3).fill(`dynamodb ${accessKeyId} eu-west-1`),
    ])
  })

  it('lets nothing pass while the role cannot be assumed', async () => {
    stsStatus = 403
    const authorizer = await start({ ...withRevocations, REVOCATIONS_ROLE_ARN: roleArn })
    const { failure, result, lines } = await authorizer.invoke(eventOf('c'))
    expect([failure, result]).not.toContainEqual(expect.objectContaining({ isAuthorized: true }))
    expect(lines).toContainEqual(expect.objectContaining({ outcome: 'failed', reason: 'store_unavailable' }))
    stsStatus = 200
    expect((await authorizer.invoke(eventOf('c'))).result).toMatchObject({ isAuthorized: true })
  })

  it('reads them with its own role where no other is named', async () => {
    const authorizer = await start(withRevocations)
    expect((await authorizer.invoke(eventOf('d'))).result).toMatchObject({ isAuthorized: true })
    expect(asked[1]).toMatch(/^dynamodb (?!ASIAOFTHEREADERSROLE).* eu-west-1$/)
  })

  it('asks nobody but the issuer where nothing is said of revocations', async () => {
    const authorizer = await start({})
    await revoke('e')
    expect((await authorizer.invoke(eventOf('e'))).result).toMatchObject({ isAuthorized: true })
    const forged = accessToken({ ...signingKeyPair(), key: pair.key }, tokenClaims(issuedAt))
    const { result } = await authorizer.invoke(authorizerEvent('GET /orders', `Bearer ${forged}`))
    expect(result).toEqual(unauthorized)
    expect(asked).toEqual(['jwks'])
  })
})

describe('the authorizer function of a REST API whose server is elsewhere', () => {
  const restEventOf = (jti: string) => restAuthorizerEvent('GET', '/orders', `Bearer ${tokenOf(jti)}`)
  const allow = {
    Effect: 'Allow',
    Action: 'execute-api:Invoke',
    Resource: ['GET/orders', 'GET/orders/'].map(
      path => `arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5/prod/${path}`,
    ),
  }

  it('decides by the JWKS, and by the revocations that the role of their account may read', async () => {
    const settings = { ...withRevocations, REVOCATIONS_ROLE_ARN: roleArn }
    const authorizer = await start(settings, 'remote-rest-authorizer')
    expect(authorizer.start.failure).toBe(undefined)
    expect((await authorizer.invoke(restEventOf('f'))).result).toMatchObject({
      policyDocument: { Statement: [allow] },
    })
    await revoke('f')
    const { failure, result } = await authorizer.invoke(restEventOf('f'))
    expect([failure, result]).toEqual(['Error: Unauthorized', undefined])
    expect(asked).toEqual([
      'jwks',
      `sts ${roleArn} us-east-1`,
      ...Array(2).fill(`dynamodb ${accessKeyId} eu-west-1`),
    ])
  })

  it('lets nothing pass while the role cannot be assumed', async () => {
    stsStatus = 403
    const settings = { ...withRevocations, REVOCATIONS_ROLE_ARN: roleArn }
    const authorizer = await start(settings, 'remote-rest-authorizer')
    const { failure, result } = await authorizer.invoke(restEventOf('g'))
    stsStatus = 200
    // Any error but `Unauthorized` is AUTHORIZER_FAILURE, 500.
    expect([failure, result]).toEqual(['Error: store_unavailable', undefined])
  })
})
