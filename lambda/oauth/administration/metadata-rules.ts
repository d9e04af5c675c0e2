import * as v from 'valibot'
import { maxAccessTokenLength } from '../access-token.ts'
import { maxAccessTokenLifetimeSeconds, minAccessTokenLifetimeSeconds } from '../access-token-claims.ts'
import { isResourceIndicator } from '../resource-indicator.ts'
import { AdministrationError, type AdministrationErrorCode } from './administration-error.ts'

// Rules that clients and resource servers share. Every one has words of its own, so that no message of the library,
// which would quote the input, gets out.

const lifetimeRule = `access_token_lifetime must be whole seconds from ${minAccessTokenLifetimeSeconds} to ${maxAccessTokenLifetimeSeconds}`

export const accessTokenLifetime = v.optional(
  v.pipe(
    v.number(lifetimeRule),
    v.integer(lifetimeRule),
    v.minValue(minAccessTokenLifetimeSeconds, lifetimeRule),
    v.maxValue(maxAccessTokenLifetimeSeconds, lifetimeRule),
  ),
)

const versionRule = 'version is required: the one that was read'

export const version = v.pipe(v.number(versionRule), v.integer(versionRule))

/** A resource indicator under a member's name. */
export const resourceIndicator = (member: string) =>
  v.pipe(
    v.string(`${member} is required`),
    v.check(
      isResourceIndicator,
      `${member} must be an absolute URI without a fragment (RFC 8707 §2), in its normal spelling, of at most 512 characters`,
    ),
  )

/** A member that is missing is named; an unknown one, which may be anything, is not. */
export const membersRule =
  (rule: string) =>
  (issue: v.StrictObjectIssue): string =>
    /^"[a-z_]+"$/.test(issue.expected ?? '') ? `${issue.expected?.replaceAll('"', '')} is required` : rule

/** What a token has beside its audience and scope: header, signature and the other claims, in characters of the token. */
const otherTokenParts = 1500

/** Whether a token for all of these scopes stays under what the gateway lets through (8 KiB). */
export function fitsIntoToken(audience: string, scope: readonly string[]): boolean {
  return (
    Math.ceil(((audience.length + scope.join(' ').length) * 4) / 3) + otherTokenParts <= maxAccessTokenLength
  )
}

/** @throws AdministrationError of that code, in the words of the first rule that is broken */
export function parseWith<S extends v.GenericSchema>(
  schema: S,
  body: unknown,
  code: AdministrationErrorCode,
): v.InferOutput<S> {
  const result = v.safeParse(schema, body, { abortEarly: true })
  if (result.success) return result.output
  throw new AdministrationError(code, result.issues[0].message)
}
