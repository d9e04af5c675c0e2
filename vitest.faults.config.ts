import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What `npm run test:faults` runs: everything that breaks on one machine, broken; and the chaos harness,
// which has to notice the bugs that are planted in it.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/faults/**/*.test.ts', 'test/chaos/**/*.test.ts'], exclude: [] },
})
