import { CommandFailure } from '../failure.ts'
import { send } from '../http.ts'
import type { CommandLineIo } from '../io.ts'
import { type Finding, fail, notChecked, ok, warn } from './finding.ts'

const daysBefore = 14

/** The certificate and the protocol's version (RFC 9325 §3.1.1). */
export async function checkTls(io: CommandLineIo, issuer: string): Promise<Finding> {
  const { protocol, hostname, port } = new URL(issuer)
  if (protocol === 'http:') return notChecked('tls', 'plain http, on this machine')
  try {
    const peer = await io.tlsPeer(hostname, Number(port || 443))
    if (peer.distrust !== undefined)
      return fail(
        'tls',
        `the certificate is not valid for ${hostname}: ${peer.distrust}`,
        'Renew or correct it.',
      )
    if (!['TLSv1.2', 'TLSv1.3'].includes(peer.protocol))
      return fail(
        'tls',
        `speaks ${peer.protocol}`,
        'Set the security policy of the domain to TLS 1.2 or later.',
      )
    const days = Math.floor((peer.certificateEnds.getTime() - io.now().getTime()) / 86_400_000)
    const found = `${peer.protocol}, certificate valid for ${days} more days`
    return days >= daysBefore
      ? ok('tls', found)
      : warn('tls', found, 'ACM renews weeks before: see why this one is not renewed (DNS validation).')
  } catch (error) {
    return fail(
      'tls',
      `no TLS connection to ${hostname}: ${error instanceof Error ? error.message : String(error)}`,
      'Check the address and the network.',
    )
  }
}

/** What assertions and the functions' own watch allow. */
const refusedFromSeconds = 10
const noticedFromSeconds = 2

/** This machine's clock against the `Date` of an answer that no cache gives (RFC 9110 §6.6.1). */
export async function checkClock(io: CommandLineIo, tokenEndpoint: URL): Promise<Finding> {
  const sentAt = io.now().getTime()
  let date: number
  try {
    const { headers } = await send(io, tokenEndpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '',
    })
    date = Date.parse(headers.get('date') ?? '')
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return fail('clock', error.message, error.remedy)
  }
  if (Number.isNaN(date)) return notChecked('clock', 'the answer has no Date')
  const seconds = skewSeconds(date, sentAt, io.now().getTime())
  return { ...judgeSkew(seconds), seconds }
}

function judgeSkew(seconds: number): Finding {
  if (Math.abs(seconds) < noticedFromSeconds) return ok('clock', "agrees with this machine's")
  const found = `is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} this machine's`
  const remedy = 'Most likely this machine is wrong: compare it with a time server (chronyc tracking).'
  return Math.abs(seconds) > refusedFromSeconds
    ? fail('clock', `${found}: client assertions made here are refused`, remedy)
    : warn('clock', found, remedy)
}

/** Whole seconds that the other clock is ahead, as little as the time that was under way allows. */
function skewSeconds(date: number, sentAt: number, receivedAt: number): number {
  if (date > receivedAt) return Math.round((date - receivedAt) / 1000)
  // A Date is the beginning of its second.
  return date + 999 < sentAt ? -Math.round((sentAt - (date + 999)) / 1000) : 0
}
