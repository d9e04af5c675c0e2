import { describe, expect, it } from 'vitest'
import { countersign, emptyFolder, json, type SeenRequest, type Surroundings } from './command-line.ts'

// What a local stack does not have: AWS's own services, and TLS.
const issuer = 'https://abc123.execute-api.eu-central-1.amazonaws.com'
const topic = 'arn:aws:sns:eu-central-1:111122223333:alarms'
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  response_types_supported: [],
  grant_types_supported: ['client_credentials'],
}

interface Account {
  outputs?: Record<string, string>
  confirmed?: number
  pending?: number
  ringing?: readonly string[]
  alarms?: readonly string[]
  refused?: boolean
}

/** A deployment whose administration is not for this caller, in an account like this. */
function handler(account: Account = {}) {
  return ({ url, body }: SeenRequest): Response => {
    if (url.pathname.startsWith('/.well-known/')) return wellKnown(url)
    if (url.host === new URL(issuer).host)
      return url.pathname === '/token' ? json(400, {}) : json(403, { message: 'Forbidden' })
    return aws(url, new URLSearchParams(body), account)
  }
}

function wellKnown({ pathname }: URL): Response {
  if (!pathname.endsWith('/jwks.json')) return json(200, metadata)
  return json(
    200,
    { keys: [{ kty: 'EC', kid: 'k1', alg: 'ES256' }] },
    { 'cache-control': 'public, max-age=300' },
  )
}

function aws(url: URL, parameters: URLSearchParams, account: Account): Response {
  const { confirmed = 1, pending = 0, alarms = ['StoreErrors', 'KmsErrors'], ringing = [] } = account
  if (account.refused && !url.host.startsWith('cloudformation.'))
    return new Response('<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>', {
      status: 403,
    })
  const names = parameters.get('StateValue') === 'ALARM' ? ringing : alarms
  const answers: Record<string, string> = {
    DescribeStacks: Object.entries({ Issuer: issuer, AlarmTopicArn: topic, ...account.outputs })
      .map(
        ([name, value]) =>
          `<member><OutputKey>${name}</OutputKey><OutputValue>${value}</OutputValue></member>`,
      )
      .join(''),
    GetTopicAttributes: `<entry><key>SubscriptionsConfirmed</key><value>${confirmed}</value></entry>
      <entry><key>SubscriptionsPending</key><value>${pending}</value></entry>`,
    DescribeAlarms: names.map(name => `<member><AlarmName>${name}</AlarmName></member>`).join(''),
  }
  return new Response(answers[parameters.get('Action') ?? ''] ?? '', { status: 200 })
}

async function doctor(account?: Account, surroundings: Surroundings = {}, ...args: string[]) {
  const run = await countersign(['doctor', '--url', issuer, '--json', ...args], {
    env: { HOME: emptyFolder() },
    handler: handler(account),
    awsCredentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'aws-secret' }),
    ...surroundings,
  })
  const { checks } = JSON.parse(run.out) as { checks: { check: string; outcome: string; found: string }[] }
  const finding = (check: string) => {
    const { outcome = '', found = '' } = checks.find(each => each.check === check) ?? {}
    return [outcome, found]
  }
  return { ...run, finding }
}

describe('countersign doctor on AWS', () => {
  it('finds the alarms of the stack and who hears of them', async () => {
    const { code, requests, finding } = await doctor()
    expect(code).toBe(0)
    expect(finding('alarms.target')).toEqual(['ok', '1 confirmed subscription of the alarm topic'])
    expect(finding('alarms.state')).toEqual(['ok', '2 alarms, none going off'])
    const toAws = requests.filter(({ url }) => !url.host.startsWith('abc123'))
    expect(toAws.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST https://cloudformation.eu-central-1.amazonaws.com/',
      'POST https://sns.eu-central-1.amazonaws.com/',
      'POST https://monitoring.eu-central-1.amazonaws.com/',
      'POST https://monitoring.eu-central-1.amazonaws.com/',
    ])
    expect(toAws[1]?.body).toBe(
      `Action=GetTopicAttributes&TopicArn=${encodeURIComponent(topic)}&Version=2010-03-31`,
    )
    expect(toAws[1]?.headers.get('authorization')).toContain('AKID/20261121/eu-central-1/sns/')
    expect(toAws[3]?.headers.get('authorization')).toContain('AKID/20261121/eu-central-1/monitoring/')
  })

  it('notices that nobody hears an alarm', async () => {
    const { code, finding } = await doctor({ confirmed: 0, pending: 1 })
    expect(finding('alarms.target')).toEqual([
      'warn',
      'nobody hears an alarm: the topic has no confirmed subscription, 1 pending',
    ])
    expect(code).toBe(0)
    expect((await doctor({ confirmed: 0 }, {}, '--strict')).code).toBe(1)
  })

  it('notices alarms that are going off, and that there are none', async () => {
    const ringing = await doctor({ ringing: ['StoreErrors'] })
    expect(ringing.finding('alarms.state')).toEqual(['warn', 'going off: StoreErrors'])
    const none = await doctor({ alarms: [] })
    expect([none.code, ...none.finding('alarms.state')]).toEqual([1, 'fail', 'no alarm goes to the topic'])
  })

  it("does not take another server's stack for this one's", async () => {
    const { requests, finding } = await doctor({ outputs: { Issuer: 'https://other.example' } })
    expect(finding('alarms')).toEqual(['not_checked', 'the stack "Countersign" is not this server\'s'])
    expect(requests.some(({ url }) => url.host.startsWith('sns.'))).toBe(false)
  })

  it('says which permission is missing', async () => {
    const { code, out } = await doctor({ refused: true })
    expect(code).toBe(0)
    expect(out).toContain('The credentials need sns:GetTopicAttributes.')
    expect(out).toContain('The credentials need cloudwatch:DescribeAlarms.')
  })

  it('checks from outside without AWS credentials, and says what it did not check', async () => {
    const { code, finding } = await doctor(undefined, {
      awsCredentials: async () => {
        throw new Error('Could not load credentials from any providers')
      },
    })
    expect(code).toBe(0)
    expect(finding('jwks')).toEqual(['ok', '1 key (ES256)'])
    expect(finding('administration')).toEqual([
      'not_checked',
      'no AWS credentials to sign with: Could not load credentials from any providers',
    ])
    expect(finding('alarms')[0]).toBe('not_checked')
  })

  it('changes nothing where the credentials are not for administration', async () => {
    const { requests, finding } = await doctor()
    expect(finding('administration')).toEqual([
      'not_checked',
      `${issuer} refused the AWS credentials: Forbidden`,
    ])
    const sent = requests.filter(({ url }) => url.pathname.startsWith('/admin'))
    expect(sent.map(({ method, url }) => `${method} ${url.pathname}${url.search}`)).toEqual([
      'GET /admin/clients?limit=1',
    ])
  })

  it.each([
    [
      { distrust: undefined, protocol: 'TLSv1.3', certificateEnds: '2026-12-31' },
      'ok',
      'TLSv1.3, certificate valid for 39 more days',
    ],
    [
      { distrust: undefined, protocol: 'TLSv1.2', certificateEnds: '2026-11-25' },
      'warn',
      'TLSv1.2, certificate valid for 3 more days',
    ],
    [{ distrust: undefined, protocol: 'TLSv1.1', certificateEnds: '2026-12-31' }, 'fail', 'speaks TLSv1.1'],
    [
      { distrust: 'CERT_HAS_EXPIRED', protocol: 'TLSv1.3', certificateEnds: '2026-11-01' },
      'fail',
      `the certificate is not valid for ${new URL(issuer).host}: CERT_HAS_EXPIRED`,
    ],
  ])('judges the TLS of %j', async ({ certificateEnds, ...peer }, outcome, found) => {
    const tlsPeer = async () => ({ ...peer, certificateEnds: new Date(certificateEnds) })
    expect((await doctor({}, { tlsPeer })).finding('tls')).toEqual([outcome, found])
  })

  it('fails for a server that does not answer, with a report all the same', async () => {
    const { code, finding } = await doctor({}, { handler: () => undefined })
    expect(code).toBe(1)
    expect(finding('discovery')).toEqual([
      'fail',
      `${new URL(issuer).host} cannot be reached: connection refused`,
    ])
    expect(finding('everything else')[0]).toBe('not_checked')
  })

  it('names a private key in the JWKS for what it is', async () => {
    const leaking = ({ url }: SeenRequest) =>
      url.pathname.endsWith('/jwks.json')
        ? json(200, { keys: [{ kty: 'EC', kid: 'k1', alg: 'ES256', d: 'c2VjcmV0' }] })
        : undefined
    const { out, finding } = await doctor({}, { handler: request => leaking(request) ?? handler()(request) })
    expect(finding('jwks')).toEqual(['fail', 'PUBLISHES A PRIVATE KEY'])
    expect(out).not.toContain('c2VjcmV0')
  })

  it.each(['--max-secret-age', '--key-rotation', '--revocation-delay'])(
    'refuses a %s that is no duration',
    async flag => {
      const { code, err } = await countersign(['doctor', flag, 'soon'])
      expect([code, err.split('\n')[0]]).toEqual([2, `countersign: ${flag} soon is not a duration`])
    },
  )

  it('prints a line a check for people, with what to do', async () => {
    const { out } = await countersign(['doctor', '--url', issuer], {
      env: { HOME: emptyFolder() },
      handler: handler({ confirmed: 0 }),
      awsCredentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'aws-secret' }),
    })
    const lines = out.split('\n').map(line => line.trim().replace(/ {2,}/g, '  '))
    expect(lines[0]).toBe(`RESULT  CHECK  ${issuer}`)
    const at = lines.indexOf(
      'WARN  alarms.target  nobody hears an alarm: the topic has no confirmed subscription',
    )
    expect(lines[at + 1]).toBe(
      `→ aws sns subscribe --topic-arn ${topic} --protocol email --notification-endpoint <address>, and confirm it`,
    )
    expect(lines.at(-2)).toMatch(/^\d+ ok, 1 warn, 0 fail, \d+ not checked$/)
  })
})
