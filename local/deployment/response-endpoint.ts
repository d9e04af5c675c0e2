import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** CloudFormation takes no more than this from a custom resource. */
const largestAnswerOctets = 4096

/** What a custom resource's function answers to `ResponseURL`. */
export interface CustomResourceAnswer {
  Status: 'SUCCESS' | 'FAILED'
  Reason?: string
  PhysicalResourceId?: string
  Data?: Record<string, unknown>
}

/** Takes one answer, as the presigned S3 URL does that CloudFormation hands out. */
export interface ResponseEndpoint {
  url: string
  /** Rejects when what arrives is no such answer. */
  answer: Promise<CustomResourceAnswer>
  close(): void
}

/** Opens an endpoint on loopback, under a path that cannot be guessed, for one `PUT`. */
export async function openResponseEndpoint(): Promise<ResponseEndpoint> {
  const path = `/${randomUUID()}`
  let take: (answer: CustomResourceAnswer) => void = () => {}
  let refuse: (error: Error) => void = () => {}
  const answer = new Promise<CustomResourceAnswer>((resolve, reject) => {
    take = resolve
    refuse = reject
  })
  // Whoever waits gets the rejection; nobody has to.
  answer.catch(() => {})
  const server = createServer((request, response) => {
    if (request.method !== 'PUT' || request.url !== path) return void response.writeHead(403).end()
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
      if (body.length > largestAnswerOctets) request.destroy()
    })
    request.on('end', () => {
      const parsed = parseAnswer(body)
      response.writeHead(parsed === undefined ? 400 : 200, { connection: 'close' }).end(() => {
        if (parsed === undefined) refuse(new Error('the function sent no valid answer to ResponseURL'))
        else take(parsed)
      })
    })
    request.on('close', () => {
      if (!request.complete) refuse(new Error('the answer to ResponseURL is larger than 4 KB or broke off'))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    answer,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function parseAnswer(body: string): CustomResourceAnswer | undefined {
  try {
    const answer = JSON.parse(body) as CustomResourceAnswer
    return answer.Status === 'SUCCESS' || answer.Status === 'FAILED' ? answer : undefined
  } catch {
    return undefined
  }
}
