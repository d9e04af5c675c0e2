import { signRequest } from '../../bin/sigv4.ts'
import type { Json, LocalStack } from './local-stack.ts'

export interface Answer {
  status: number
  headers: Headers
  body: Json
}

export interface SigningChanges {
  accessKeyId?: string
  secretAccessKey?: string
  region?: string
  service?: string
  now?: Date
}

/** A request to the admin API with a body as it is, signed by the local administrator unless the changes say otherwise. */
export async function sendSigned(
  stack: LocalStack,
  method: string,
  path: string,
  { body = '', sign = {} }: { body?: string; sign?: SigningChanges } = {},
): Promise<Answer> {
  const { region, admin } = stack.endpoints
  const url = new URL(`${admin}${path}`)
  const { accessKeyId, secretAccessKey, ...scope } = { ...stack.credentials, ...sign }
  const headers = signRequest(
    { method, url, headers: {}, body },
    {
      region,
      service: 'execute-api',
      now: new Date(),
      credentials: { accessKeyId, secretAccessKey },
      ...scope,
    },
  )
  return send(method, url, headers, body)
}

export async function send(
  method: string,
  url: URL,
  headers: Record<string, string>,
  body = '',
): Promise<Answer> {
  const response = await fetch(url, { method, headers, body: body === '' ? null : body })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
}
