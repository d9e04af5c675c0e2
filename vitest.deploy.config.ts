import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { settings as base } from './vitest.config.ts'

const { globalSetup: _, ...settings } = base

/** The files in this order, all of them on one deployment, and one at a time. */
function group(groupOrder: number, name: string, files: readonly string[], lifetime: number) {
  const project: TestProjectInlineConfiguration = {
    test: {
      ...settings,
      name,
      include: files.map(file => `test/${file}.test.ts`),
      maxWorkers: 1,
      sequence: { groupOrder },
      setupFiles: ['test/support/export-jwk.ts', 'test/deploy/api-gateway.ts'],
      provide: { accessTokenLifetimeSeconds: lifetime },
    },
  }
  return project
}

const flow = [
  ...['main-job', 'metadata', 'token-endpoint', 'resource-servers', 'administration'],
  ...['third-party/client-libraries', 'third-party/private-key-jwt'],
].map(name => `flow/${name}`)

// What `npm run test:deploy` runs against the app as the CDK command line deploys it: the flow tests, an update, the
// flow tests again, a rotation of the signing keys, and a declared client that comes and goes.
export default defineConfig({
  test: {
    globalSetup: ['test/deploy/global-setup.ts'],
    projects: [
      group(1, 'deployed', flow, 600),
      group(2, 'update', ['deploy/update'], 600),
      group(3, 'updated', flow, 900),
      group(4, 'rotated', ['flow/signing-keys'], 900),
      group(5, 'declared', ['deploy/declared-clients'], 900),
    ],
  },
})
