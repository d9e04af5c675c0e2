import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What `npm run promises` measures: minutes, so that no ordinary run has it.
export default mergeConfig(
  { ...base, test: { ...base.test, include: [] } },
  defineConfig({ test: { include: ['test/promises/measure.ts'], testTimeout: 600_000 } }),
)
