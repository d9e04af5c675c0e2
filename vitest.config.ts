import { defineConfig } from 'vitest/config'

/** Programs as people start them, whole: each takes many seconds, so that they have a command of their own. */
export const programs = [
  'test/package/**/*.test.ts',
  'test/local/{main,synthesise}.test.ts',
  'test/guard/local-stack.test.ts',
  'test/flow/{command-line,declared-clients,doctor,native-jwt-authorizer,operations,parts,restart}.test.ts',
  'test/flow/{signing-keys,throttled-clients}.test.ts',
  // It keeps to five calls a second, as API Gateway wants it.
  'test/lambda/handlers/api-keys.test.ts',
  'test/flow/third-party/*.test.ts',
]

/** What all tests have in common. Flow tests start a whole stack each; two at a time is what a two-core machine carries. */
export const settings = {
  testTimeout: 20_000,
  hookTimeout: 60_000,
  maxWorkers: 2,
  globalSetup: ['test/support/synthesise-app.ts'],
  setupFiles: ['test/support/export-jwk.ts'],
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  unstubEnvs: true,
  restoreMocks: true,
}

/** Tests of functions without state, which may share what they import: half of their time was importing it anew. */
const pure = ['test/{lambda/oauth,properties}/**/*.test.ts']
/** Those among them that replace a module of Node. */
const mocking = ['test/lambda/oauth/*-steps.test.ts']

const { globalSetup, ...eachProject } = settings

export default defineConfig({
  test: {
    globalSetup,
    maxWorkers: settings.maxWorkers,
    projects: [
      { test: { ...eachProject, name: 'pure', include: pure, exclude: mocking, isolate: false } },
      {
        test: {
          ...eachProject,
          name: 'isolated',
          include: ['test/**/*.test.ts', ...mocking],
          exclude: [
            // `npm run test:faults`, which takes minutes, `test:deploy` and `test:runtime`, which need more than Node.
            ...['test/faults/**', 'test/chaos/**', 'test/deploy/**', 'test/runtime/**', ...programs],
            'test/properties/**',
            'test/lambda/oauth/**/!(*-steps).test.ts',
          ],
        },
      },
    ],
  },
})
