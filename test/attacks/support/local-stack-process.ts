// Runs a local stack in a process of its own, which may be killed: `startLocal` with the options in the argument. Says
// over the IPC channel where its endpoints are, and closes when the channel does.
import { startLocal } from '../../../local/start-local.ts'

const run = await startLocal(JSON.parse(process.argv[2] ?? '{}'))
process.once('disconnect', () => run.close().then(() => process.exit(0)))
process.send?.(run.endpoints)
