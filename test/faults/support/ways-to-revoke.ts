import {
  expectAdministrationUnavailable,
  expectUnavailable,
  type FaultedAnswer,
  type FaultedFunctions,
} from './faulted-functions.ts'

/** A way to have a token refused: alone, or with everything that its client has. */
export interface WayToRevoke {
  readonly way: string
  /** What the row that it writes is of. */
  readonly kind: 'jti' | 'client'
  readonly revoke: (clientId: string, token: string) => Promise<FaultedAnswer>
  /** Holds a failure of it against what that has to look like. */
  readonly expectFailed: (answer: FaultedAnswer) => void
}

export function waysToRevoke(functions: () => FaultedFunctions): WayToRevoke[] {
  const ofClient = (way: string): WayToRevoke => ({
    way,
    kind: 'client',
    revoke: client_id => functions().administer(way, { client_id }),
    expectFailed: expectAdministrationUnavailable,
  })
  return [
    {
      way: 'POST /revoke',
      kind: 'jti',
      revoke: (clientId, token) => functions().ask('revoke', { token }, clientId),
      expectFailed: expectUnavailable,
    },
    {
      way: 'POST /admin/tokens/revoke',
      kind: 'jti',
      revoke: (_, token) => functions().administer('POST /admin/tokens/revoke', {}, { token }),
      expectFailed: expectAdministrationUnavailable,
    },
    ofClient('POST /admin/clients/{client_id}/revoke-tokens'),
    ofClient('POST /admin/clients/{client_id}/disable'),
    ofClient('DELETE /admin/clients/{client_id}'),
  ]
}

export function succeeded({ status }: FaultedAnswer): boolean {
  return status === 200 || status === 204
}
