// `npm run bench`: what the hot paths cost, as ratios to a floor measured in the same run, so that the machine's speed
// cancels out. Nothing here is asserted: machines are noisy.
import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { KMSClient } from '@aws-sdk/client-kms'
import { createGuard } from '../guard/index.ts'
import { authorizerHandler } from '../lambda/adapters/authorizer-handler.ts'
import { envelopeSigner } from '../lambda/adapters/envelope-signer.ts'
import { oauthEndpoint } from '../lambda/adapters/oauth-endpoint.ts'
import { Records } from '../lambda/adapters/records.ts'
import { signatureVerifier } from '../lambda/adapters/signature-verifier.ts'
import { signAccessToken } from '../lambda/oauth/access-token.ts'
import { buildAccessTokenClaims } from '../lambda/oauth/access-token-claims.ts'
import type { Client } from '../lambda/oauth/client.ts'
import { digestSecret, formatSecret, matchSecret } from '../lambda/oauth/client-secret.ts'
import { ClockWatch } from '../lambda/oauth/clock-watch.ts'
import { derToJoseLowS } from '../lambda/oauth/ecdsa-signature.ts'
import { issueToken, type TokenEndpoint } from '../lambda/oauth/issue-token.ts'
import { metricNames } from '../lambda/oauth/metric-names.ts'
import { revokeToken } from '../lambda/oauth/revocation.ts'
import { RevocationSnapshot } from '../lambda/oauth/revocation-snapshot.ts'
import { parseRouteTable } from '../lambda/oauth/route-table.ts'
import type { SigningKey } from '../lambda/oauth/signing-key.ts'
import { VerifiedTokenMemory } from '../lambda/oauth/verified-token-memory.ts'

const issuer = 'https://issuer.example'
const audience = 'https://orders.example.com'
const nowSeconds = Math.floor(Date.now() / 1000)
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
const publicJwk = { kty: 'EC', crv: 'P-256', x, y, kid: 'k', alg: 'ES256', use: 'sig' } as const
const key: SigningKey = {
  kid: 'k',
  algorithm: 'ES256',
  publicJwk,
  kmsKeyArn: 'arn',
  wrappedPrivateKey: undefined,
  state: 'active',
  createdAt: 0,
  signFrom: 0,
  verifyUntil: undefined,
}

const functionEnvironment = {
  ISSUER: issuer,
  AUDIENCE: audience,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'x',
  AWS_SECRET_ACCESS_KEY: 'x',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  CLIENTS_TABLE: 'clients',
  SIGNING_KEYS_TABLE: 'keys',
  SIGNING_KEY_RING: 'ring',
  SINGLE_USE_TABLE: 'single-use',
  RESOURCE_SERVERS_TABLE: 'resource-servers',
  AUTHENTICATION_FAILURE_LIMIT: '20',
  AUTHENTICATION_FAILURE_WINDOW_SECONDS: '60',
  REVOCATIONS_TABLE: 'revocations',
  REVOCATION_SHARDS: '4',
  REVOCATION_REFRESH_SECONDS: '5',
  REVOCATION_OUTAGE_GRACE_SECONDS: '60',
  ACCESS_TOKEN_LIFETIME_SECONDS: '600',
}

async function newToken(jti: string): Promise<string> {
  const client = { clientId: 'c'.repeat(32), tokensRevokedUpTo: 0 }
  const grant = { audience, scope: ['orders:read', 'orders:write'] }
  const claims = buildAccessTokenClaims(issuer, client, grant, 600, nowSeconds, jti)
  return signAccessToken(claims, [key], async input => {
    return derToJoseLowS(sign('sha256', Buffer.from(input), privateKey)) ?? new Uint8Array()
  })
}

/** Median microseconds of one call, over rounds of the same number of calls. */
async function microseconds(call: (index: number) => unknown, calls: number, rounds = 15): Promise<number> {
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    for (let index = 0; index < calls; index++) await call(round * calls + index)
    samples.push(((performance.now() - start) * 1000) / calls)
  }
  return samples.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0
}

const tokenSecret = formatSecret(randomBytes(32))
const lines: string[] = []
const records = new Records(
  'authorizer',
  line => {
    lines[0] = line
  },
  Date.now,
)
const context = {
  clock: { now: Date.now, monotonic: () => performance.now() },
  records,
  watch: new ClockWatch(() => {}),
}
const snapshot = new RevocationSnapshot()
for (let index = 0; index < 10_000; index++)
  snapshot.add(revokeToken(randomBytes(16).toString('base64url'), nowSeconds + 600))

function newHandler(memory: VerifiedTokenMemory) {
  const api = {
    issuer,
    audience,
    memory,
    routes: parseRouteTable('{"GET /orders":{"allOf":["orders:read"]}}'),
    findKey: async () => key,
    findKnownKey: () => key,
    verifySignature: signatureVerifier(issuer, audience),
    isRevoked: async (token: Parameters<RevocationSnapshot['isRevoked']>[0]) =>
      snapshot.isRevoked(token, nowSeconds),
  }
  return authorizerHandler(api, context)
}

/** The token function with custody `envelope`, over stores that answer at once. */
function newTokenHandlerOf() {
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
  const kms = { send: async () => ({ Plaintext: pkcs8 }) } as unknown as KMSClient
  const client: Client = {
    clientId: 'c'.repeat(32),
    status: 'active',
    tokenEndpointAuthMethod: 'client_secret_basic',
    grants: [{ resource: audience, scope: ['orders:read', 'orders:write'] }],
    accessTokenLifetimeSeconds: undefined,
    secrets: [{ secretId: 's', digest: digestSecret(tokenSecret), createdAt: 0, expiresAt: undefined }],
    jwks: undefined,
    jwksUri: undefined,
    tokenEndpointAuthSigningAlg: undefined,
    resourceServer: undefined,
    tokensRevokedUpTo: 0,
  }
  const endpoint: TokenEndpoint = {
    issuer,
    accessTokenLifetimeSeconds: 600,
    failureLimit: { failures: 20, windowSeconds: 60 },
    findClient: async () => ({ client, failures: undefined }),
    recordFailure: async () => {},
    fetchClientKeys: async () => 'unavailable',
    claimAssertion: async () => true,
    recordSecretUse: async () => {},
    findResourceServer: async grant => ({
      audience: grant.audience,
      scopes: new Set(grant.scope),
      accessTokenLifetimeSeconds: undefined,
    }),
    findSigningKeys: async () => [{ ...key, wrappedPrivateKey: pkcs8 }],
    sign: envelopeSigner(kms, 'ring', records),
    newTokenId: () => randomBytes(16).toString('base64url'),
  }
  const { tokensIssued: allowed, tokensRefused: refused, tokensFailed: failed } = metricNames
  return oauthEndpoint(
    {
      audit: 'token.issue',
      metrics: { allowed, refused, failed },
      decide: async (request, now, facts) => ({
        response: await issueToken(request, endpoint, now, facts),
        reason: 'ok',
      }),
    },
    context,
  )
}

const tokenRequestEvent = {
  version: '2.0',
  routeKey: 'ANY /token',
  rawPath: '/token',
  rawQueryString: '',
  headers: {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${Buffer.from(`${'c'.repeat(32)}:${tokenSecret}`).toString('base64')}`,
  },
  requestContext: { requestId: 'r', http: { method: 'POST', path: '/token', sourceIp: '127.0.0.1' } },
  body: Buffer.from('grant_type=client_credentials').toString('base64'),
  isBase64Encoded: true,
} as unknown as Parameters<ReturnType<typeof newTokenHandlerOf>>[0]

function eventOf(token: string) {
  return {
    version: '2.0',
    type: 'REQUEST',
    routeKey: 'GET /orders',
    headers: { authorization: `Bearer ${token}` },
    requestContext: { requestId: 'r', http: { sourceIp: '127.0.0.1' } },
  } as unknown as Parameters<ReturnType<typeof newHandler>>[0]
}

const signed = Buffer.from((await newToken('floor')).split('.').slice(0, 2).join('.'))
const signature = sign('sha256', signed, privateKey)
const verifyFloor = await microseconds(() => verify('sha256', signed, publicKey, signature), 500)

const seenHandler = newHandler(new VerifiedTokenMemory())
const seenEvent = eventOf(await newToken('seen'))
const seen = await microseconds(() => seenHandler(seenEvent), 5000)

const jwks = createServer((_, response) => response.end(JSON.stringify({ keys: [publicJwk] })))
await once(jwks.listen(0, '127.0.0.1'), 'listening')
const guard = createGuard({
  issuer,
  audience,
  revocations: 'none',
  keys: { jwksUri: `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json` },
})
await guard.start()
jwks.close()
const guarded = { authorization: `Bearer ${await newToken('guarded')}`, require: { allOf: ['orders:read'] } }
if (!(await guard.authorize(guarded)).allowed) throw new Error('the guard refuses')
const guardSeen = await microseconds(() => guard.authorize(guarded), 5000)

// Each round starts with an empty memory, so that every token is new to it. Tokens come out of JSON, as events do.
const tokens: string[] = JSON.parse(
  JSON.stringify(await Promise.all(Array.from({ length: 500 }, (_, index) => newToken(`new${index}`)))),
)
const newEvents = tokens.map(eventOf)
let newTokenHandler = newHandler(new VerifiedTokenMemory())
const fresh = await microseconds(index => {
  if (index % newEvents.length === 0) newTokenHandler = newHandler(new VerifiedTokenMemory())
  return newTokenHandler(newEvents[index % newEvents.length] ?? seenEvent)
}, newEvents.length)

const secret = formatSecret(randomBytes(32))
const stored = [{ secretId: 's', digest: digestSecret(secret), createdAt: 0, expiresAt: undefined }]
const hashFloor = await microseconds(() => createHash('sha256').update(secret).digest(), 5000)
const secretCheck = await microseconds(() => matchSecret(secret, stored, nowSeconds), 5000)
const token = { jti: 'x', clientId: 'c', kid: 'k', iat: nowSeconds }
const lookUp = await microseconds(() => snapshot.isRevoked(token, nowSeconds), 20_000)
const millionRevoked = new RevocationSnapshot()
for (let index = 0; index < 1_000_000; index++)
  millionRevoked.add(revokeToken(randomBytes(16).toString('base64url'), nowSeconds + 600))
const others = Array.from({ length: 20_000 }, () => ({
  ...token,
  jti: Buffer.from(randomBytes(16).toString('base64url')).toString(),
}))
const lookUpInMillion = await microseconds(
  index => millionRevoked.isRevoked(others[index % others.length] ?? token, nowSeconds),
  others.length,
)

const signFloor = await microseconds(() => sign('sha256', signed, privateKey), 500)
const tokenHandler = newTokenHandlerOf()
const issued = await microseconds(() => tokenHandler(tokenRequestEvent), 500)

const rows: [string, string, string][] = [
  ['authorizer, token seen before / ES256 verify', (seen / verifyFloor).toFixed(3), '<= 0.06'],
  ['guard, token seen before / ES256 verify', (guardSeen / verifyFloor).toFixed(3), '<= 0.06'],
  ['authorizer, token new / ES256 verify', (fresh / verifyFloor).toFixed(2), '<= 1.35'],
  ['token handler, envelope / ES256 sign', (issued / signFloor).toFixed(2), '<= 2.0'],
  ['secret check / SHA-256', (secretCheck / hashFloor).toFixed(2), '<= 2'],
  ['revocation look-up (10,000 live) / ES256 verify', (lookUp / verifyFloor).toFixed(4), '<= 0.01'],
  [
    'revocation look-up (1,000,000 live) / ES256 verify',
    (lookUpInMillion / verifyFloor).toFixed(4),
    '<= 0.01',
  ],
]
for (const [name, limit] of [
  ['authorizer', 300],
  ['token', 320],
] as const) {
  const file = fileURLToPath(new URL(`../dist/lambda/${name}/index.mjs`, import.meta.url))
  rows.push([`${name} bundle, KB`, (statSync(file).size / 1000).toFixed(0), `<= ${limit}`])
}
for (const name of ['authorizer', 'token']) {
  rows.push([`${name} import / bare node start`, (await importRatio(name)).toFixed(2), '<= 2.9'])
}

/** Whole processes: importing a bundle, with a store that answers at once, against starting Node and ending it. */
async function importRatio(name: string): Promise<number> {
  const store = createServer((_, response) => response.end('{"Items":[],"Count":0}')).listen(0, '127.0.0.1')
  await once(store, 'listening')
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const bundle = join(folder, 'index.mjs')
  copyFileSync(fileURLToPath(new URL(`../dist/lambda/${name}/index.mjs`, import.meta.url)), bundle)
  writeFileSync(join(folder, 'routes.json'), '{}')
  const env = {
    ...functionEnvironment,
    SERVICE: name,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(store.address() as AddressInfo).port}`,
  }
  const withImport = `import(${JSON.stringify(bundle)}).then(() => process.exit(0), () => process.exit(1))`
  const ratios: number[] = []
  for (let run = 0; run < 11; run++) {
    const bare = await wallMilliseconds('process.exit()', env)
    ratios.push((await wallMilliseconds(withImport, env)) / bare)
  }
  store.close()
  rmSync(folder, { recursive: true })
  return ratios.sort((a, b) => a - b)[5] ?? 0
}

async function wallMilliseconds(script: string, env: Record<string, string>): Promise<number> {
  const start = performance.now()
  const child = spawn(process.execPath, ['-e', script], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the process ended with ${code}`)
  return performance.now() - start
}

const width = Math.max(...rows.map(([name]) => name.length))
console.log(
  `Node ${process.version}; ES256 verify ${verifyFloor.toFixed(0)} us, SHA-256 ${hashFloor.toFixed(2)} us`,
)
for (const [name, ratio, target] of rows)
  console.log(`${name.padEnd(width)}  ${ratio.padStart(7)}  target ${target}`)
