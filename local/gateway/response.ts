import { validateHeaderName, validateHeaderValue } from 'node:http'

/** A response on its way to the client. */
export interface GatewayResponse {
  statusCode: number
  /** Name and value, names in the case of whoever set them. */
  headers: [string, string][]
  body: string | Buffer
}

/** An answer of the gateway's own: `{"message": ...}`. HTTP APIs let nobody change these. */
export function gatewayMessage(statusCode: number, message: string): GatewayResponse {
  return {
    statusCode,
    headers: [['content-type', 'application/json']],
    body: JSON.stringify({ message }),
  }
}

export const unauthorized = gatewayMessage(401, 'Unauthorized')
export const forbidden = gatewayMessage(403, 'Forbidden')
export const notFound = gatewayMessage(404, 'Not Found')
export const tooManyRequests = gatewayMessage(429, 'Too Many Requests')
export const internalServerError = gatewayMessage(500, 'Internal Server Error')
export const serviceUnavailable = gatewayMessage(503, 'Service Unavailable')

// The server frames the message itself; a function has no say in it.
const framingHeaders = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Makes a response of what a function returned, payload format 2.0. A result without `statusCode` is the body
 * of a 200, as JSON. `undefined` where the result has a `statusCode` but is no response otherwise.
 */
export function responseOf(result: unknown): GatewayResponse | undefined {
  if (typeof result !== 'object' || result === null || !('statusCode' in result))
    return inferredResponse(result)
  const { statusCode, headers, cookies, body, isBase64Encoded } = result as Record<string, unknown>
  const status = parseStatus(statusCode)
  const headerList = parseHeaders(headers)
  const cookieList = parseCookies(cookies)
  if (status === undefined || headerList === undefined || cookieList === undefined) return undefined
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined
  if (!headerList.some(([name]) => name.toLowerCase() === 'content-type'))
    headerList.push(['content-type', 'text/plain;charset=UTF-8'])
  return {
    statusCode: status,
    headers: [...headerList, ...cookieList],
    body: isBase64Encoded === true ? Buffer.from(body ?? '', 'base64') : (body ?? ''),
  }
}

function inferredResponse(result: unknown): GatewayResponse {
  return {
    statusCode: 200,
    headers: [['content-type', 'application/json']],
    body: typeof result === 'string' ? result : JSON.stringify(result),
  }
}

export function parseStatus(statusCode: unknown): number | undefined {
  const status =
    typeof statusCode === 'string' && /^\d{3}$/.test(statusCode) ? Number(statusCode) : statusCode
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599
    ? status
    : undefined
}

export function parseHeaders(headers: unknown): [string, string][] | undefined {
  if (headers === undefined || headers === null) return []
  if (typeof headers !== 'object' || Array.isArray(headers)) return undefined
  const list: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined
    if (framingHeaders.has(name.toLowerCase())) continue
    if (!isValidHeader(name, String(value))) return undefined
    list.push([name, String(value)])
  }
  return list
}

function parseCookies(cookies: unknown): [string, string][] | undefined {
  if (cookies === undefined || cookies === null) return []
  if (!Array.isArray(cookies)) return undefined
  const valid = cookies.every(cookie => typeof cookie === 'string' && isValidHeader('set-cookie', cookie))
  return valid ? cookies.map(cookie => ['set-cookie', cookie]) : undefined
}

// A value with a line break would let a function's input split the response.
function isValidHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
