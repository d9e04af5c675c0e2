import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Answer } from './attacked-stack.ts'

/** Posts a form from another address of the loopback network, which all of 127.0.0.0/8 is. */
export async function postFrom(
  localAddress: string,
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<Answer> {
  const sent = request(url, { method: 'POST', localAddress, agent: false, headers })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const fields = new Headers()
  for (const [name, values = []] of Object.entries(response.headersDistinct))
    for (const value of values) fields.append(name, value)
  const requestId = fields.get('apigw-requestid') ?? ''
  return { status: response.statusCode ?? 0, headers: fields, body: await text(response), requestId }
}
