import { defineConfig } from 'vitest/config'
import { settings } from './vitest.config.ts'

// What `npm run test:faults` runs: everything that breaks on one machine, broken; and the chaos harness,
// which has to notice the bugs that are planted in it.
export default defineConfig({
  test: { ...settings, include: ['test/faults/**/*.test.ts', 'test/chaos/**/*.test.ts'] },
})
