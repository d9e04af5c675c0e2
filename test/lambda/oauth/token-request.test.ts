import { describe, expect, it } from 'vitest'
import { parseTokenRequest } from '../../../lambda/oauth/token-request.ts'
import { reasonOr } from './support/thrown-by.ts'
import { audience } from './support/token-maker.ts'

const parse = (parameters: Record<string, string>) =>
  reasonOr(() => parseTokenRequest(new Map(Object.entries(parameters))))
const grantType = { grant_type: 'client_credentials' }

describe('a token request', () => {
  it('asks for everything registered when it names nothing (RFC 6749 §4.4.2)', () => {
    expect(parse(grantType)).toEqual({ requestedScope: undefined, resource: undefined })
  })

  it('names scopes and one resource (RFC 6749 §3.3, RFC 8707 §2)', () => {
    expect(parse({ ...grantType, scope: 'b a b', resource: audience })).toEqual({
      requestedScope: ['b', 'a'],
      resource: audience,
    })
  })

  it('ignores parameters that it does not know (RFC 6749 §3.2)', () => {
    const more = { audience: 'x', username: 'x', __proto__x: 'x', Scope: 'x', expires_in: '9' }
    expect(parse({ ...grantType, ...more })).toEqual({ requestedScope: undefined, resource: undefined })
  })

  it('needs a grant type (RFC 6749 §4.4.2)', () => {
    expect(parse({ scope: 'a' })).toBe('grant_type_missing')
  })

  it.each([
    'password',
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'Client_Credentials',
    'client_credentials ',
    'constructor',
  ])('refuses the grant type %j (RFC 6749 §5.2)', grant_type => {
    expect(parse({ grant_type })).toBe('grant_type_unsupported')
  })

  it.each([' a', 'a ', 'a  b', 'a"', 'a\\', 'é'])('refuses the scope %j (RFC 6749 §3.3)', scope => {
    expect(parse({ ...grantType, scope })).toBe('scope_malformed')
  })

  it.each(['orders', '/orders', `${audience}#x`, `${audience}/ `, 'x'.repeat(513)])(
    'refuses the resource %j (RFC 8707 §2)',
    resource => {
      expect(parse({ ...grantType, resource })).toBe('resource_malformed')
    },
  )

  it('names the grant type before the resource and the resource before the scope', () => {
    expect(parse({ grant_type: 'x', resource: 'x', scope: ' ' })).toBe('grant_type_unsupported')
    expect(parse({ ...grantType, resource: 'x', scope: ' ' })).toBe('resource_malformed')
  })
})
