import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { parseBasicCredentials } from '../../lambda/oauth/basic-credentials.ts'
import { parseBearerToken } from '../../lambda/oauth/bearer-token.ts'
import { checkClaims } from '../../lambda/oauth/check-claims.ts'
import { parseClientCredentials } from '../../lambda/oauth/client-credentials.ts'
import { maxBodyBytes, maxParameters, parseForm } from '../../lambda/oauth/form.ts'
import { OAuthError } from '../../lambda/oauth/oauth-error.ts'
import { isResourceIndicator } from '../../lambda/oauth/resource-indicator.ts'
import { parseScope } from '../../lambda/oauth/scope.ts'
import { parseUnverifiedToken } from '../../lambda/oauth/token-gate.ts'
import { parseTokenRequest } from '../../lambda/oauth/token-request.ts'
import { basicHeader, formRequest } from '../lambda/oauth/support/token-endpoint.ts'
import { audience, claims, header, issuer, signTexts } from '../lambda/oauth/support/token-maker.ts'
import { anyJson, anyText, objectWith, textOf } from './arbitrary-json.ts'
import { outcomeOf } from './declared-errors.ts'
import { itHolds } from './run-property.ts'

const formText = textOf([
  'grant_type',
  'client_credentials',
  'scope',
  'resource',
  '=',
  '&',
  '+',
  '%20',
  '%',
  '%C3%A9',
  '%00',
  '%ff',
])

const asBase64 = (text: string) => Buffer.from(text).toString('base64')

describe('the form of a request', () => {
  const contentType = fc.oneof(
    { weight: 6, arbitrary: fc.constant('application/x-www-form-urlencoded') },
    textOf(['application/x-www-form-urlencoded', ';', ' ', ',', 'charset=utf-8']),
    fc.constant(undefined),
  )
  const request = fc
    .record({
      method: fc.oneof({ weight: 9, arbitrary: fc.constant('POST') }, anyText),
      rawQueryString: fc.oneof({ weight: 9, arbitrary: fc.constant('') }, anyText),
      contentType,
      text: formText,
      sent: fc.constantFrom('text', 'base64', 'absent', 'not base64'),
    })
    .map(({ method, rawQueryString, contentType: type, text, sent }) => ({
      ...formRequest({}),
      method,
      rawQueryString,
      headers: { 'content-type': type },
      body: sent === 'absent' ? undefined : sent === 'base64' ? asBase64(text) : text,
      isBase64Encoded: sent === 'base64' || sent === 'not base64',
      text: sent === 'absent' ? '' : text,
    }))

  itHolds(
    'is refused, or read as a browser’s parser reads it, within its limits (RFC 6749 §3.2 and Appendix B)',
    400,
    fc.property(request, ({ text, ...http }) => {
      const form = outcomeOf(() => parseForm(http), OAuthError)
      if (form === 'refused') return
      const bytes = http.isBase64Encoded
        ? Buffer.from(http.body ?? '', 'base64')
        : Buffer.from(http.body ?? '')
      expect(bytes.length).toBeLessThanOrEqual(maxBodyBytes)
      const parameters = [...new URLSearchParams(bytes.toString())]
      expect(new Set(parameters.map(([name]) => name)).size).toBe(parameters.length)
      expect(parameters.length).toBeLessThanOrEqual(maxParameters)
      expect([...form]).toEqual(parameters.filter(([, value]) => value !== ''))
    }),
  )

  itHolds(
    'gives a token request or is refused, whatever its parameters are (RFC 6749 §4.4.2)',
    250,
    fc.property(
      fc.array(
        fc.tuple(
          fc.constantFrom('grant_type', 'scope', 'resource', 'client_id'),
          fc.oneof(fc.constantFrom('client_credentials', 'orders:read orders:write', audience), anyText),
        ),
      ),
      parameters => {
        const parsed = outcomeOf(() => parseTokenRequest(new Map(parameters)), OAuthError)
        if (parsed === 'refused') return
        const { resource, requestedScope } = parsed
        expect(resource).toBe(new Map(parameters).get('resource'))
        expect(requestedScope === undefined).toBe(new Map(parameters).get('scope') === undefined)
      },
    ),
  )
})

describe('the credentials of a request', () => {
  const credentials = fc.oneof(
    textOf([
      'Basic ',
      'basic',
      ' ',
      'Bearer ',
      ':',
      ',',
      '=',
      asBase64('id:secret'),
      asBase64('é:%2'),
      'id:secret',
    ]),
    fc.tuple(anyText, anyText).map(([id, secret]) => basicHeader(id, secret)),
    anyText,
  )

  itHolds(
    'are an identifier and a secret or malformed, whatever the header is (RFC 6749 §2.3.1)',
    400,
    fc.property(credentials, text => {
      const parsed = outcomeOf(() => parseBasicCredentials(text))
      if (typeof parsed === 'string') {
        expect(['malformed', 'malformed-escape']).toContain(parsed)
        return
      }
      // What was understood is what is there: decoded once more it says the same.
      const sent = Buffer.from(text.replace(/^basic +/i, ''), 'base64').toString()
      const [id = '', ...rest] = sent.split(':')
      const decode = (part: string) => new URLSearchParams(`x=${part.replaceAll('&', '%26')}`).get('x')
      expect(parsed).toEqual({ clientId: decode(id), clientSecret: decode(rest.join(':')) })
    }),
  )

  itHolds(
    'are one way of authentication or refused, whatever the header and the form are (RFC 6749 §2.3)',
    250,
    fc.property(
      fc.option(credentials, { nil: undefined }),
      fc.dictionary(
        fc.constantFrom('client_id', 'client_secret', 'client_assertion', 'client_assertion_type'),
        fc.oneof(
          fc.constant('urn:ietf:params:oauth:client-assertion-type:jwt-bearer'),
          fc.constant(signTexts('{"alg":"ES256"}', '{"sub":"id"}')),
          anyText,
        ),
      ),
      (authorization, parameters) => {
        const form = new Map(Object.entries(parameters))
        const parsed = outcomeOf(
          () => parseClientCredentials(formRequest({}, authorization), form),
          OAuthError,
        )
        if (parsed === 'refused') return
        const ways = [authorization, form.get('client_secret'), form.get('client_assertion')]
        expect(ways.filter(way => way !== undefined)).toHaveLength(1)
      },
    ),
  )

  itHolds(
    'are a bearer token or a reason, whatever the header is (RFC 6750 §2.1)',
    400,
    fc.property(fc.oneof(textOf(['Bearer', 'bearer', ' ', 'a.b.c', '=', ',', 'DPoP ']), anyText), text => {
      const parsed = outcomeOf(() => parseBearerToken(text))
      if (typeof parsed === 'string') {
        const reasons = ['credentials_missing', 'scheme_unsupported', 'credentials_malformed']
        expect(reasons).toContain(parsed)
        return
      }
      expect(text.toLowerCase().startsWith('bearer ')).toBe(true)
      expect(`${text.slice(0, 7)}${parsed.token}`).toBe(text)
    }),
  )
})

describe('the values of a request', () => {
  itHolds(
    'are scope tokens or no scope (RFC 6749 §3.3)',
    400,
    fc.property(fc.oneof(textOf(['orders:read', 'a', ' ', '"', '\\']), anyText), text => {
      const scope = outcomeOf(() => parseScope(text))
      const isGrammatical = /^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(text)
      expect(scope).toEqual(isGrammatical ? [...new Set(text.split(' '))] : undefined)
    }),
  )

  itHolds(
    'are a resource indicator only as absolute URIs without a fragment (RFC 8707 §2)',
    400,
    fc.property(
      fc.oneof(
        fc.webUrl({ withFragments: true, withQueryParameters: true }),
        textOf([
          'https://',
          'http:',
          'urn:',
          '/',
          'example.com',
          ':443',
          '#',
          '?',
          '@',
          '%2',
          '..',
          'é',
          '[::1]',
        ]),
        anyText,
      ),
      text => {
        if (!outcomeOf(() => isResourceIndicator(text))) return
        const { hash, protocol, username, password, href } = new URL(text)
        expect([hash, username, password]).toEqual(['', '', ''])
        expect(text.startsWith(protocol)).toBe(true)
        expect([text, `${text}/`]).toContain(href)
      },
    ),
  )
})

describe('a token', () => {
  const head = JSON.stringify(header)
  const anyToken = fc.oneof(
    anyText,
    fc.tuple(fc.oneof(fc.constant(head), anyText), anyText).map(texts => signTexts(...texts)),
    anyJson.map(value => signTexts(head, JSON.stringify(value))),
    fc.integer({ min: 1, max: 3000 }).map(depth => signTexts(head, '['.repeat(depth) + ']'.repeat(depth))),
    fc
      .integer({ min: 1, max: 1000 })
      .map(depth => signTexts(head, `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)),
  )

  itHolds(
    'has the one spelling or is refused by the gate, whatever the text is (RFC 7515 §7.1)',
    400,
    fc.property(anyToken, text => {
      const parsed = outcomeOf(() => parseUnverifiedToken(text))
      if (typeof parsed === 'string') {
        expect(parsed).toMatch(/^token_[a-z_]+$/)
        return
      }
      expect(Object.keys(parsed).sort()).toEqual(['algorithm', 'claims', 'kid', 'token'])
    }),
  )

  const anyClaims = objectWith({
    iss: fc.constant(issuer),
    sub: fc.constant(claims.sub),
    client_id: fc.constant(claims.sub),
    aud: fc.constantFrom<unknown>(audience, [audience], { toString: audience }),
    scope: textOf(['orders:read', ' ']),
    iat: fc.oneof(fc.constant(claims.iat), fc.double()),
    exp: fc.oneof(fc.constant(claims.exp), fc.double()),
    nbf: fc.oneof(fc.constant(claims.iat), fc.double()),
    jti: fc.constant(claims.jti),
  })

  itHolds(
    'has claims of the types that they must have or is refused, whatever they are (RFC 9068 §2.2)',
    400,
    fc.property(anyClaims, fc.constantFrom(audience, undefined), (given, wanted) => {
      const checked = outcomeOf(() => checkClaims({ ...given }, issuer, wanted))
      if (typeof checked === 'string') {
        expect(checked).toMatch(/^[a-z_]+$/)
        return
      }
      const { iss, sub, client_id, aud, scope, iat, exp, jti } = checked.claims
      expect([iss, aud, client_id]).toEqual([issuer, wanted ?? aud, sub])
      expect([aud, sub, scope, jti].map(value => typeof value)).toEqual(Array(4).fill('string'))
      expect(Number.isSafeInteger(iat) && Number.isSafeInteger(exp) && exp > iat && exp - iat <= 3600).toBe(
        true,
      )
    }),
  )
})
