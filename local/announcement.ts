import { join } from 'node:path'
import { endpointsFile } from './endpoints.ts'
import type { LocalRun } from './start-local.ts'
import { whatToPaste } from './what-to-paste.ts'

/** What people are told when a local run is ready. */
export function announcement(run: LocalRun, dataDir: string): string {
  const { endpoints, demoClient, exampleCall, maxRevocationDelaySeconds } = run
  const paste =
    demoClient && exampleCall && whatToPaste(demoClient, endpoints, exampleCall, maxRevocationDelaySeconds)
  return [
    '',
    `Countersign is ready (${process.uptime().toFixed(1)} s).`,
    '',
    `  authorization server  ${endpoints.issuer}`,
    ...Object.entries(endpoints.apis).map(([name, url]) => `  ${`${name} API`.padEnd(20)}  ${url}`),
    `  endpoints             ${endpointsFile(dataDir)}`,
    `  logs                  ${join(dataDir, 'logs')}`,
    '',
    ...(paste === undefined
      ? [
          'No route of the app can be called with a token yet: authorize() or authorizeRest() protects one, and addResourceServer() declares its audience.',
        ]
      : ['Paste into another terminal:', '', ...paste]),
    '',
    'Ctrl-C stops everything; the data stays.',
  ].join('\n')
}
