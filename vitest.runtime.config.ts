import { defineConfig } from 'vitest/config'
import { settings } from './vitest.config.ts'

// What `npm run test:runtime` runs: every bundled function under Lambda's own runtime client.
export default defineConfig({
  test: { ...settings, include: ['test/runtime/**/*.test.ts'], globalSetup: [] },
})
