import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { ecJwk } from '../../lambda/oauth/support/client-jwks.ts'
import { clientItem, ordersAudience } from '../../lambda/support/client-item.ts'
import type { Attributes } from '../../lambda/support/local-store.ts'

/** Nearly the 400 kB that an item may have. */
const huge = 'x'.repeat(390_000)

const { x = '', y = '' } = ecJwk() as { x?: string; y?: string }
const key = {
  kid: { S: 'k' },
  kty: { S: 'EC' },
  crv: { S: 'P-256' },
  x: { S: x },
  y: { S: y },
  alg: { S: 'ES256' },
}

/** Every attribute that a client can have, as it should be. */
export const soundClient: Attributes = {
  ...clientItem('sound'),
  access_token_lifetime: { N: '600' },
  jwks: { L: [{ M: key }] },
  jwks_uri: { S: 'https://keys.example.com/' },
  token_endpoint_auth_signing_alg: { S: 'ES256' },
  resource_server: { S: ordersAudience },
}

/** What no attribute of a client is: each is of one of these types, or has no such value. */
export const wrongValues: Record<string, AttributeValue> = {
  null: { NULL: true },
  text: { S: 'other' },
  'huge text': { S: huge },
  fraction: { N: '0.5' },
  'huge number': { N: '1e100' },
  binary: { B: new Uint8Array(64) },
  'list of empty maps': { L: [{ M: {} }] },
  'deep map': { M: { a: { M: { b: { M: { c: { L: [{ M: {} }] } } } } } } },
}
