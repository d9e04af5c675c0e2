import type { RotationPorts } from '../oauth/administration/rotate-secret.ts'

/**
 * Asks the introspection endpoint about nothing: it answers an authenticated client 200 and nobody else, and no token
 * has to be issued to find out.
 *
 * @throws Error when the answer says neither
 */
export function authenticationProbe(introspectionEndpoint: string): RotationPorts['isAuthenticated'] {
  return async ({ client_id: id, client_secret: secret }, method) => {
    const isBasic = method === 'client_secret_basic'
    const form = new URLSearchParams({ token: 'none' })
    if (!isBasic)
      for (const [name, value] of Object.entries({ client_id: id, client_secret: secret }))
        form.set(name, value)
    const credentials = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`
    const headers: Record<string, string> = isBasic
      ? { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
      : {}
    const signal = AbortSignal.timeout(10_000)
    const init = { method: 'POST', headers, body: form, redirect: 'error', signal } as const
    const { status } = await fetch(introspectionEndpoint, init)
    if (status === 200 || status === 401) return status === 200
    throw new Error(`the introspection endpoint answered ${status}`)
  }
}
