/** How many failed authentications of one client from one address are answered, in which time. */
export interface FailureLimit {
  readonly failures: number
  readonly windowSeconds: number
}

/** The failed authentications of one client from one address since a moment, epoch seconds. */
export interface RecentFailures {
  readonly count: number
  readonly since: number
}

/** Whose failures count together. */
export interface FailureSubject {
  readonly clientId: string
  /** The source address, or its network: see `sourceNetwork`. */
  readonly source: string
}

/** A window of failures that has not ended. */
export function isCurrent(
  { since }: RecentFailures,
  { windowSeconds }: FailureLimit,
  nowSeconds: number,
): boolean {
  return nowSeconds < since + windowSeconds
}

/** How long this pair has to wait, in seconds; 0 = it may try. */
export function secondsToWait(
  recent: RecentFailures | undefined,
  limit: FailureLimit,
  nowSeconds: number,
): number {
  if (recent === undefined || recent.count < limit.failures || !isCurrent(recent, limit, nowSeconds)) return 0
  // Another machine's clock may be ahead: nobody waits longer than a window.
  return Math.min(limit.windowSeconds, recent.since + limit.windowSeconds - nowSeconds)
}

/**
 * What counts as one address: an IPv4 address, or the /64 network of an IPv6 address, which one host has the whole of.
 * An IPv4 address in the form of IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address. One that is not known is one as well.
 */
export function sourceNetwork(sourceIp: string | undefined): string {
  if (sourceIp === undefined || !sourceIp.includes(':')) return sourceIp ?? 'unknown'
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(sourceIp) ?? []
  if (mapped !== undefined) return mapped
  const [head = '', tail] = sourceIp.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  const groups = tail === undefined ? left : [...left, ...zeros, ...right]
  return `${groups
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
