import { defineConfig } from 'vitest/config'

// Flow tests start a whole local stack each; two at a time is what a two-core machine carries.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:faults`, which takes minutes, `test:deploy` and `test:runtime`, which need more than Node.
    exclude: ['test/faults/**', 'test/chaos/**', 'test/deploy/**', 'test/runtime/**'],
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
