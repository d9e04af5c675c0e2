import { randomBytes } from 'node:crypto'
import { type AdminClient, unexpectedAnswer } from '../admin-client.ts'
import { asClient, isClientDocument } from '../client-document.ts'
import { CommandFailure, exitCodes } from '../failure.ts'
import type { CommandLineIo } from '../io.ts'
import { shellWord } from '../output.ts'
import { readEveryPage } from '../pages.ts'
import { type Finding, fail, ok } from './finding.ts'

/** How the names of the clients begin that a run registers and deletes again. */
export const temporaryName = 'countersign doctor '

/** Its tokens live as short as they can. */
export const temporaryLifetimeSeconds = 60

export interface TemporaryClient {
  clientId: string
  secret: string
}

/** What work with a temporary client reports to, and what ends it. */
export interface Run {
  signal: AbortSignal
  report: (...found: Finding[]) => void
}

/**
 * Registers a client for the work and deletes it whatever comes of that: an error, an interruption, or a registration
 * whose answer was lost.
 *
 * @returns what the work reported, and last what became of the client
 */
export async function withTemporaryClient(
  { io, admin }: { io: CommandLineIo; admin: AdminClient },
  grant: { resource: string; scope: string },
  work: (client: TemporaryClient, run: Run) => Promise<void>,
): Promise<Finding[]> {
  const interruption = new AbortController()
  const release = io.onInterrupt(() => interruption.abort(interrupted()))
  const name = `${temporaryName}${randomBytes(4).toString('hex')}`
  let clientId: string | undefined
  const findings: Finding[] = []
  try {
    const body = { client_name: name, grants: [grant], access_token_lifetime: temporaryLifetimeSeconds }
    const client = asClient(await admin({ method: 'POST', path: ['clients'], body }))
    clientId = client.client_id
    if (client.client_secret === undefined) throw unexpectedAnswer('the server')
    const temporary = { clientId, secret: client.client_secret }
    const { signal } = interruption
    const report = (...found: Finding[]) => {
      // What goes on behind an interruption is not asked for any more.
      if (!signal.aborted) findings.push(...found)
    }
    await unlessAborted(work(temporary, { signal, report }), signal)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    findings.push(fail(error.code === 'interrupted' ? error.code : 'token', error.message, error.remedy))
  } finally {
    findings.push(...(await remove(admin, name, clientId)))
    release()
  }
  return findings
}

function interrupted(): CommandFailure {
  const message = 'interrupted: what follows was not checked'
  return new CommandFailure(exitCodes.failed, { code: 'interrupted', message, remedy: 'Run it again.' })
}

/** @throws what the signal was aborted with */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([work, aborted])
}

async function remove(admin: AdminClient, name: string, clientId: string | undefined): Promise<Finding[]> {
  const check = 'temporary client'
  try {
    const id = clientId ?? (await findByName(admin, name))
    if (id === undefined) return []
    await admin({ method: 'DELETE', path: ['clients', id] })
    return [ok(check, `${id} is deleted again, and its tokens are revoked`)]
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const remedy =
      clientId === undefined
        ? `See "countersign clients list" for "${name}", and delete it.`
        : `countersign clients delete ${shellWord(clientId)}`
    return [fail(check, `${clientId ?? name} may still be there: ${reason}`, remedy)]
  }
}

async function findByName(admin: AdminClient, name: string): Promise<string | undefined> {
  const clients = await readEveryPage(admin, {
    path: 'clients',
    member: 'clients',
    isEntry: isClientDocument,
  })
  return clients.find(client => client.client_name === name)?.client_id
}
