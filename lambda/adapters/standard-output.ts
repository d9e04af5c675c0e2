import type { WriteLine } from './records.ts'

export const standardOutput: WriteLine = line => {
  process.stdout.write(line)
}

/** Makes Node's own warnings JSON lines as well: by default they are several lines of plain text. */
export function wrapWarnings(): void {
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => {
    standardOutput(
      `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'WARN', name, message })}\n`,
    )
  })
}
