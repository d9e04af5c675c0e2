import { beforeAll, describe, expect, it } from 'vitest'
import type { RefusalReason } from '../../lambda/oauth/oauth-error.ts'
import type { RegisteredClient } from '../flow/local-stack.ts'
import { useAttackedEndpoints } from './support/attacked-endpoints.ts'

const attackedEndpoints = useAttackedEndpoints()
let client: RegisteredClient
beforeAll(async () => {
  client = await attackedEndpoints().register()
})

async function refused(and: string, reason: RefusalReason): Promise<void> {
  const { event } = await attackedEndpoints().refused('token', { client, and }, reason)
  for (const member of ['scope', 'audience', 'jti']) expect(event).not.toHaveProperty(member)
}

describe('a scope that is malformed', () => {
  it.each([
    ['one space', '+'],
    ['one space, escaped', '%20'],
    ['a space before it', '+orders:read'],
    ['a space behind it', 'orders:read+'],
    ['two spaces in it', 'orders:read++orders:write'],
    ['two spaces in it, escaped', 'orders:read%20%20orders:write'],
    ['a tab', 'orders:read%09orders:write'],
    ['a tab before it', '%09orders:read'],
    ['a line end', 'orders:read%0Aorders:write'],
    ['a line end behind it', 'orders:read%0D%0A'],
    ['a vertical tab', 'orders:read%0B'],
    ['a no-break space', 'orders:read%C2%A0orders:write'],
    ['an ideographic space', 'orders:read%E3%80%80orders:write'],
    ['a zero-width space', 'orders:read%E2%80%8B'],
    ['a byte order mark', '%EF%BB%BForders:read'],
    ['a soft hyphen', 'orders%C2%AD:read'],
    ['an escape character', 'orders:read%1B'],
    ['a delete character', 'orders:read%7F'],
    ['a quotation mark', '"orders:read"'],
    ['a backslash', 'orders%5C:read'],
    ['a JSON list', '["orders:read"]'],
    ['fullwidth letters', '%EF%BD%8Frders:read'],
    ['a Cyrillic letter', '%D0%BErders:read'],
    ['a character outside of the basic plane', '%F0%9F%94%91'],
  ])('E4: is refused whatever is in the rest of it: %s (RFC 6749 §3.3)', async (_, text) => {
    await refused(`scope=${text}`, 'scope_malformed')
  })

  it.each([
    ['NUL', 'orders:read%00'],
    ['NUL and more', 'orders:read%00+orders:write'],
    ['bytes that are not UTF-8', 'orders:read%A0orders:write'],
    ['an overlong slash', 'orders%C0%AFread'],
    ['half of an escape', 'orders%3'],
  ])('E4: is refused as no form at all: %s (RFC 6749 Appendix B)', async (_, text) => {
    await refused(`scope=${text}`, 'parameter_malformed')
  })

  it('E4: is refused when it is given twice, the same or not (RFC 6749 §3.2)', async () => {
    for (const text of [
      'scope=orders:read&scope=orders:read',
      'scope=orders:read&scope=orders:write',
      'scope=orders:read&scope=',
      'scope=&scope=orders:read',
      'scope&scope',
      'scope=orders:read&%73cope=orders:write',
    ])
      await refused(text, 'parameter_repeated')
  })
})
