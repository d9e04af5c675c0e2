import type { DecodedToken } from './access-token.ts'
import { describeDuration, describeMoment } from './duration.ts'
import { type Cell, keyValues, type Style } from './output.ts'

/** What could be said of the signature, and by whom. */
export interface Verification {
  signature: 'valid' | 'invalid' | 'not_checked'
  reason: string
  /** The server whose keys were asked; absent when none was. */
  issuer?: string
  /** Whether the token's `iss` is that server. */
  issuer_matches?: boolean
}

export interface TokenReport {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** By this machine's clock; null when the token has no `exp`. */
  expired: boolean | null
  verification: Verification
  not_checked: readonly string[]
}

export function reportOn(
  token: DecodedToken,
  verification: Verification,
  nowEpochSeconds: number,
): TokenReport {
  const { exp } = token.claims
  return {
    header: token.header,
    claims: token.claims,
    expired: typeof exp === 'number' ? nowEpochSeconds >= exp : null,
    verification,
    not_checked: ['revocation', 'audience', 'scope'],
  }
}

export function describeReport(style: Style, report: TokenReport, nowEpochSeconds: number): string {
  const { header, claims, verification } = report
  return [
    keyValues(style, [['HEADER', ''], ...membersOf(header)]),
    keyValues(style, [['CLAIMS', ''], ...membersOf(claims)]),
    keyValues(style, [
      ['signature', signatureCell(verification)],
      ['issuer', issuerCell(report)],
      ['expiry', expiryCell(claims, nowEpochSeconds)],
      ['not checked', 'revocation, audience and scope: only the API that is called decides these'],
    ]),
  ].join('\n')
}

function membersOf(members: Record<string, unknown>): [string, Cell][] {
  return Object.entries(members).map(([name, value]) => [name, describeMember(name, value)])
}

/** A member of a token or of what is said of one: a moment also as people read it. */
export function describeMember(name: string, value: unknown): string {
  if (typeof value === 'number' && ['exp', 'iat', 'nbf', 'auth_time'].includes(name))
    return `${value} (${describeMoment(value)})`
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function signatureCell({ signature, reason, issuer }: Verification): Cell {
  if (signature === 'not_checked') return { lines: [`NOT VERIFIED: ${reason}`], look: 'bad' }
  const asked = `keys of ${issuer}`
  return signature === 'valid'
    ? { lines: [`verified: ${reason} (${asked})`], look: 'good' }
    : { lines: [`INVALID: ${reason} (${asked})`], look: 'bad' }
}

function issuerCell({ claims, verification }: TokenReport): Cell {
  const { issuer, issuer_matches: matches } = verification
  if (issuer === undefined) return 'not checked'
  return matches
    ? { lines: ['is this server'], look: 'good' }
    : { lines: [`${typeof claims.iss === 'string' ? claims.iss : 'absent'}: NOT this server`], look: 'bad' }
}

function expiryCell({ exp }: Record<string, unknown>, now: number): Cell {
  if (typeof exp !== 'number') return { lines: ['the token never expires: no exp'], look: 'bad' }
  return now < exp
    ? { lines: [`expires in ${describeDuration(exp - now)}`], look: 'good' }
    : { lines: [`EXPIRED ${describeDuration(now - exp)} ago`], look: 'bad' }
}
