import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CommandFailure, exitCodes, usageFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'

export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
}

export interface CredentialQuery {
  /** A profile of the shared configuration files; without it, AWS_PROFILE or `default`. */
  profile: string | undefined
  region: string
  /** Asks for the code of a multi-factor device; absent where nobody can be asked. */
  mfaCode?: ((serial: string) => Promise<string>) | undefined
}

/** What the local run accepts, and nothing else does: see docs/command-line.md. */
export const localCredentials: AwsCredentials = {
  accessKeyId: 'countersignlocal',
  secretAccessKey: 'countersign-local-secret',
}

/** The usual chain: environment, single sign-on, web identity, shared files, process, container, instance. */
export async function credentialsFromChain(query: CredentialQuery): Promise<AwsCredentials> {
  // Half of the command line's start-up time, and a local server never needs it: hence only here.
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider({
    ...(query.profile === undefined ? {} : { profile: query.profile }),
    ...(query.mfaCode === undefined ? {} : { mfaCodeProvider: query.mfaCode }),
    clientConfig: { region: query.region },
  })()
}

/** @throws CommandFailure `no_credentials` (exit code 5) */
export async function findCredentials(
  io: CommandLineIo,
  profile: string | undefined,
  region: string,
): Promise<AwsCredentials> {
  const mfaCode = io.stdin.isTTY ? (serial: string) => io.ask(`Code of ${serial}: `) : undefined
  try {
    return await io.awsCredentials({ profile, region, mfaCode })
  } catch (cause) {
    throw new CommandFailure(
      exitCodes.credentialsRefused,
      {
        code: 'no_credentials',
        message: `no AWS credentials to sign with: ${cause instanceof Error ? cause.message : String(cause)}`,
        remedy: 'Sign in (aws sso login), or name a profile with --profile or AWS_PROFILE.',
      },
      { cause },
    )
  }
}

/**
 * `--region`, AWS_REGION, AWS_DEFAULT_REGION, the profile's region, in this order.
 *
 * @throws CommandFailure `invalid_usage` when none is set
 */
export function findRegion(
  io: CommandLineIo,
  options: { region: string | undefined; profile: string | undefined },
): string {
  const region =
    options.region ||
    io.env.AWS_REGION ||
    io.env.AWS_DEFAULT_REGION ||
    regionOfProfile(io.env, options.profile)
  if (!region) throw usageFailure('no AWS region is set', 'Name it with --region or AWS_REGION.')
  // It becomes part of a host name that credentials are sent to.
  if (!/^[a-z]{2,}(-[a-z0-9]+)+$/.test(region))
    throw usageFailure(`"${region}" is not an AWS region`, 'A region looks like eu-central-1.')
  return region
}

function regionOfProfile(env: CommandLineIo['env'], named: string | undefined): string | undefined {
  const profile = named || env.AWS_PROFILE || 'default'
  const home = env.HOME || env.USERPROFILE || homedir()
  const file = env.AWS_CONFIG_FILE || join(home, '.aws', 'config')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[\s*(?:profile\s+)?["']?([^\]"']+?)["']?\s*\]/.exec(line)
    if (heading?.[1] !== undefined) section = heading[1]
    const value = /^region\s*=\s*([^\s#;]+)/.exec(line)?.[1]
    if (value !== undefined && section === profile) return value
  }
  return undefined
}
