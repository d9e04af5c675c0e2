import { describe, expect, inject, it } from 'vitest'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { orders } from '../flow/local-stack.ts'
import { corsHeaders } from './support/attacked-endpoints.ts'
import { useAttackedRoutes } from './support/attacked-routes.ts'

const routes = useAttackedRoutes()

describe('a method', () => {
  it.each(['HEAD', 'PUT', 'PATCH', 'OPTIONS'])(
    'J12: that no route has is none for anybody: %s',
    async method => {
      for (const path of ['/orders', '/orders/1', '/health']) {
        await routes().notFound({ line: `${method} ${path}` })
        await routes().notFound({ line: `${method} ${path}` }, routes().writer)
      }
    },
  )

  it.each(['TRACE', 'CONNECT', 'PROPFIND', 'QUERY', 'PURGE', 'LINK', 'SEARCH', 'COPY'])(
    'J12: that no route can have is allowed nowhere: %s (RFC 9110 §15.5.6)',
    async method => {
      await routes().notFound({ line: `${method} /orders` }, routes().writer, 405)
    },
  )

  it.each(['get', 'Get', 'GETX', 'XGET', 'ANY', 'GET\t', 'G%45T', '$default', 'POST GET'])(
    'J12: that is none is answered as no request: %j (RFC 9110 §9.1)',
    async method => {
      await routes().notFound({ line: `${method} /orders` }, routes().writer, 400)
    },
  )

  it('J12: needs the scope of its own route, in both directions', async () => {
    const { attacked } = routes()
    const client = await attacked.stack.register()
    const token = await attacked.stack.token(client, { resource: orders, scope: 'orders:write' })
    attacked.keepSecret(client.client_secret, token)
    await routes().reached({ line: 'POST /orders' }, 'POST /orders', token)
    for (const line of ['GET /orders', 'GET /orders/1', 'DELETE /orders/1']) {
      await routes().forbidden({ line }, token)
    }
  })
})

/** Headers by which a server behind a proxy may be told another request than the one that was sent. */
const overrides = [
  'X-HTTP-Method-Override: GET',
  'X-HTTP-Method: GET',
  'X-Method-Override: GET',
  'X-Original-Method: GET',
  'X-Original-URL: /health',
  'X-Rewrite-URL: /health',
  'X-Original-URI: /health',
  'X-Override-URL: /health',
  'X-Forwarded-URI: /health',
  'X-Forwarded-Path: /health',
  'X-Forwarded-Prefix: /health',
  'X-Forwarded-Method: GET',
  'X-Forwarded-For: 10.0.0.1',
  'X-Forwarded-For: 127.0.0.1, 10.0.0.1',
  'X-Forwarded-Host: localhost',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 443',
  'X-Forwarded-Server: localhost',
  'X-Real-IP: 10.0.0.1',
  'X-Client-IP: 10.0.0.1',
  'True-Client-IP: 10.0.0.1',
  'Forwarded: for=10.0.0.1;host=localhost;proto=https',
  'Via: 1.1 localhost',
  'Referer: http://localhost/health',
  'Upgrade: h2c',
  'X-Amzn-Request-Context: {"routeKey":"GET /health"}',
  'Host: localhost',
  'Host: payments.example.com',
  'Host: 169.254.169.254',
]

describe('a header', () => {
  it.each(overrides)('J13: changes neither the route nor who asked: %s', async field => {
    const fields = [field]
    await routes().unauthorized({ line: 'GET /orders', fields })
    for (const line of ['POST /orders', 'DELETE /orders/1']) {
      await routes().unauthorized({ line, fields })
      const { event } = await routes().forbidden({ line, fields })
      expect(event.sourceIp).toBe('127.0.0.1')
    }
    const { event } = await routes().reached({ line: 'GET /orders/1', fields }, 'GET /orders/{id}')
    expect(event.sourceIp).toBe('127.0.0.1')
    await routes().notFound({ line: 'PUT /orders', fields }, routes().writer)
  })

  it('J13: makes no writer of a reader’s request, nor the other way, in a form or a query either', async () => {
    const fields = ['X-HTTP-Method-Override: DELETE', 'Content-Type: application/x-www-form-urlencoded']
    await routes().reached({ line: 'GET /orders/1?_method=DELETE', fields }, 'GET /orders/{id}')
    await routes().forbidden({ line: 'POST /orders?_method=GET', fields, body: '_method=GET' })
    await routes().reached(
      { line: 'POST /orders', fields, body: '_method=DELETE' },
      'POST /orders',
      routes().writer,
    )
  })
})

describe('a request of a browser', () => {
  const preflight = [
    'Origin: https://evil.example',
    'Access-Control-Request-Method: DELETE',
    'Access-Control-Request-Headers: authorization',
    'Access-Control-Request-Private-Network: true',
  ]

  it.each(['/orders', '/orders/1', '/health', '/', '*', '/payments'])(
    'J14: gets no approval, and no backend answers OPTIONS %s (Fetch §4.8)',
    async path => {
      for (const api of ['orders', 'payments'] as const) {
        await routes().notFound({ api, line: `OPTIONS ${path}`, fields: preflight })
        await routes().notFound({ api, line: `OPTIONS ${path}`, fields: preflight }, routes().writer)
      }
    },
  )

  it('J14: is told of no other origin that may read the answer', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost']) {
      const request = { line: 'GET /orders', fields: [`Origin: ${origin}`] }
      expect(corsHeaders(await routes().reached(request, 'GET /orders'))).toEqual([])
      expect(corsHeaders(await routes().forbidden({ ...request, line: 'POST /orders' }))).toEqual([])
      expect(corsHeaders(await routes().unauthorized(request))).toEqual([])
    }
  })

  it('J14: finds no CORS settings and no route for OPTIONS in what is deployed', () => {
    const resources = readCloudAssembly(inject('assemblyDir')).flatMap(stack => stack.resources)
    const ofType = (type: string) =>
      resources.filter(resource => resource.type === `AWS::ApiGatewayV2::${type}`)
    expect(ofType('Api')).toHaveLength(3)
    for (const api of ofType('Api')) expect(api.properties).not.toHaveProperty('CorsConfiguration')
    const protectedRoutes = ofType('Route').filter(route => route.properties.AuthorizationType === 'CUSTOM')
    const keys = protectedRoutes.map(route => String(route.properties.RouteKey))
    expect(keys).toHaveLength(6)
    for (const key of keys) expect(key).toMatch(/^(GET|POST|DELETE) \//)
  })
})
