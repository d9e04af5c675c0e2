import { defineConfig } from 'vitest/config'

// What a mutant of lambda/oauth is tried with: the tests that start no process. Each runs thousands of times.
export default defineConfig({
  test: {
    include: ['test/lambda/oauth/**/*.test.ts'],
    // A million revocations take seconds, and a minute where every expression counts its own runs.
    exclude: ['test/lambda/oauth/revocation-load-million.test.ts'],
    // Counting the runs of every expression makes the first run many times slower.
    testTimeout: 60_000,
    env: { IDENTIFIERS: '62500', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    setupFiles: ['test/support/export-jwk.ts'],
    unstubEnvs: true,
    restoreMocks: true,
  },
})
