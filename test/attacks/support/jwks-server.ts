import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a client's own server answers for a path of its origin. */
export type JwksAnswer = object | string | ((response: ServerResponse) => void)

/** A client's web server, which publishes what it is told to and counts what it is asked for. */
export async function startJwksServer() {
  const answers = new Map<string, JwksAnswer>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const answer = answers.get(path)
    if (typeof answer === 'function') return answer(response)
    if (answer === undefined) return void response.writeHead(404).end()
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    publish: (path: string, answer: JwksAnswer) => answers.set(path, answer),
    /** How often a path was asked for. */
    count: (path: string) => asked.filter(each => each === path).length,
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
