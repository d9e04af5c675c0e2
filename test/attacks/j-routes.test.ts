import { describe, it } from 'vitest'
import { useAttackedRoutes } from './support/attacked-routes.ts'

const routes = useAttackedRoutes()

/** What looks like another path to whoever decodes, normalises or ignores case. */
const paths = [
  '/a/../orders',
  '/./orders',
  '/orders/../orders',
  '/health/../orders',
  '/health/..',
  '/health/%2e%2e/orders',
  '/health%2f..%2forders',
  '/health/..;/orders',
  '/health..',
  '/health;/../orders',
  '//orders',
  '///orders',
  '/orders//',
  '//health',
  '/health//',
  '/%2e/orders',
  '/%2e%2e/orders',
  '/%252e%252e/orders',
  '/%c0%ae%c0%ae/orders',
  '/orders/',
  '/health/',
  '/ORDERS',
  '/Orders',
  '/orders;x',
  '/orders;x=1',
  '/;/orders',
  '/orders%3b',
  '/%6frders',
  '/order%73',
  '/orders%2f',
  '/orders%2f1',
  '/orders%5c1',
  '/orders\\',
  '/orders\\1',
  '/orders\\..\\health',
  '/orders.',
  '/orders.json',
  '/orders..',
  '/orders%00',
  '/orders%20',
  '/orders%0a',
  '/orders%0d%0aX:%20y',
  '/orders%3f',
  '/orders%23',
  '/orders#x',
  '/orders&x',
  '/orders=x',
  '/orders+',
  '/orders*',
  '/orders,/health',
  '/$default',
  '/$default/orders',
  '/prod/orders',
  '/test/orders',
  '/orders/1/',
  '/orders/1/2',
  '/orders/1;/health',
  '/orders/1#/health',
  '/orders//1',
  '/orders/1/../../health',
  '/orders/{id}/x',
  '/GET%20/orders',
  '/payments',
  '/admin/clients',
  '/token',
  '/',
  '*',
]

describe('a path', () => {
  it.each(paths)('J11: is taken as it is sent, and what is no route is none for anybody: %s', async path => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      await routes().notFound({ line: `${method} ${path}` })
      await routes().notFound({ line: `${method} ${path}` }, routes().writer)
    }
  })

  it.each([
    '/orders/.',
    '/orders/..',
    '/orders/%2e%2e',
    '/orders/..%2fhealth',
    '/orders/..%2f..%2fadmin',
    '/orders/%2f',
    '/orders/1%2f..',
    '/orders/..;',
    '/orders/..\\health',
    '/orders/%00',
    '/orders/%',
    '/orders/%zz',
    '/orders/%0d%0a%22%7d',
    '/orders/;x',
    '/orders/1?/health',
    '/orders/1?/../../health',
    '/orders/{id}',
    '/orders/*',
    '/orders/health',
    '/orders/GET%20%2Fhealth',
    '/orders/__proto__',
  ])('J11: is decided on by the route that answers it, whatever stands for a variable: %s', async path => {
    await routes().unauthorized({ line: `GET ${path}` })
    await routes().reached({ line: `GET ${path}` }, 'GET /orders/{id}')
    await routes().unauthorized({ line: `DELETE ${path}` })
    await routes().forbidden({ line: `DELETE ${path}` })
    await routes().reached({ line: `DELETE ${path}` }, 'DELETE /orders/{id}', routes().writer)
    await routes().notFound({ line: `POST ${path}` }, routes().writer)
  })

  it.each(['/orders?', '/orders?x=/health', '/orders?GET%20/orders', '/orders?%2f..%2fhealth'])(
    'J11: ends where the query begins: %s',
    async path => {
      await routes().unauthorized({ line: `GET ${path}` })
      await routes().reached({ line: `GET ${path}` }, 'GET /orders')
      await routes().forbidden({ line: `POST ${path}` })
    },
  )

  it.each(['http://evil.example', 'https://127.0.0.1:1', 'http://', 'HTTP://user:password@evil.example'])(
    'J11: may be in absolute form, whose host says nothing: %s (RFC 9112 §3.2.2)',
    async origin => {
      await routes().unauthorized({ line: `GET ${origin}/orders` })
      await routes().reached({ line: `GET ${origin}/orders` }, 'GET /orders')
      await routes().forbidden({ line: `POST ${origin}/orders` })
      await routes().notFound({ line: `GET ${origin}/payments` }, routes().writer)
    },
  )

  it.each(['/or ders', '\\orders', 'orders', '/orders\t', '/orders\u0000', '/\u00f6rders', '?/orders'])(
    'J11: that is none is answered as no request: %j (RFC 9112 §3.2)',
    async path => {
      await routes().notFound({ line: `GET ${path}` }, routes().reader, 400)
    },
  )
})
