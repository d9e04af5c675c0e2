import type { JsonWebKey } from 'node:crypto'
import { lstatSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CommandFailure, usageFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import { type AssertionAlgorithm, generateKeyPair } from './key-pair.ts'

/**
 * A path where a private key can be put.
 *
 * @throws CommandFailure `invalid_usage` when something is there: a key file is never overwritten
 */
export function parseNewKeyFile(io: CommandLineIo, file: string): string {
  if (file === '-')
    throw usageFailure('a private key is not printed', 'Name a new file: --generate-key key.jwk')
  const path = resolve(io.cwd, file)
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw fileExists(path)
  return path
}

/**
 * Makes a key pair and registers its public half. The private half is on disk before anything is sent, so that no key
 * is registered that nobody has; it is removed again only where the answer says that the key was refused.
 *
 * @throws CommandFailure what `register` throws, or `invalid_usage` when the file cannot be written
 */
export async function registerNewKey<T>(
  path: string,
  algorithm: AssertionAlgorithm,
  register: (publicJwk: JsonWebKey) => Promise<T>,
): Promise<T> {
  const { publicJwk, privateJwk } = generateKeyPair(algorithm)
  writeKeyFile(path, privateJwk)
  try {
    return await register(publicJwk)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    if (error.status === undefined || error.status < 400 || error.status > 499) throw keptFile(error, path)
    rmSync(path, { force: true })
    throw error
  }
}

/** What to say of a key that was made and registered. */
export function newKeyNote(path: string): string {
  return `The private key is in ${path} and nowhere else: keep it safe.`
}

function writeKeyFile(path: string, jwk: JsonWebKey): void {
  const text = `${JSON.stringify(jwk, undefined, 2)}\n`
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw fileExists(path)
    throw usageFailure(
      `the key file cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      'Nothing was registered. Name a new file in a folder that you can write to.',
    )
  }
}

function fileExists(path: string): CommandFailure {
  return usageFailure(`${path} exists, and a key file is never overwritten`, 'Name a new file.')
}

function keptFile(cause: CommandFailure, path: string): CommandFailure {
  const { exitCode, code, message, remedy, status } = cause
  const kept = `The key may be registered all the same, so ${path} is kept: look with "countersign clients list" and "clients show".`
  return new CommandFailure(exitCode, { code, message, status, remedy: `${remedy} ${kept}` }, { cause })
}
