import { once } from 'node:events'
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { onTestFinished } from 'vitest'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** A frame (RFC 9113 §4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A literal of up to 126 octets, without Huffman coding (RFC 7541 §5.2). */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
}

/** Sends `GET /` with these `authorization` fields over HTTP/2. Node's own client sends no two of them. */
export async function sendHttp2(
  listener: (request: Http2ServerRequest, response: Http2ServerResponse) => unknown,
  authorization: readonly string[],
): Promise<number> {
  const answered = new Promise<number>(resolve => {
    const server = createServer((request, response) => {
      response.stream.once('close', () => resolve(response.statusCode))
      listener(request, response)
    })
    server.listen(0, '127.0.0.1', () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      onTestFinished(async () => {
        socket.destroy()
        server.close()
        await once(server, 'close')
      })
      const fields = authorization.flatMap(value => [Buffer.from([0x0f, 0x08]), literal(value)])
      const headers = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x01]), literal('x'), ...fields])
      // The server waits for an acknowledgement of its settings; 5 = end of headers and of the stream.
      socket.write(Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(0)), frame(1, 5, 1, headers)]))
      socket.resume()
    })
  })
  return answered
}
