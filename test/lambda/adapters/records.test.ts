import { describe, expect, it } from 'vitest'
import type { AuditEvent } from '../../../lambda/oauth/audit-event.ts'
import { metricNames } from '../../../lambda/oauth/metric-names.ts'
import { type Line, nowMilliseconds, recordedLines } from '../support/recorded-lines.ts'

const event: AuditEvent = {
  audit: 'token.issue',
  outcome: 'allowed',
  reason: 'ok',
  requestId: 'request-1',
  sourceIp: '192.0.2.7',
  clientId: 'nightly-export',
  audience: 'https://orders.example.com',
  scope: 'orders:read',
  jti: 'token-0001',
}

interface EmbeddedMetrics {
  Timestamp: number
  CloudWatchMetrics: {
    Namespace: string
    Dimensions: string[][]
    Metrics: { Name: string; Unit: string }[]
  }[]
}

/** The rules of the embedded metric format: every name and dimension that is declared is a member of the line. */
function expectEmbeddedMetrics(line: Line, dimensions: string[][]): void {
  const { Timestamp, CloudWatchMetrics } = line._aws as EmbeddedMetrics
  expect(Timestamp).toBe(nowMilliseconds)
  expect(CloudWatchMetrics).toHaveLength(1)
  for (const { Namespace, Dimensions, Metrics } of CloudWatchMetrics) {
    expect(Namespace).toBe('Countersign')
    expect(Dimensions).toEqual(dimensions)
    for (const name of Dimensions.flat()) expect(typeof line[name]).toBe('string')
    for (const { Name } of Metrics) expect(typeof line[Name]).toBe('number')
  }
}

describe('an audit event', () => {
  it('is one line of the listed members and its metric', () => {
    const recorded = recordedLines()
    recorded.records.audit(event, metricNames.tokensIssued)
    const { _aws, ...members } = recorded.lines[0] ?? {}
    expect(members).toEqual({
      timestamp: '2026-01-02T03:04:05.000Z',
      level: 'INFO',
      service: 'token',
      ...event,
      TokensIssued: 1,
    })
    expectEmbeddedMetrics(recorded.lines[0] ?? {}, [['service'], ['service', 'reason']])
  })

  it('has no other member, whatever a caller passes', () => {
    const recorded = recordedLines()
    const secrets = {
      clientSecret: 'ctsn_x',
      authorization: 'Basic x',
      access_token: 'a.b.c',
      assertion: 'a.b.c',
    }
    recorded.records.audit({ ...event, ...secrets })
    expect(Object.keys(recorded.lines[0] ?? {})).toEqual([
      ...['timestamp', 'level', 'service', 'audit', 'outcome', 'reason', 'requestId', 'sourceIp'],
      ...['clientId', 'audience', 'scope', 'jti'],
    ])
  })

  it('is an error line when the decision could not be made, and only then', () => {
    const recorded = recordedLines()
    for (const outcome of ['allowed', 'refused', 'failed'] as const)
      recorded.records.audit({ ...event, outcome })
    expect(recorded.lines.map(line => line.level)).toEqual(['INFO', 'INFO', 'ERROR'])
  })

  it('stays one line whatever is in its members', () => {
    const recorded = recordedLines()
    recorded.records.audit({ ...event, scope: 'a\nb\r\u2028c', requestId: '"}\n{"level":"FATAL"' })
    expect(recorded.texts).toHaveLength(1)
    expect(recorded.texts[0]?.indexOf('\n')).toBe((recorded.texts[0]?.length ?? 0) - 1)
    expect(recorded.lines[0]).toMatchObject({ scope: 'a\nb\r\u2028c', requestId: '"}\n{"level":"FATAL"' })
  })

  it('has no client as a dimension of its metric', () => {
    const recorded = recordedLines()
    recorded.records.audit(event, metricNames.tokensIssued)
    expect(JSON.stringify(recorded.lines[0]?._aws)).not.toContain('client')
  })
})

describe('other records', () => {
  it.each<[string, (records: ReturnType<typeof recordedLines>['records']) => void, string, number]>([
    ['a failed store call', records => records.dependencyFailed('store', 'TimeoutError'), 'StoreErrors', 1],
    ['a failed KMS call', records => records.dependencyFailed('kms', 'TimeoutError'), 'KmsErrors', 1],
    ['a bad signature', records => records.signatureSelfCheckFailed('kid'), 'SignatureSelfCheckFailed', 1],
    ['too many', records => records.tooManyRevocations(2_000_001), 'TooManyRevocations', 1],
    ['an outage', records => records.revocationStoreUnreachable(6.789), 'RevocationStoreUnreachable', 1],
    [
      'a snapshot’s age',
      records => records.revocationSnapshotAge(4.25),
      'RevocationSnapshotAgeSeconds',
      4.25,
    ],
    ['a key’s age', records => records.signingKeyAge(12), 'SigningKeyAgeDays', 12],
  ])('are one line each with a metric of the service: %s', (_, write, name, value) => {
    const recorded = recordedLines('authorizer')
    write(recorded.records)
    expect(recorded.texts).toHaveLength(1)
    expect(recorded.lines[0]).toMatchObject({ service: 'authorizer', [name]: value })
    // What fails at a dependency is counted for all functions together as well.
    const isDependency = ['StoreErrors', 'KmsErrors'].includes(name)
    expectEmbeddedMetrics(recorded.lines[0] ?? {}, isDependency ? [[], ['service']] : [['service']])
  })

  it('leave out an age that is not known', () => {
    const recorded = recordedLines()
    recorded.records.revocationStoreUnreachable(Number.POSITIVE_INFINITY)
    recorded.records.revocationStoreUnreachable(6.789)
    expect(recorded.lines.map(line => line.ageSeconds)).toEqual([undefined, 6.8])
  })

  it('say how many revocations were too many for a snapshot', () => {
    const recorded = recordedLines()
    recorded.records.tooManyRevocations(2_000_001)
    expect(recorded.lines).toMatchObject([{ level: 'ERROR', revocations: 2_000_001 }])
  })

  it('name an unexpected error and where it was thrown, never its message', () => {
    const recorded = recordedLines()
    recorded.records.unexpected(new TypeError('cannot read ctsn_secret of\nAuthorization: Basic abc'))
    const [line = {}] = recorded.lines
    expect(line).toMatchObject({ level: 'ERROR', message: 'unexpected error', error: 'TypeError' })
    const [where] = line.where as string[]
    expect(where).toMatch(/^at .*records\.test\.ts:\d+:\d+/)
    expect(recorded.texts[0]).not.toMatch(/ctsn_secret|Basic abc/)
  })

  it('name the type of a thing that was thrown and is no error, never the thing', () => {
    const recorded = recordedLines()
    recorded.records.unexpected('Bearer a.b.c')
    recorded.records.unexpected({ token: 'a.b.c' })
    recorded.records.unexpected(undefined)
    expect(recorded.lines.map(line => line.error)).toEqual(['string', 'object', 'undefined'])
    expect(recorded.texts.join('')).not.toContain('a.b.c')
  })
})
