import { describe, expect, it } from 'vitest'
import { metricNames } from '../../lambda/oauth/metric-names.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { titleOf, widgetsOf } from './dashboard-widgets.ts'
import { newApp, Synthesis } from './synthesis.ts'

const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))
const widgets = widgetsOf(synthesis, 'AuthorizationServer/Dashboard')
const graph = (title: string) =>
  JSON.stringify(widgets.find(({ properties }) => properties.title === title)?.properties)

describe('dashboard', () => {
  it('goes from the work to the parts, and to the authorizer of each API', () => {
    expect(widgets.map(titleOf)).toEqual([
      'Tokens',
      'Token refusals by reason',
      'Revocations',
      'Decisions of all authorizers',
      'Refused calls by reason',
      'Introspections',
      'Administration',
      'Requests',
      'API latency (ms)',
      'Function duration (ms)',
      'Function errors',
      'Function throttles',
      'Store and KMS errors',
      'Table throttles',
      'Table system errors',
      'Keys and revocation snapshots',
      '### Authorizer of Countersign/Orders/Api',
      'Invocations',
      'Errors and throttles',
      'Duration (ms)',
      '### Authorizer of Countersign/Payments/Api',
      'Invocations',
      'Errors and throttles',
      'Duration (ms)',
    ])
  })

  // That of API keys is on the dashboard of a server that throttles clients (throttle-clients.test.ts).
  const shown = Object.values(metricNames).filter(name => name !== metricNames.apiKeysMissing)
  it.each(shown)('shows %s', name => {
    expect(JSON.stringify(widgets)).toContain(name)
  })

  it('splits refusals by reason, whichever come', () => {
    expect(JSON.parse(graph('Token refusals by reason')).metrics).toMatchObject([
      [
        {
          expression: `SEARCH('{Countersign,service,reason} MetricName="TokensRefused" service="token"', 'Sum', 300)`,
        },
      ],
    ])
    expect(graph('Refused calls by reason')).toContain('DecisionsRefused')
  })

  it('shows half and the slowest hundredth of the API and of each function', () => {
    for (const title of ['API latency (ms)', 'Function duration (ms)', 'Duration (ms)']) {
      expect(graph(title)).toContain('"stat":"p50"')
      expect(graph(title)).toContain('"stat":"p99"')
    }
  })

  it.each(['Clients', 'Revocations', 'SigningKeys', 'SingleUse'])(
    'shows throttles and system errors of %s',
    name => {
      const { logicalId } = synthesis.at(`AuthorizationServer/${name}`)
      expect(graph('Table throttles')).toContain(logicalId)
      expect(graph('Table system errors')).toContain(logicalId)
    },
  )
})
