import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What `npm run promises` measures: minutes, so that no ordinary run has it.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/promises/measure.ts'], exclude: [], testTimeout: 600_000 },
})
