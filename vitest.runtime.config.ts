import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What `npm run test:runtime` runs: every bundled function under Lambda's own runtime client.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/runtime/**/*.test.ts'], exclude: [], globalSetup: [] },
})
