import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { auditedChanges } from './check-answers.ts'
import type { Recorder } from './history.ts'

type Line = Readonly<Record<string, unknown>>

/** Takes the audit events of changes, and the alarms, from the functions' logs into the history. */
export async function recordLogs(dataDir: string, recorder: Recorder): Promise<void> {
  const folder = join(dataDir, 'logs')
  for (const name of await readdir(folder)) {
    if (name === 'gateway.log') continue
    const file = await open(join(folder, name))
    for await (const text of file.readLines()) recordLine(name, parseLine(text), recorder)
  }
}

function recordLine(name: string, line: Line, recorder: Recorder): void {
  const { audit, outcome, requestId, timestamp } = line
  if (typeof audit === 'string' && auditedChanges.has(audit)) {
    const details = { audit, outcome: String(outcome), requestId: String(requestId) }
    recorder.note(name, { kind: 'audit', ...details })
  }
  if (line.RevocationStoreUnreachable !== undefined) {
    const moment = Date.parse(String(timestamp)) - recorder.epoch
    recorder.note(name, { kind: 'alarm' }, moment, moment)
  }
}

/** A line that was being written when everything was killed may be cut off. */
function parseLine(text: string): Line {
  // Most lines are of neither kind, and parsing is what takes the time.
  if (!text.includes('"audit"') && !text.includes('RevocationStoreUnreachable')) return {}
  try {
    return JSON.parse(text) as Line
  } catch {
    return {}
  }
}
