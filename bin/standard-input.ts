import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { usageFailure } from './failure.ts'
import type { CommandLineIo } from './io.ts'

/** All of standard input; whoever types there is told that it is waited for. */
export async function readStandardInput(io: CommandLineIo, what: string): Promise<string> {
  if (io.stdin.isTTY) io.stderr.write(`reading ${what} from standard input (end with Ctrl-D)\n`)
  const chunks: Buffer[] = []
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

/** A token given as an operand, or `-` for standard input. */
export async function readToken(io: CommandLineIo, text: string): Promise<string> {
  const token = (text === '-' ? await readStandardInput(io, 'the token') : text).trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw usageFailure('no token was given', 'Name it, or give it on standard input with "-".')
}

/**
 * A client secret from a file (`-`: standard input): the secret alone on a line, or the document that
 * `clients create --json` printed, if it is of the same client.
 *
 * @throws CommandFailure `invalid_usage`
 */
export async function readClientSecret(io: CommandLineIo, file: string, clientId: string): Promise<string> {
  const text = await readInput(io, file, 'secret')
  const secret = text.trimStart().startsWith('{')
    ? secretOfDocument(text, clientId)
    : text.replace(/\r?\n$/, '')
  if (/^[\x21-\x7e]+$/.test(secret)) return secret
  throw usageFailure(
    'the secret file does not hold one client secret',
    'It holds the secret alone, on one line.',
  )
}

/** What a file may hold; the first two are for nobody else to read. */
const contents = {
  secret: 'the client secret',
  key: 'the private key',
  keys: 'the public keys',
} as const

/**
 * The text of a file, or of standard input for `-`. Says so when others can read what only its owner should.
 *
 * @throws CommandFailure `invalid_usage`
 */
export async function readInput(
  io: CommandLineIo,
  file: string,
  what: keyof typeof contents,
): Promise<string> {
  if (file === '-') return readStandardInput(io, `the ${what}`)
  const path = resolve(io.cwd, file)
  try {
    const text = readFileSync(path, 'utf8')
    if (what !== 'keys' && process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      io.stderr.write(
        `countersign: other users can read the ${what} file; "chmod 600" makes it yours alone.\n`,
      )
    return text
  } catch (error) {
    throw usageFailure(
      `the ${what} file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      `Name the file that holds ${contents[what]}, or - for standard input.`,
    )
  }
}

function secretOfDocument(text: string, clientId: string): string {
  try {
    const { client_id, client_secret } = JSON.parse(text) as Record<string, unknown>
    if (typeof client_secret === 'string' && client_id === clientId) return client_secret
  } catch {
    // Told below; the parser's message would quote the file.
  }
  throw usageFailure(`the secret file holds no secret of ${clientId}`, 'Name the file of the same client.')
}
