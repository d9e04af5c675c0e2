import { describe, expect, it } from 'vitest'
import {
  countersign,
  folderOfServer,
  type Handler,
  issuer,
  json,
  type SeenRequest,
  serverOf,
} from './command-line.ts'

const arn = 'arn:aws:secretsmanager:eu-north-1:111122223333:secret:BillingSecret-AbCdEf'
const get = ['tokens', 'get', 'c_1', '--secret-id', arn]
const deployed = 'https://abc123.execute-api.eu-central-1.amazonaws.com'
const localSecrets = 'http://127.0.0.1:4600'
const credentials = { accessKeyId: 'AKID', secretAccessKey: 'aws-secret', sessionToken: 'aws-session' }
const awsCredentials = async () => credentials

const storedFor = (ofIssuer: string, changes: object = {}) => ({
  client_id: 'c_1',
  client_secret: 's+1',
  secret_id: 's_1',
  token_endpoint: `${ofIssuer}/token`,
  ...changes,
})
const secretValue = (stored: unknown) => json(200, { ARN: arn, SecretString: JSON.stringify(stored) })

/** A server that issues tokens, and whatever else answers GetSecretValue. */
const networkOf = (ofIssuer: string, answer: () => Response) =>
  serverOf(ofIssuer, ({ url }) => {
    if (url.href === `${ofIssuer}/token`) return json(200, { access_token: 'a.b.c', token_type: 'Bearer' })
    if (url.href === `${ofIssuer}/introspect`) return json(200, { active: true })
    return url.pathname === '/' ? answer() : undefined
  })

const whereTo = (requests: readonly SeenRequest[]) => requests.map(({ url }) => url.href)

/** The local server of the folder, with its stand-in for Secrets Manager. */
const local = (handler: Handler, aws: object = { secretsmanager: localSecrets }) => ({
  env: {},
  cwd: folderOfServer({ aws }),
  handler,
})
/** A deployed server. */
const onAws = (answer: () => Response, env: Record<string, string> = {}) => ({
  env: { COUNTERSIGN_URL: deployed, ...env },
  handler: networkOf(deployed, answer),
  awsCredentials,
})

describe('a secret from Secrets Manager', () => {
  it('of the local server gets a token with the stand-in’s secret, and shows nothing but the token', async () => {
    const { code, out, err, requests } = await countersign(
      ['tokens', 'get', 'c_1', '--secret-id', 'BillingSecret'],
      local(networkOf(issuer, () => secretValue(storedFor(issuer)))),
    )
    expect([code, out, err]).toEqual([0, 'a.b.c\n', ''])
    expect(whereTo(requests)).toEqual([`${localSecrets}/`, `${issuer}/token`])
    const [read, token] = requests
    expect([read?.headers.get('x-amz-target'), read?.body]).toEqual([
      'secretsmanager.GetSecretValue',
      '{"SecretId":"BillingSecret"}',
    ])
    expect(read?.headers.get('authorization')).toContain(
      'Credential=countersignlocal/20261121/eu-west-1/secretsmanager/aws4_request',
    )
    expect(token?.headers.get('authorization')).toBe(`Basic ${btoa('c_1:s%2B1')}`)
  })

  it('of AWS is read in the Region of its ARN, with the AWS credential chain', async () => {
    const { code, requests } = await countersign(
      get,
      onAws(() => secretValue(storedFor(deployed))),
    )
    expect(code).toBe(0)
    expect(whereTo(requests)).toEqual([
      'https://secretsmanager.eu-north-1.amazonaws.com/',
      `${deployed}/token`,
    ])
    const [read] = requests
    expect(read?.headers.get('authorization')).toContain('AKID/20261121/eu-north-1/secretsmanager/')
    expect(read?.headers.get('x-amz-security-token')).toBe('aws-session')
  })

  it.each<[string, string[], Record<string, string>, string]>([
    ['the Region of the server', [], {}, 'https://secretsmanager.eu-central-1.amazonaws.com/'],
    [
      '--region before it',
      ['--url', deployed, '--region', 'eu-west-3'],
      {},
      'https://secretsmanager.eu-west-3.amazonaws.com/',
    ],
    [
      'the endpoint that AWS’s tools are set to',
      [],
      {
        AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://vpce-1.example.com',
        AWS_ENDPOINT_URL: 'http://x.example',
      },
      'https://vpce-1.example.com/',
    ],
  ])('by name is read at %s', async (_, flags, env, endpoint) => {
    const surroundings = onAws(() => secretValue(storedFor(deployed)), env)
    const byName = ['tokens', 'get', 'c_1', '--secret-id', 'BillingSecret']
    const { code, requests } = await countersign([...byName, ...flags], surroundings)
    expect([code, whereTo(requests)]).toEqual([0, [endpoint, `${deployed}/token`]])
  })

  it('introspects, too, and goes into the body for client_secret_post', async () => {
    const { code, requests } = await countersign(
      ['tokens', 'introspect', 'a.b.c', '--client', 'c_1', '--secret-id', arn].concat(
        '--auth-method',
        'client_secret_post',
      ),
      onAws(() => secretValue(storedFor(deployed))),
    )
    expect([code, requests[1]?.body]).toEqual([0, 'token=a.b.c&client_id=c_1&client_secret=s%2B1'])
  })

  it.each<[string, unknown, string]>([
    ['of another client', storedFor(deployed, { client_id: 'c_2' }), `${arn} holds no secret of c_1`],
    [
      'for another server',
      storedFor('https://evil.example'),
      `${arn} is for another server than ${deployed}`,
    ],
    ['of another kind', 's+1', `${arn} holds no secret of c_1`],
    ['without a secret', storedFor(deployed, { client_secret: undefined }), `${arn} holds no secret of c_1`],
    ['that is null', null, `${arn} holds no secret of c_1`],
  ])('%s is sent nowhere, and not shown', async (_, stored, message) => {
    const run = await countersign(
      [...get, '--json'],
      onAws(() => secretValue(stored)),
    )
    expect([run.code, run.err.split('\n')[0]]).toEqual([1, `countersign: ${message}`])
    expect(JSON.parse(run.out).error).toBe('other_secret')
    expect(whereTo(run.requests)).toEqual(['https://secretsmanager.eu-north-1.amazonaws.com/'])
    expect(run.out + run.err).not.toContain('s+1')
  })

  it('that is no JSON is not shown either', async () => {
    const answer = () => json(200, { ARN: arn, SecretString: 'not { json' })
    const run = await countersign(get, { ...onAws(answer) })
    expect([run.code, run.err]).toEqual([
      1,
      `countersign: ${arn} holds no secret of c_1\nIts secret is where "countersign clients show c_1" says.\n`,
    ])
  })

  it.each<[number, object, number, string]>([
    [
      400,
      { __type: 'ResourceNotFoundException', Message: "Secrets Manager can't find the specified secret." },
      3,
      `there is no value of the secret ${arn}: Secrets Manager can't find the specified secret.`,
    ],
    [
      400,
      { __type: 'AccessDeniedException', Message: 'not authorized' },
      5,
      'Secrets Manager refused the AWS credentials: not authorized',
    ],
    [
      400,
      { __type: 'UnrecognizedClientException', message: 'The security token is invalid.' },
      5,
      'Secrets Manager refused the AWS credentials: The security token is invalid.',
    ],
    [
      400,
      { __type: 'InvalidRequestException', Message: 'marked for deletion' },
      1,
      `Secrets Manager did not give the secret ${arn}: marked for deletion`,
    ],
    [500, {}, 1, `Secrets Manager did not give the secret ${arn}: status 500`],
  ])('that is answered %i %j says what to do', async (status, document, exitCode, message) => {
    const { code, err, requests } = await countersign(
      get,
      onAws(() => json(status, document)),
    )
    expect([code, err.split('\n')[0], requests.length]).toEqual([exitCode, `countersign: ${message}`, 1])
  })

  it('of a local server of another folder is looked for nowhere else', async () => {
    const run = await countersign(get, { env: { COUNTERSIGN_URL: issuer }, handler: serverOf(issuer) })
    expect([run.code, run.requests]).toEqual([4, []])
    expect(run.err).toContain('set COUNTERSIGN_DATA_DIR.\n')
  })

  it('is never asked for on another machine by the endpoints.json of a folder', async () => {
    const run = await countersign(
      get,
      local(
        networkOf(issuer, () => secretValue(storedFor(issuer))),
        { secretsmanager: 'http://192.0.2.1' },
      ),
    )
    expect([run.code, run.requests]).toEqual([4, []])
  })

  it('is asked for at a host of AWS only, whatever its ARN says', async () => {
    const stray = ['tokens', 'get', 'c_1', '--secret-id', 'arn:aws:secretsmanager:evil.example/x:1:secret:s']
    const { code, err, requests } = await countersign(
      stray,
      onAws(() => secretValue(storedFor(deployed))),
    )
    expect([code, requests]).toEqual([2, []])
    expect(err.split('\n')[0]).toBe('countersign: "evil.example/x" is not an AWS region')
  })

  it.each([
    [['--secret-file', '-'], '--secret-file and --secret-id exclude each other'],
    [['--key-file', '-'], '--secret-id and --key-file exclude each other'],
    [['--auth-method', 'private_key_jwt'], 'private_key_jwt needs a key'],
  ])('does not go together with %j', async (flags, message) => {
    const { code, err, requests } = await countersign([...get, ...flags])
    expect([code, err.split('\n')[0], requests]).toEqual([2, `countersign: ${message}`, []])
  })
})
