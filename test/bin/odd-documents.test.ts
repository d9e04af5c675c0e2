import { describe, expect, it } from 'vitest'
import { countersign, issuer, json, type SeenRequest } from './command-line.ts'

/** What JSON can write, and nothing can make text of. */
const noText = { toString: 1, valueOf: 1 }
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  response_types_supported: [],
  grant_types_supported: ['client_credentials'],
}

describe('a server that publishes what is of no type that it must be', () => {
  it.each<[string, object, object]>([
    ['an endpoint', { ...metadata, token_endpoint: noText }, {}],
    ['the alg of a key', metadata, { kty: 'EC', kid: 'k', alg: noText }],
  ])('is reported on by the doctor all the same: %s', async (_, document, key) => {
    const handler = ({ url }: SeenRequest) =>
      json(200, url.pathname.endsWith('/jwks.json') ? { keys: [key] } : document)
    const { code, out } = await countersign(['doctor', '--json'], { handler })
    expect([code, Object.keys(JSON.parse(out))]).toEqual([1, ['issuer', 'checked_at', 'checks', 'summary']])
  })
})
