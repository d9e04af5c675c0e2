import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { PublicJwk, SigningKey } from '../../lambda/oauth/signing-key.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** A server on a free port of 127.0.0.1, until the test has finished. */
export async function serve(listener: Listener): Promise<string> {
  const { url, close } = await listen(listener)
  onTestFinished(close)
  return url
}

/** A server on a free port of 127.0.0.1, until it is closed. */
export async function listen(listener: Listener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** The JWKS of an issuer, and its introspection endpoint, which answers what it is told to. */
export async function startIssuer(...keys: readonly Pick<SigningKey, 'publicJwk'>[]) {
  const state = {
    keys: keys.map(({ publicJwk }) => publicJwk as PublicJwk),
    /** Answers a request for the JWKS in another way. */
    jwks: undefined as Listener | undefined,
    introspect: (() => ({ active: false })) as (token: string) => object | Promise<object>,
    /** The `Date` of introspection. */
    date: undefined as Date | undefined,
    asked: { jwks: 0, introspect: [] as { authorization: string | undefined; body: string }[] },
  }
  const url = await serve(async (request, response) => {
    if (request.url === '/.well-known/jwks.json') {
      state.asked.jwks++
      const answer = state.jwks ?? (() => response.end(JSON.stringify({ keys: state.keys })))
      answer(request, response)
      return
    }
    let body = ''
    for await (const chunk of request) body += chunk
    state.asked.introspect.push({ authorization: request.headers.authorization, body })
    if (state.date !== undefined) response.setHeader('date', state.date.toUTCString())
    const answer = await state.introspect(new URLSearchParams(body).get('token') ?? '')
    response.end(JSON.stringify(answer))
  })
  return { url, state }
}
