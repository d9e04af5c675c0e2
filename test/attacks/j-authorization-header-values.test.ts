import { describe, it } from 'vitest'
import type { BearerRefusal } from '../../lambda/oauth/bearer-token.ts'
import { useAuthorizerFunction } from './support/authorizer-function.ts'

// What no HTTP message carries, or no gateway passes on: the bundled authorizer, invoked with crafted events.
const authorizer = useAuthorizerFunction({ 'GET /orders': { allOf: ['orders:read'] } })

describe('a header that the gateway would have trimmed or refused', () => {
  it.each<[string, BearerRefusal]>([
    ['', 'credentials_missing'],
    [' ', 'scheme_unsupported'],
    ['Bearer ', 'credentials_malformed'],
    ['Bearer \u0000', 'credentials_malformed'],
    [' Bearer good', 'scheme_unsupported'],
    ['\tBearer good', 'scheme_unsupported'],
    ['\ufeffBearer good', 'scheme_unsupported'],
    ['Bearer good ', 'credentials_malformed'],
    ['Bearer good\n', 'credentials_malformed'],
    ['Bearer good\r\nX: y', 'credentials_malformed'],
    ['Bearer\ngood', 'credentials_malformed'],
    ['Bearer\r\n good', 'credentials_malformed'],
    ['Bearer good\u0000', 'credentials_malformed'],
    ['Bearer\u2003good', 'credentials_malformed'],
    ['Bearer \u2028good', 'credentials_malformed'],
    ['Bearer \u200bgood', 'credentials_malformed'],
    ['Ｂearer good', 'scheme_unsupported'],
  ])('J4: is refused by the authorizer itself: %j (RFC 6750 §2.1)', async (value, reason) => {
    const header = value.replace('good', authorizer().token())
    await authorizer().refused(authorizer().event('GET /orders', header), 401, reason)
  })

  it('J5: is read under its one name, in lower case, and from no other place of the event', async () => {
    const header = `Bearer ${authorizer().token()}`
    await authorizer().allowed(authorizer().event('GET /orders', header))
    const elsewhere = {
      identitySource: [header],
      authorization: header,
      authorizationToken: header,
      cookies: [`authorization=${header}`],
      queryStringParameters: { authorization: header, access_token: authorizer().token() },
      multiValueHeaders: { authorization: [header] },
      stageVariables: { authorization: header },
      pathParameters: { authorization: header },
    }
    for (const headers of [
      {},
      { Authorization: header },
      { AUTHORIZATION: header, ' authorization': header },
    ]) {
      const event = authorizer().event('GET /orders', undefined, { ...elsewhere, headers })
      await authorizer().refused(event, 401, 'credentials_missing')
    }
    const malformed = { ...elsewhere, headers: { authorization: 'Bearer', Authorization: header } }
    await authorizer().refused(
      authorizer().event('GET /orders', undefined, malformed),
      401,
      'credentials_malformed',
    )
  })
})
