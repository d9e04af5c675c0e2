// The local run as a program: `npm start`, or `node --import tsx local/main.ts`.
import { pathToFileURL } from 'node:url'
import { announcement } from './announcement.ts'
import { runUntilStopped } from './run-until-stopped.ts'
import { readSettings } from './settings.ts'

/** Starts a local run of the app in the current folder, and stays until it is told to stop. */
export async function main(): Promise<void> {
  try {
    const settings = readSettings(process.env, process.cwd())
    const run = await runUntilStopped({ ...settings, print: console.log }, console.log)
    console.log(announcement(run, settings.dataDir))
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
