import { defineConfig } from 'vitest/config'

/** Programs as people start them, whole: each takes many seconds, so that they have a command of their own. */
export const programs = [
  'test/package/**/*.test.ts',
  'test/local/{main,synthesise}.test.ts',
  'test/guard/local-stack.test.ts',
  'test/flow/{command-line,declared-clients,doctor,native-jwt-authorizer,operations,restart}.test.ts',
  'test/flow/third-party/*.test.ts',
]

// Flow tests start a whole local stack each; two at a time is what a two-core machine carries.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:faults`, which takes minutes, `test:deploy` and `test:runtime`, which need more than Node.
    exclude: ['test/faults/**', 'test/chaos/**', 'test/deploy/**', 'test/runtime/**', ...programs],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    globalSetup: ['test/support/synthesise-app.ts'],
    setupFiles: ['test/support/export-jwk.ts'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    unstubEnvs: true,
    restoreMocks: true,
  },
})
