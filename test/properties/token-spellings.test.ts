import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { parseUnverifiedToken } from '../../lambda/oauth/token-gate.ts'
import { claims, header, signTexts } from '../lambda/oauth/support/token-maker.ts'
import { edited } from './arbitrary-edits.ts'
import { isAccepted, validTexts, validToken } from './arbitrary-tokens.ts'
import { itHolds } from './run-property.ts'
import { anySpelling, jsonRespelling, segmentRespelling, signatureRespelling } from './token-respellings.ts'

/** What a token says, however it is spelled: leniently decoded. */
function contentOf(text: string) {
  return text.split('.').map(segment => Buffer.from(segment, 'base64').toString('hex'))
}

/** Whether two texts are JSON of different content. */
function saysAnother(before: string, after: string): boolean {
  try {
    return !isDeepStrictEqual(JSON.parse(before), JSON.parse(after))
  } catch {
    return false
  }
}

describe('an accepted token', () => {
  const respelledTexts = fc
    .tuple(validTexts, jsonRespelling, fc.constantFrom('header', 'payload', 'both'))
    .map(([texts, respell, which]) => {
      const headerText = which === 'payload' ? texts.headerText : respell(texts.headerText)
      const payloadText = which === 'header' ? texts.payloadText : respell(texts.payloadText)
      const isSame = headerText === texts.headerText && payloadText === texts.payloadText
      // What looks like a number may stand in a text: another scope is another token, not another spelling.
      const saysElse =
        saysAnother(texts.headerText, headerText) || saysAnother(texts.payloadText, payloadText)
      return { headerText, payloadText, isSame, saysElse }
    })
    .filter(({ saysElse }) => !saysElse)

  itHolds(
    'has no other spelling of its segments: padding, alphabets, unused bits, white space (RFC 4648 §3)',
    400,
    fc.asyncProperty(edited(validToken, segmentRespelling), async ({ before, after }) => {
      expect(contentOf(after)).toEqual(contentOf(before))
      expect(await isAccepted(after)).toBe(after === before)
    }),
  )

  itHolds(
    'has no other signature: not the one with n - s, none in DER, none with octets around it (RFC 7518 §3.4)',
    150,
    fc.asyncProperty(edited(validToken, signatureRespelling), async ({ before, after }) => {
      expect(after).not.toBe(before)
      expect(await isAccepted(after)).toBe(false)
    }),
  )

  itHolds(
    'has no other spelling of its JSON, not even one that is signed with our own key (RFC 7515 §5.2)',
    400,
    fc.asyncProperty(respelledTexts, async ({ headerText, payloadText, isSame }) => {
      expect(await isAccepted(signTexts(headerText, payloadText))).toBe(isSame)
    }),
  )

  itHolds(
    'has no other serialisation: JSON, a wrapping, another case of it (RFC 7515 §7)',
    150,
    fc.asyncProperty(edited(validToken, anySpelling), async ({ before, after }) => {
      expect(await isAccepted(after)).toBe(after === before)
    }),
  )
})

describe('whatever our own key has signed', () => {
  const entries = Object.entries({ ...header, ...claims })
  const member = fc.constantFrom(...entries.map(([name, value]) => `"${name}":${JSON.stringify(value)}`))
  const text = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.array(member).map(members => `{${members.join()}}`),
  )
  const texts = fc.oneof(validTexts, fc.record({ headerText: text, payloadText: text }))
  const respelled = fc.tuple(texts, jsonRespelling).map(([{ headerText, payloadText }, respell]) => ({
    headerText,
    payloadText: respell(payloadText),
  }))

  itHolds(
    'is refused or is what writing its content again makes of it (RFC 7515 §5.2)',
    400,
    fc.property(fc.oneof(texts, respelled), ({ headerText, payloadText }) => {
      const token = signTexts(headerText, payloadText)
      if (typeof parseUnverifiedToken(token) === 'string') return
      const again = token.split('.', 2).map(segment => {
        const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString())
        return Buffer.from(JSON.stringify(value)).toString('base64url')
      })
      expect(again.join('.')).toBe(token.slice(0, token.lastIndexOf('.')))
    }),
  )
})
