import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { type CommandFailure, usageFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import { thumbprint } from './key-pair.ts'
import { readInput } from './standard-input.ts'

/** A JWK Set (RFC 7517 §5). What is in the keys is for the server to judge. */
export interface JwkSet {
  keys: readonly JsonWebKey[]
}

/** RFC 7518 §6.2.2 and §6.3.2; `k` is a symmetric key. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth']

/**
 * Reads a client's public keys from a file (`-`: standard input): a JWK Set, one JWK, or one PEM public key or
 * certificate, whose `kid` becomes its thumbprint.
 *
 * @throws CommandFailure `invalid_usage`, for a private or symmetric key too: those must not leave this machine
 */
export async function readPublicKeys(io: CommandLineIo, file: string): Promise<JwkSet> {
  const text = (await readInput(io, file, 'keys')).trim()
  const keys = text.startsWith('-----BEGIN ') ? [parsePem(text)] : parseJwks(text)
  for (const [index, key] of keys.entries()) refuseSecret(key, index + 1)
  return { keys }
}

function parseJwks(text: string): JsonWebKey[] {
  const document = parseObject(text)
  if (Array.isArray(document?.keys)) return document.keys
  if (document && typeof document.kty === 'string') return [document]
  throw noKeys()
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // The parser's message would quote the file.
    return undefined
  }
}

// createPublicKey would take the public half out of a private key: whoever gives one has mixed up two files.
function parsePem(text: string): JsonWebKey {
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text)) throw secretKey('the PEM file holds a private key')
  if (text.split('-----BEGIN ').length > 2)
    throw usageFailure(
      'the PEM file holds more than one key',
      'Give one PEM key, or a JWK Set of all of them.',
    )
  try {
    const jwk = createPublicKey(text).export({ format: 'jwk' })
    return { ...jwk, kid: thumbprint(jwk), use: 'sig' }
  } catch {
    throw noKeys()
  }
}

function refuseSecret(key: unknown, number: number): void {
  if (typeof key !== 'object' || key === null) return
  if ('k' in key || ('kty' in key && key.kty === 'oct')) throw secretKey(`key ${number} is a symmetric key`)
  if (privateMembers.some(name => name in key)) throw secretKey(`key ${number} is a private key`)
}

function secretKey(what: string): CommandFailure {
  return usageFailure(
    `${what}, which must not leave this machine`,
    'Nothing was sent. Register the public key only; a private JWK has the further members d, p, q, dp, dq and qi.',
  )
}

function noKeys(): CommandFailure {
  return usageFailure(
    'the keys file holds no public keys',
    'It holds a JWK Set {"keys": [...]}, one JWK, or one PEM public key.',
  )
}
