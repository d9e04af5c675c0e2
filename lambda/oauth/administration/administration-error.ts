const errors = {
  invalid_client_metadata: [400, 'the client metadata is not valid'],
  invalid_resource_server: [400, 'the resource server is not valid'],
  invalid_request: [400, 'the request is not valid'],
  invalid_token: [400, 'the token is not a valid access token of this server, or has expired'],
  not_found: [404, 'there is no such client, secret, resource server or path'],
  conflict: [
    409,
    'the client was changed meanwhile: read it again and repeat the change on its current version',
  ],
  in_use: [409, 'clients are granted what would go: change their grants first'],
  too_many_secrets: [409, 'the client has two live secrets: remove one first'],
  temporarily_unavailable: [503, 'a dependency cannot be reached: try again shortly'],
  server_error: [500, 'the request could not be completed'],
} as const satisfies Record<string, readonly [number, string]>

export type AdministrationErrorCode = keyof typeof errors

/**
 * A refusal by the admin API. `detail` says which member is wrong and what would be right; it is made of our own words
 * and names, never of the request's values.
 */
export class AdministrationError extends Error {
  override readonly name = 'AdministrationError'
  readonly code: AdministrationErrorCode
  readonly detail: string

  constructor(code: AdministrationErrorCode, detail?: string, options?: ErrorOptions) {
    super(code, options)
    this.code = code
    this.detail = detail ?? errors[code][1]
  }

  get status(): number {
    return errors[this.code][0]
  }
}
