import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  type Answer,
  countersign,
  emptyFolder,
  folderOfServer,
  issuer,
  json,
  type SeenRequest,
  serverOf,
} from './command-line.ts'

const deployed = 'https://abc123.execute-api.eu-central-1.amazonaws.com'
const empty = () => json(200, { clients: [] })
const credentials = { accessKeyId: 'AKID', secretAccessKey: 'aws-secret', sessionToken: 'aws-session' }
const awsCredentials = async () => credentials
const list = ['clients', 'list']

/** A network with several servers on it. */
function network(...issuers: string[]) {
  return async (request: SeenRequest): Promise<Answer> => {
    for (const known of issuers)
      if (request.url.origin === known) return await serverOf(known, empty)(request)
    return undefined
  }
}

describe('the order in which the server is found', () => {
  it('takes --url before COUNTERSIGN_URL', async () => {
    const { requests } = await countersign([...list, '--url', 'http://127.0.0.1:5000/'], {
      handler: network('http://127.0.0.1:5000', issuer),
    })
    expect(requests.map(({ url }) => url.origin)).toEqual(['http://127.0.0.1:5000'])
  })

  it('takes COUNTERSIGN_URL before a running local server', async () => {
    const { requests } = await countersign(list, {
      env: { COUNTERSIGN_URL: 'http://127.0.0.1:5000' },
      cwd: folderOfServer(),
      handler: network('http://127.0.0.1:5000', issuer),
    })
    expect(requests.map(({ url }) => url.origin)).toEqual(['http://127.0.0.1:5000'])
  })

  it('finds the local server of the current folder and signs for its region', async () => {
    const { code, requests } = await countersign(list, {
      env: {},
      cwd: folderOfServer(),
      handler: network(issuer),
    })
    expect(code).toBe(0)
    expect(requests[0]?.url.href).toBe(`${issuer}/admin/clients?limit=100`)
    expect(requests[0]?.headers.get('authorization')).toContain('/20261121/eu-west-1/execute-api/')
  })

  it('finds the local server of COUNTERSIGN_DATA_DIR', async () => {
    const COUNTERSIGN_DATA_DIR = join(folderOfServer(), '.countersign')
    const { code } = await countersign(list, { env: { COUNTERSIGN_DATA_DIR }, handler: network(issuer) })
    expect(code).toBe(0)
  })

  it('never falls from a local server that stopped to a deployed one', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const run = await countersign(list, {
      env: { AWS_REGION: 'eu-central-1' },
      cwd: folderOfServer({ pid }),
      handler: network(deployed),
    })
    expect([run.code, run.requests]).toEqual([4, []])
    expect(run.err).toMatch(
      new RegExp(
        `^countersign: the local server of .+endpoints\\.json is not running \\(process ${pid}\\)\n.*npx countersign local`,
      ),
    )
  })

  it('refuses an endpoints.json that points to another machine', async () => {
    const cwd = folderOfServer({ admin: 'http://192.0.2.1/admin' })
    const { code, requests } = await countersign(list, { env: {}, cwd, handler: network('http://192.0.2.1') })
    expect([code, requests]).toEqual([4, []])
  })

  it('asks the stack for its outputs when nothing runs here', async () => {
    const { code, requests } = await countersign(list, {
      env: { AWS_REGION: 'eu-central-1' },
      handler: async request =>
        request.url.host === 'cloudformation.eu-central-1.amazonaws.com'
          ? stack(deployed)
          : network(deployed)(request),
      awsCredentials,
    })
    expect(code).toBe(0)
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST https://cloudformation.eu-central-1.amazonaws.com/',
      `GET ${deployed}/admin/clients?limit=100`,
    ])
    expect(requests[0]?.body).toBe('Action=DescribeStacks&StackName=Countersign&Version=2010-05-15')
    expect(requests[0]?.headers.get('authorization')).toContain('AKID/20261121/eu-central-1/cloudformation/')
    expect(requests[1]?.headers.get('authorization')).toContain('AKID/20261121/eu-central-1/execute-api/')
    expect(requests[1]?.headers.get('x-amz-security-token')).toBe('aws-session')
  })

  it.each([
    ['--stack', 'Other'],
    ['--region', 'eu-central-1'],
    ['--profile', 'ops'],
  ])('skips the local server for %s %s, which can only mean a deployed one', async (flag, value) => {
    const { requests } = await countersign([...list, flag, value], {
      env: { AWS_REGION: 'eu-central-1' },
      cwd: folderOfServer(),
      handler: async ({ url }) => (url.host.startsWith('cloudformation.') ? stack('') : undefined),
      awsCredentials,
    })
    expect(requests.map(({ url }) => url.host)).toEqual(['cloudformation.eu-central-1.amazonaws.com'])
  })

  it('says that there is no server rather than that AWS is not set up', async () => {
    const { code, err } = await countersign(list, { env: { HOME: emptyFolder() } })
    expect(code).toBe(4)
    expect(err.split('\n')[0]).toBe(
      'countersign: no server: none runs here, and no AWS region is set to look for a deployed one',
    )
  })

  it.each([
    [400, 'ValidationError', 'Stack with id Countersign does not exist', 4],
    [403, 'InvalidClientTokenId', 'The security token included in the request is invalid', 5],
    [403, 'AccessDenied', 'not authorized to perform: cloudformation:DescribeStacks', 5],
    [400, 'Throttling', 'Rate exceeded', 1],
  ])('turns the stack answer %i %s into an exit code', async (status, code, message, exitCode) => {
    const run = await countersign(list, {
      env: { AWS_REGION: 'eu-central-1' },
      handler: () =>
        new Response(
          `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
          {
            status,
          },
        ),
      awsCredentials,
    })
    expect(run.code).toBe(exitCode)
  })
})

describe('credentials', () => {
  it('takes the local ones for this machine, whatever AWS_* says', async () => {
    const { code, requests } = await countersign(list, {
      env: {
        COUNTERSIGN_URL: issuer,
        AWS_ACCESS_KEY_ID: 'AKID',
        AWS_PROFILE: 'ops',
        AWS_REGION: 'eu-north-1',
      },
      handler: network(issuer),
    })
    expect(code).toBe(0)
    expect(requests[0]?.headers.get('authorization')).toContain(
      'Credential=countersignlocal/20261121/us-east-1/execute-api/',
    )
    expect(requests[0]?.headers.has('x-amz-security-token')).toBe(false)
  })

  it.each([
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://192.0.2.1',
    'http://[::2]',
    'ftp://127.0.0.1',
    'not a url',
    'https://user:pass@example.com',
    'https://example.com/?x=1',
  ])('sends nothing at all to %s', async url => {
    const { code, requests } = await countersign([...list, '--url', url], { handler: empty })
    expect([code, requests]).toEqual([2, []])
  })

  it.each(['http://127.0.0.1:4000', 'http://127.1.2.3:4000', 'http://localhost:4000', 'http://[::1]:4000'])(
    'takes %s for this machine',
    async url => {
      const { code } = await countersign([...list, '--url', url], { handler: network(url) })
      expect(code).toBe(0)
    },
  )

  it('never sends the local ones over https', async () => {
    const { requests } = await countersign([...list, '--url', deployed], {
      env: { AWS_REGION: 'us-west-2' },
      handler: network(deployed),
      awsCredentials,
    })
    expect(requests[0]?.headers.get('authorization')).toContain(
      'Credential=AKID/20261121/eu-central-1/execute-api/',
    )
  })

  it('takes the region of a custom domain from the profile', async () => {
    const HOME = emptyFolder()
    const AWS_CONFIG_FILE = join(emptyFolder(), 'config')
    writeFileSync(
      AWS_CONFIG_FILE,
      '[default]\nregion = us-east-2\n\n[profile ops]\noutput = json\nregion=ap-south-1 # Mumbai\n',
    )
    const asked: unknown[] = []
    const { requests } = await countersign(
      [...list, '--url', 'https://auth.example.com', '--profile', 'ops'],
      {
        env: { HOME, AWS_CONFIG_FILE },
        handler: network('https://auth.example.com'),
        awsCredentials: async query => {
          asked.push(query)
          return credentials
        },
      },
    )
    expect(requests[0]?.headers.get('authorization')).toContain('/ap-south-1/execute-api/')
    expect(asked).toEqual([{ profile: 'ops', region: 'ap-south-1', mfaCode: undefined }])
  })

  it('exits with 5 when there are none', async () => {
    const { code, err, requests } = await countersign([...list, '--url', deployed], {
      handler: network(deployed),
      awsCredentials: async () => {
        throw new Error('Could not load credentials from any providers')
      },
    })
    expect([code, requests]).toEqual([5, []])
    expect(err).toMatch(/^countersign: no AWS credentials to sign with: Could not load .+\nSign in .+\n$/)
  })

  it('exits with 5 when they are refused', async () => {
    const { code, out } = await countersign([...list, '--json'], {
      handler: serverOf(issuer, () => json(403, { message: 'Forbidden' })),
    })
    expect(code).toBe(5)
    expect(JSON.parse(out)).toEqual({
      error: 'access_denied',
      error_description: `${issuer} refused the local credentials: Forbidden`,
    })
  })
})

describe('the server that answers', () => {
  it('must be the issuer that was named (RFC 8414 §3.3)', async () => {
    const { code, err, requests } = await countersign(list, {
      handler: () => json(200, { issuer: 'https://other.example' }),
    })
    expect([code, requests]).toEqual([4, []])
    expect(err).toBe(
      `countersign: the server at ${issuer} is the issuer https://other.example\nIf that is the one you mean: --url https://other.example\n`,
    )
  })

  it('may be without metadata for a while: administration goes on', async () => {
    const { code, err, requests } = await countersign(['clients', 'delete', 'c_1'], {
      handler: ({ method }) =>
        method === 'DELETE'
          ? new Response(null, { status: 204 })
          : json(503, { message: 'Service Unavailable' }),
    })
    expect([code, requests.length]).toEqual([0, 1])
    expect(err).toBe(
      `countersign: ${issuer} cannot serve its metadata now (status 503); going on without it.\n`,
    )
  })

  it('is not followed to another address', async () => {
    const { code, requests } = await countersign(list, {
      handler: serverOf(
        issuer,
        () =>
          new Response(null, { status: 307, headers: { location: 'https://evil.example/admin/clients' } }),
      ),
    })
    expect([code, requests.length]).toEqual([1, 1])
  })

  it('exits with 4 when it does not answer', async () => {
    const { code, err } = await countersign(list, { handler: () => undefined })
    expect(code).toBe(4)
    expect(err.split('\n')[0]).toBe('countersign: 127.0.0.1:4000 cannot be reached: connection refused')
  })

  it('exits with 1 and says when to try again while its store fails', async () => {
    const { code, err } = await countersign(list, {
      handler: serverOf(issuer, () =>
        json(503, { error: 'temporarily_unavailable' }, { 'retry-after': '2' }),
      ),
    })
    expect(code).toBe(1)
    expect(err).toBe(`countersign: ${issuer} cannot do it now: temporarily_unavailable\nTry again in 2 s.\n`)
  })

  it('is said to be waited for after two seconds', async () => {
    vi.useFakeTimers()
    try {
      const { promise, resolve } = withResolvers()
      const running = countersign(list, {
        handler: serverOf(issuer, () => {
          vi.advanceTimersByTime(2000)
          resolve()
          return empty()
        }),
      })
      await promise
      expect((await running).err).toBe('waiting for 127.0.0.1:4000 …\nNo client is registered.\n')
    } finally {
      vi.useRealTimers()
    }
  })
})

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

function stack(outputIssuer: string): Response {
  return new Response(`<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
    <DescribeStacksResult><Stacks><member>
      <Capabilities><member>CAPABILITY_IAM</member></Capabilities>
      <Outputs>
        <member><OutputKey>AdminEndpoint</OutputKey><OutputValue>${outputIssuer}/admin</OutputValue></member>
        <member><Description>a &amp; b</Description><OutputValue>${outputIssuer}</OutputValue><OutputKey>Issuer</OutputKey></member>
      </Outputs>
      <StackName>Countersign</StackName>
    </member></Stacks></DescribeStacksResult></DescribeStacksResponse>`)
}
