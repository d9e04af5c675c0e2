import { describe, expect, it } from 'vitest'
import { callApi } from '../../bin/doctor/protected-api.ts'
import type { CommandLineIo } from '../../bin/io.ts'
import { countersign, issuer, type SeenRequest, serverOf } from './command-line.ts'

const mebibyte = 1024 * 1024

/** 64 MiB, in steps, and how much of it was asked for. */
function largeAnswer() {
  const asked = { mebibytes: 0 }
  const body = new ReadableStream({
    pull: controller => {
      if (asked.mebibytes++ === 64) return controller.close()
      controller.enqueue(Buffer.alloc(mebibyte, ' '))
    },
  })
  return { asked, response: new Response(body) }
}

describe('a server that answers without end', () => {
  it('is listened to for 8 MiB', async () => {
    const { asked, response } = largeAnswer()
    const handler = serverOf(issuer, ({ url }: SeenRequest) =>
      url.pathname.startsWith('/admin') ? response : undefined,
    )
    const { code, out } = await countersign(['clients', 'list', '--json'], { handler })
    expect([code, JSON.parse(out)]).toEqual([
      1,
      {
        error: 'unexpected_answer',
        error_description: '127.0.0.1:4000 answers with more than 8388608 octets',
      },
    ])
    expect(asked.mebibytes).toBeLessThan(12)
  })
})

describe('a protected route that serves much', () => {
  it('is looked at by the doctor, and not read to its end', async () => {
    const { asked, response } = largeAnswer()
    const io = { fetch: async () => response } as Partial<CommandLineIo> as CommandLineIo
    const answer = await callApi({ io, url: new URL('https://api.example.com/files') })
    expect([answer.status, answer.text.length]).toEqual([200, 1024])
    expect(asked.mebibytes).toBeLessThan(4)
  })
})
