import { type GatewayResponse, gatewayMessage, parseHeaders, parseStatus } from '../response.ts'

export const forbidden = gatewayMessage(403, 'Forbidden')
/** A function that failed, or returned no response: the one answer to both. */
export const malformedProxyResponse = gatewayMessage(502, 'Internal server error')

/** Makes a response of what a function returned to a proxy integration; `undefined` where it is none. */
export function responseOf(result: unknown): GatewayResponse | undefined {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return undefined
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = result as Record<string, unknown>
  const status = parseStatus(statusCode)
  const single = parseHeaders(headers)
  const multiple = Object.entries((multiValueHeaders ?? {}) as object).map(([name, values]) =>
    [values as unknown].flat().map(value => parseHeaders({ [name]: value })),
  )
  const repeated = multiple.flat()
  if (status === undefined || single === undefined || repeated.includes(undefined)) return undefined
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined
  const list = [...single, ...repeated.flatMap(each => each ?? [])].map(([name, value]): [string, string] => [
    // Where API Gateway says how to authenticate, a function does not.
    name.toLowerCase() === 'www-authenticate' ? 'x-amzn-remapped-www-authenticate' : name,
    value,
  ])
  if (!list.some(([name]) => name.toLowerCase() === 'content-type'))
    list.push(['content-type', 'application/json'])
  return {
    statusCode: status,
    headers: list,
    body: isBase64Encoded === true ? Buffer.from(body ?? '', 'base64') : (body ?? ''),
  }
}
