import { createInterface } from 'node:readline/promises'
import { type AwsCredentials, type CredentialQuery, credentialsFromChain } from './aws-settings.ts'
import { connectTls, type TlsPeer } from './tls-peer.ts'

/** Everything a command may touch outside its own process, so that tests can hand in their own. */
export interface CommandLineIo {
  stdout: { write(text: string): unknown; isTTY?: boolean }
  stderr: { write(text: string): unknown; isTTY?: boolean }
  stdin: AsyncIterable<Uint8Array | string> & { isTTY?: boolean }
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  fetch: typeof fetch
  now: () => Date
  /** Puts a question on the terminal (stderr) and resolves to the answer; empty when the input ends. */
  ask: (question: string) => Promise<string>
  /** The usual AWS credential chain; never called for a server on this machine. */
  awsCredentials: (query: CredentialQuery) => Promise<AwsCredentials>
  /** Opens a TLS connection, whoever the other side is, and says what it is like. */
  tlsPeer: (hostname: string, port: number) => Promise<TlsPeer>
  /** Calls the handler instead of ending the process at Ctrl-C or with its terminal, until the function it returns is called. */
  onInterrupt: (handler: () => void) => () => void
}

/** The real process. */
export function processIo(): CommandLineIo {
  // `countersign clients list | head -1` closes the pipe early; that is not an error of ours.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    fetch: globalThis.fetch,
    now: () => new Date(),
    ask: askOnTerminal,
    awsCredentials: credentialsFromChain,
    tlsPeer: connectTls,
    onInterrupt,
  }
}

async function askOnTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<string>(resolve => terminal.once('close', () => resolve('')))
  try {
    return await Promise.race([terminal.question(question), ended])
  } finally {
    terminal.close()
  }
}

function onInterrupt(handler: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, handler)
  return () => {
    for (const signal of signals) process.off(signal, handler)
  }
}
