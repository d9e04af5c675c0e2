import { defineConfig } from 'vitest/config'
import { settings } from './vitest.config.ts'

// What `npm run promises` measures: minutes, so that no ordinary run has it.
export default defineConfig({
  test: { ...settings, include: ['test/promises/measure.ts'], testTimeout: 600_000 },
})
