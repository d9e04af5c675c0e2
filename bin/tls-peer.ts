import { connect } from 'node:tls'

export interface TlsPeer {
  /** Such as `TLSv1.3`. */
  protocol: string
  /** Why the certificate is not to be trusted for that host; undefined: it is. */
  distrust: string | undefined
  certificateEnds: Date
}

const deadlineMilliseconds = 10_000

/** @throws Error of the network, or where the handshake fails */
export function connectTls(hostname: string, port: number): Promise<TlsPeer> {
  return new Promise((resolve, reject) => {
    // What is wrong with a certificate is told, not thrown: nothing is sent over this connection.
    const socket = connect({ host: hostname, port, servername: hostname, rejectUnauthorized: false })
    socket.setTimeout(deadlineMilliseconds, () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve({
        protocol: socket.getProtocol() ?? '',
        distrust: socket.authorized ? undefined : String(socket.authorizationError),
        certificateEnds: new Date(socket.getPeerCertificate().valid_to),
      })
      socket.destroy()
    })
  })
}
