import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StackResource, StackTemplate } from '../../local/cloud-assembly.ts'
import { maxRevocationDelayOf, whatToPaste } from '../../local/what-to-paste.ts'

const client = { client_id: 'client_1', client_secret: 'cs_secret-_' }

async function server(answer: (url: string, body: string, authorization?: string) => string) {
  const listening = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    response.end(answer(request.url ?? '', body, request.headers.authorization))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void listening.close())
  await once(listening, 'listening')
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

describe('what to paste', () => {
  it('is a token and a call for a server without a revocation endpoint', () => {
    const call = { url: 'http://127.0.0.1:1/orders', resource: 'https://orders.example.com' }
    const lines = whatToPaste(client, { tokenEndpoint: 'http://127.0.0.1:1/token' }, call, 5)
    expect(lines.filter(line => line.startsWith('#'))).toEqual([
      '# A token for https://orders.example.com',
      '# A call that passes: 200',
    ])
    expect(lines).toHaveLength(4)
  })

  it('is four lines, each under its comment, that bash takes as they are', async () => {
    const seen: string[] = []
    const url = await server((path, body, authorization) => {
      seen.push(`${path} ${body} ${authorization}`)
      return path === '/token' ? '{"access_token":"a.b-c_d.e","token_type":"Bearer"}' : `answer of ${path}`
    })
    const endpoints = { tokenEndpoint: `${url}/token`, revocationEndpoint: `${url}/revoke` }
    const call = { url: `${url}/orders`, resource: 'https://orders.example.com/?a=1&b=2' }
    const lines = whatToPaste(client, endpoints, call, 0)
    expect(lines.map(line => line.startsWith('#'))).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
      false,
    ])
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', lines.join('\n')])
    const basic = `Basic ${Buffer.from('client_1:cs_secret-_').toString('base64')}`
    expect(seen).toEqual([
      `/token grant_type=client_credentials&resource=https%3A%2F%2Forders.example.com%2F%3Fa%3D1%26b%3D2 ${basic}`,
      '/orders  Bearer a.b-c_d.e',
      `/revoke token=a.b-c_d.e ${basic}`,
      '/orders  Bearer a.b-c_d.e',
    ])
    expect(stdout.split('\n')).toEqual([
      'a.b-c_d.e',
      'answer of /orders',
      '200',
      'answer of /revoke',
      '200',
      'answer of /orders',
      '200',
      '',
    ])
  })

  it('waits for the promised delay before the call that is refused', () => {
    const endpoints = { tokenEndpoint: 't', revocationEndpoint: 'r' }
    const lines = whatToPaste(client, endpoints, { url: 'http://o/orders', resource: 'https://o' }, 5)
    expect(lines.slice(-2)).toEqual([
      '# The same call is refused within 5 s: 401',
      String.raw`sleep 5; curl -sS -w '\n%{http_code}\n' -H "Authorization: Bearer $TOKEN" http://o/orders`,
    ])
  })
})

describe('the longest time from a revocation to the last call that passes', () => {
  const resource = (type: string, properties: Record<string, unknown>): StackResource => ({
    logicalId: 'Id',
    type,
    properties,
    path: 'Path',
    dependsOn: [],
  })
  const authorizer = (seconds?: string) =>
    resource('AWS::Lambda::Function', { Environment: { Variables: { REVOCATION_REFRESH_SECONDS: seconds } } })
  const cache = (ttl: number) =>
    resource('AWS::ApiGatewayV2::Authorizer', { AuthorizerResultTtlInSeconds: ttl })
  const stack = (...resources: StackResource[]): StackTemplate => ({
    ...{ stackName: 'S', directory: '/', resources, parameters: {}, outputs: {}, conditions: {} },
    assets: new Map(),
  })

  it.each([
    [0, [authorizer()]],
    [5, [authorizer('5'), authorizer('2'), cache(0)]],
    [5, [authorizer('3'), cache(2), resource('AWS::SNS::Topic', {})]],
    [7, [authorizer('5'), resource('AWS::ApiGateway::Authorizer', { AuthorizerResultTtlInSeconds: 2 })]],
  ])('is %i s by the template', (seconds, resources) => {
    expect(maxRevocationDelayOf([stack(...resources)])).toBe(seconds)
  })
})
