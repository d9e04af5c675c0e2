import { request as httpRequest } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { startApi, type TestApi, type TestApiSetup } from './http-api.ts'

const open: TestApi[] = []

async function start(setup: Partial<TestApiSetup> = {}) {
  const api = await startApi({ routes: { $default: 'NONE' }, ...setup })
  open.push(api)
  return api
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

describe('the event of a Lambda integration, payload format 2.0', () => {
  it('has exactly the members of a request without anything optional', async () => {
    const api = await start()
    await api.raw('GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    const [event] = api.backendEvents
    expect(event).toEqual({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/x',
      rawQueryString: '',
      headers: {
        host: 'h',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-port': String(api.port),
        'x-forwarded-proto': 'http',
      },
      requestContext: {
        accountId: '123456789012',
        apiId: 'abcdefghij',
        domainName: `127.0.0.1:${api.port}`,
        domainPrefix: '127',
        http: { method: 'GET', path: '/x', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' },
        requestId: event.requestContext.requestId,
        routeKey: '$default',
        stage: '$default',
        time: event.requestContext.time,
        timeEpoch: event.requestContext.timeEpoch,
      },
      isBase64Encoded: false,
    })
  })

  it('has rawQueryString as sent, and parameters decoded, those of one name joined by a comma', async () => {
    const api = await start()
    await fetch(`${api.url}/?a=1&a=%32&b=x+y&c&d=%zz`)
    const [{ rawQueryString, queryStringParameters }] = api.backendEvents
    expect(rawQueryString).toBe('a=1&a=%32&b=x+y&c&d=%zz')
    expect(queryStringParameters).toEqual({ a: '1,2', b: 'x y', c: '', d: '%zz' })
  })

  it('leaves out query parameters for a bare question mark', async () => {
    const api = await start()
    await fetch(`${api.url}/?`)
    expect(api.backendEvents[0]).not.toHaveProperty('queryStringParameters')
    expect(api.backendEvents[0].rawQueryString).toBe('')
  })

  it('takes parameters and headers of any name, __proto__ too', async () => {
    const api = await start()
    await api.raw('GET /?__proto__=q HTTP/1.1\r\nHost: h\r\n__proto__: x\r\nConnection: close\r\n\r\n')
    const [{ headers, queryStringParameters }] = api.backendEvents
    expect(Object.entries(headers)).toContainEqual(['__proto__', 'x'])
    expect(Object.entries(queryStringParameters)).toEqual([['__proto__', 'q']])
  })

  it('has header names in lower case and joins repeated headers with a comma', async () => {
    const api = await start()
    await api.raw(
      'GET / HTTP/1.1\r\nHost: h\r\nX-One: a\r\nx-one: b\r\nAuthorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n' +
        'Content-Type: text/plain\r\nContent-Type: text/html\r\nUser-Agent: u1\r\nUser-Agent: u2\r\n' +
        'Connection: close\r\n\r\n',
    )
    expect(api.backendEvents[0].headers).toMatchObject({
      'x-one': 'a,b',
      authorization: 'Bearer a,Bearer b',
      'content-type': 'text/plain,text/html',
      'user-agent': 'u1,u2',
    })
  })

  it('moves cookies from the headers to cookies', async () => {
    const api = await start()
    await fetch(api.url, { headers: { Cookie: 'a=1; b="x y"' } })
    expect(api.backendEvents[0].cookies).toEqual(['a=1', 'b="x y"'])
    expect(api.backendEvents[0].headers).not.toHaveProperty('cookie')
  })

  it('keeps the address of the peer as sourceIp, whatever X-Forwarded-For says', async () => {
    const api = await start()
    await new Promise<void>((resolve, reject) => {
      const headers = { 'X-Forwarded-For': '10.9.8.7' }
      const options = { host: '127.0.0.1', port: api.port, localAddress: '127.0.0.7', headers, agent: false }
      httpRequest(options, response => response.resume().on('end', resolve))
        .on('error', reject)
        .end()
    })
    expect(api.backendEvents[0].requestContext.http.sourceIp).toBe('127.0.0.7')
    expect(api.backendEvents[0].headers['x-forwarded-for']).toBe('10.9.8.7, 127.0.0.7')
  })

  it.each([
    ['application/x-www-form-urlencoded', true],
    ['application/x-www-form-urlencoded; charset=utf-8', true],
    ['application/octet-stream', true],
    ['multipart/form-data; boundary=x', true],
    ['text/plain', false],
    ['text/html;charset=utf-8', false],
    ['application/json', false],
    ['Application/JSON; charset=utf-8', false],
    ['application/problem+json', false],
    ['application/xml', false],
  ])('has a body of %s with isBase64Encoded %s', async (contentType, isBase64Encoded) => {
    const api = await start()
    await fetch(api.url, { method: 'POST', body: 'grant=ü', headers: { 'content-type': contentType } })
    const [event] = api.backendEvents
    expect(event.isBase64Encoded).toBe(isBase64Encoded)
    expect(event.body).toBe(isBase64Encoded ? Buffer.from('grant=ü').toString('base64') : 'grant=ü')
    expect(event.headers['content-length']).toBe('8')
  })

  it('takes a body in chunks', async () => {
    const api = await start()
    await api.raw(
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
        '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    )
    expect(api.backendEvents[0]).toMatchObject({ body: 'abcde', headers: { 'content-length': '5' } })
    expect(api.backendEvents[0].headers).not.toHaveProperty('transfer-encoding')
  })

  it('keeps the prefix of a named stage in rawPath', async () => {
    const api = await start({
      stages: [{ StageName: 'prod', StageVariables: { color: 'blue' } }],
      routes: { 'GET /orders/{id}': 'NONE' },
    })
    await fetch(`${api.url}/prod/orders/7`)
    expect(api.backendEvents[0]).toMatchObject({
      rawPath: '/prod/orders/7',
      routeKey: 'GET /orders/{id}',
      pathParameters: { id: '7' },
      stageVariables: { color: 'blue' },
      requestContext: { stage: 'prod', http: { path: '/prod/orders/7' } },
    })
    expect((await fetch(`${api.url}/orders/7`)).status).toBe(404)
  })

  it('answers with the request id of the event in apigw-requestid', async () => {
    const api = await start()
    const response = await fetch(api.url)
    expect(response.headers.get('apigw-requestid')).toBe(api.backendEvents[0].requestContext.requestId)
  })
})

describe('the integration', () => {
  it('answers 500 when the function fails', async () => {
    const api = await start({
      backend: () => {
        throw new Error('secret')
      },
    })
    const response = await fetch(api.url)
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}'])
    expect(api.problems).toEqual(['the function failed: Error'])
  })

  it('answers 503 when the function takes longer than TimeoutInMillis', async () => {
    const api = await start({
      backend: () => new Promise(() => {}),
      integrationProperties: { TimeoutInMillis: 50 },
    })
    const response = await fetch(api.url)
    expect([response.status, await response.text()]).toEqual([503, '{"message":"Service Unavailable"}'])
  })

  it('answers 500 without the permission to invoke the function', async () => {
    const api = await start({ permissions: [] })
    const response = await fetch(api.url)
    expect([response.status, await response.text()]).toEqual([500, '{"message":"Internal Server Error"}'])
    expect(api.backendEvents).toEqual([])
    expect(api.problems).toEqual(['no AWS::Lambda::Permission lets the API invoke the integration'])
  })

  it.each([
    [{ RequestParameters: {} }, 'the local run does not know the property RequestParameters'],
    [{ CredentialsArn: 'x' }, 'the local run does not know the property CredentialsArn'],
    [{ PayloadFormatVersion: '1.0' }, 'PayloadFormatVersion has the value "1.0"'],
    [{ IntegrationType: 'HTTP_PROXY' }, 'IntegrationType has the value "HTTP_PROXY"'],
  ])('refuses at deployment %o', async (integrationProperties, message) => {
    await expect(start({ integrationProperties })).rejects.toThrow(message)
  })
})
