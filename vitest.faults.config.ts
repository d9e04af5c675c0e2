import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What `npm run test:faults` runs: everything that breaks on one machine, broken.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/faults/**/*.test.ts'], exclude: [] },
})
