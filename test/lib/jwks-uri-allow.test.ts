import { describe, expect, it, vi } from 'vitest'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from './synthesis.ts'

describe('a synthesised stack', () => {
  it('gives no function an origin that a jwks_uri may have beside public ones, whatever the environment says', () => {
    vi.stubEnv('COUNTERSIGN_JWKS_URI_ALLOW', 'http://127.0.0.1:5000')
    const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))
    const functions = [...synthesis.ofType('AWS::Lambda::Function').keys()]
    expect(functions).toContain('AuthorizationServer/Token')
    for (const path of functions) {
      expect(Object.keys(synthesis.environment(path))).not.toContain('COUNTERSIGN_JWKS_URI_ALLOW')
    }
    const template = JSON.stringify(synthesis.template.toJSON())
    expect(template).not.toMatch(/JWKS_URI_ALLOW|127\.0\.0\.1/)
  })
})
