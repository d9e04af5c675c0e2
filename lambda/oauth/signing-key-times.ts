import { maxAccessTokenLifetimeSeconds } from './access-token-claims.ts'
import { clockSkewSeconds } from './check-claims.ts'

/** `max-age` of the JWKS, and how old a verifying function lets its copy of the ring get. */
export const jwksMaxAgeSeconds = 300

/** How old the copy of the ring gets that the JWKS is made of. */
export const publishingRingRefreshSeconds = 10

/** How old the copy of the ring gets that a signing function signs by: a revoked key is given up within this time. */
export const signingRingRefreshSeconds = 5

/** With an older copy, where the ring cannot be read, nothing is signed. */
export const signingRingLimitSeconds = 300

/** Rounding, and requests that were under way. */
const marginSeconds = 60

/** From a key's publication to its first signature: the copies of the JWKS everywhere have been replaced by then. */
export const publicationLeadSeconds =
  jwksMaxAgeSeconds + publishingRingRefreshSeconds + clockSkewSeconds + marginSeconds

/** From the moment a key is to sign no more until the last of its tokens has expired everywhere. */
export const retirementSeconds =
  signingRingLimitSeconds + maxAccessTokenLifetimeSeconds + 2 * clockSkewSeconds + marginSeconds
