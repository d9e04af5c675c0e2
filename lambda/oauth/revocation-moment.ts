/** How far the clock of a token function may be ahead of the one that revokes, in seconds. */
const skewSeconds = 5

/**
 * The moment up to which a client's tokens are revoked: now, rounded up to a second, plus the skew. Always later than
 * the moment before, since tokens issued since then carry at least `previous + 1` as their `iat`.
 *
 * @param previous epoch seconds of the client's moment so far; 0 = none
 */
export function nextRevocationMoment(nowMilliseconds: number, previous: number): number {
  const now = Math.ceil(nowMilliseconds / 1000) + skewSeconds
  return previous === 0 ? now : Math.max(now, previous + 1)
}
