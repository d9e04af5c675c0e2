import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Refusal {
  readonly status: number
  readonly type: string
}

export const tooManyRequests: Refusal = { status: 429, type: 'TooManyRequestsException' }
export const limitExceeded: Refusal = { status: 429, type: 'LimitExceededException' }
export const accessDenied: Refusal = { status: 403, type: 'AccessDeniedException' }

/** A proxy in front of the local API Gateway, which refuses the calls that it is told to. */
export async function startApiGatewayProxy(upstream: string) {
  const calls: string[] = []
  let refusals: { pattern: RegExp; refusal: Refusal; times: number }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { method = '', url = '' } = request
    const call = `${method} ${url}`
    calls.push(call)
    const found = refusals.find(({ pattern, times }) => times > 0 && pattern.test(call))
    if (found !== undefined) {
      found.times--
      const { status, type } = found.refusal
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type })
      response.end(JSON.stringify({ message: 'refused by the test' }))
      return
    }
    const body = chunks.length === 0 ? null : Buffer.concat(chunks)
    const answer = await fetch(upstream + url, { method, body })
    const headers = { 'content-type': 'application/json' }
    const errorType = answer.headers.get('x-amzn-errortype')
    response.writeHead(
      answer.status,
      errorType === null ? headers : { ...headers, 'x-amzn-errortype': errorType },
    )
    response.end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Method and path of each call, in order. */
    calls,
    /** Refuses calls like this, so many of them. */
    refuse(pattern: RegExp, refusal: Refusal, times = Number.POSITIVE_INFINITY): void {
      refusals.push({ pattern, refusal, times })
    },
    reset(): void {
      calls.length = 0
      refusals = []
    },
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
