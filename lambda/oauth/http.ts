/** What the protocol needs of an HTTP request; the handlers make it from the gateway's event. */
export interface HttpRequest {
  readonly method: string
  /** The undecoded query string, without `?`; empty when there is none. */
  readonly rawQueryString: string
  /** Lower-case names. A repeated header arrives joined with a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string | undefined
  /** The address of the caller, as the gateway saw it. */
  readonly sourceIp: string | undefined
  /** True when `body` is base64, as API Gateway sends form bodies. */
  readonly isBase64Encoded: boolean
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
