import { defineConfig } from 'vitest/config'
import { programs, settings } from './vitest.config.ts'

// What `npm run test:programs` runs.
export default defineConfig({ test: { ...settings, include: programs } })
