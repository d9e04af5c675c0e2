import { describe, expect, it } from 'vitest'
import {
  AdministrationError,
  type AdministrationErrorCode,
} from '../../../../lambda/oauth/administration/administration-error.ts'

const statuses: Record<AdministrationErrorCode, number> = {
  invalid_client_metadata: 400,
  invalid_resource_server: 400,
  invalid_request: 400,
  invalid_token: 400,
  not_found: 404,
  conflict: 409,
  in_use: 409,
  too_many_secrets: 409,
  temporarily_unavailable: 503,
  server_error: 500,
}

describe('a refusal by the admin API', () => {
  it.each(Object.entries(statuses))('%s is %i (RFC 7591 §3.2.2, RFC 9110 §15)', (code, status) => {
    const error = new AdministrationError(code as AdministrationErrorCode)
    expect([error.name, error.message, error.code, error.status]).toEqual([
      'AdministrationError',
      code,
      code,
      status,
    ])
  })

  it('has words of its own unless it is given better ones, and keeps its cause to itself', () => {
    const cause = new Error('detail')
    expect(new AdministrationError('not_found').detail).toBe(
      'there is no such client, secret, resource server or path',
    )
    const error = new AdministrationError('not_found', 'there is no such client', { cause })
    expect([error.detail, error.cause]).toEqual(['there is no such client', cause])
    expect(JSON.stringify(error)).not.toContain('"cause"')
  })
})
