import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { auditedChanges } from './check-answers.ts'
import type { Recorder } from './history.ts'

/** Takes the audit events of changes from the functions' logs into the history. */
export async function recordAudit(dataDir: string, recorder: Recorder): Promise<void> {
  const folder = join(dataDir, 'logs')
  for (const name of await readdir(folder)) {
    if (name === 'gateway.log') continue
    const file = await open(join(folder, name))
    for await (const line of file.readLines()) {
      const event = parseEvent(line)
      if (event === undefined || !auditedChanges.has(event.audit)) continue
      recorder.note(name, { kind: 'audit', ...event })
    }
  }
}

function parseEvent(line: string): { audit: string; outcome: string; requestId: string } | undefined {
  // A line that was being written when everything was killed may be cut off.
  if (!line.includes('"audit"')) return undefined
  try {
    const { audit, outcome, requestId } = JSON.parse(line) as Record<string, unknown>
    return { audit: String(audit), outcome: String(outcome), requestId: String(requestId) }
  } catch {
    return undefined
  }
}
