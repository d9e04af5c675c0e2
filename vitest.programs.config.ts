import { defineConfig } from 'vitest/config'
import base, { programs } from './vitest.config.ts'

// What `npm run test:programs` runs.
export default defineConfig({ ...base, test: { ...base.test, include: programs, exclude: [] } })
