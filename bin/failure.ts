/** The command line's exit codes; `countersign --help` and docs/command-line.md list them. */
export const exitCodes = {
  ok: 0,
  /** The server refused or failed. */
  failed: 1,
  /** The command was misspelt or lacks something. */
  usage: 2,
  /** The client, the secret or the resource server does not exist. */
  notFound: 3,
  /** No server was found, or it does not answer. */
  unreachable: 4,
  /** The AWS credentials or the client's credentials were refused. */
  credentialsRefused: 5,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/**
 * Ends a command: one line that says what was wrong, one that says what to do about it. Both are for
 * people (stderr); with `--json` the code and the message are also the one document on stdout.
 */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: ExitCode
  /** A fixed code in the manner of RFC 6749 §5.2; the server's own where there is one. */
  readonly code: string
  readonly remedy: string
  /** The HTTP status of a refusal; undefined when no answer said what became of the request. */
  readonly status: number | undefined

  constructor(
    exitCode: ExitCode,
    failure: { code: string; message: string; remedy: string; status?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(failure.message, options)
    this.exitCode = exitCode
    this.code = failure.code
    this.remedy = failure.remedy
    this.status = failure.status
  }
}

/** What was typed cannot be carried out as it stands (exit code 2). */
export function usageFailure(message: string, remedy: string): CommandFailure {
  return new CommandFailure(exitCodes.usage, { code: 'invalid_usage', message, remedy })
}

/** No server was found, or it does not answer (exit code 4). */
export function unreachableFailure(message: string, remedy: string, options?: ErrorOptions): CommandFailure {
  return new CommandFailure(exitCodes.unreachable, { code: 'server_unreachable', message, remedy }, options)
}
