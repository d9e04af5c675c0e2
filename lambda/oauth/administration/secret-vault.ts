import { MalformedRecord } from '../unavailable.ts'

/** A version of a stored secret: its value, and the identifier that was given to it. */
export interface SecretVersion {
  readonly versionId: string
  readonly value: string
}

/** Where the secrets of declared clients are kept: AWS Secrets Manager. All throw Unavailable. */
export interface SecretVault {
  /** @returns undefined when there is none yet */
  readonly current: (secretArn: string) => Promise<SecretVersion | undefined>
  /** @returns undefined when there is no such version, or it has no value yet */
  readonly version: (secretArn: string, versionId: string) => Promise<SecretVersion | undefined>
  /**
   * Writes a version and labels it AWSPENDING, which one version has at a time. Repeating it with the same value is safe.
   *
   * @returns false when that version has another value
   */
  readonly put: (secretArn: string, version: SecretVersion) => Promise<boolean>
  /** Moves AWSCURRENT, which one version has at a time; AWSPREVIOUS goes to the one that had it. */
  readonly makeCurrent: (
    secretArn: string,
    versionId: string,
    previousVersionId: string | undefined,
  ) => Promise<void>
  /** The labels of a version. @returns undefined when there is no such version */
  readonly stages: (secretArn: string, versionId: string) => Promise<readonly string[] | undefined>
}

/** What is kept of a client, as JSON: all that a program needs to get a token. */
export interface ClientCredentials {
  readonly client_id: string
  readonly client_secret: string
  /** Which of the client's secrets it is, as administration names it. */
  readonly secret_id: string
}

/** @throws MalformedRecord, with nothing of the value in it */
export function parseCredentials(value: string): ClientCredentials {
  const parsed = parseObject(value)
  for (const name of ['client_id', 'client_secret', 'secret_id']) {
    if (typeof parsed[name] !== 'string') throw new MalformedRecord(`the stored secret has no ${name}`)
  }
  return parsed as unknown as ClientCredentials
}

function parseObject(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // The parser's message quotes the text.
  }
  throw new MalformedRecord('the stored secret is not a JSON object')
}
