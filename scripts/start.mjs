// `npm start`: sets up what is missing, then runs everything on this machine, in this very process, so that
// one Ctrl-C, one SIGTERM or one `kill -9` reaches it.
import { ensureDependencies } from './setup.mjs'

ensureDependencies()
const { register } = await import('tsx/esm/api')
register()
const { main } = await import('../local/main.ts')
await main()
