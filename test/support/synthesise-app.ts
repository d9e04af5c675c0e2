import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { synthesise } from '../../local/synthesise.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The cloud assembly of the app as it is deployed. */
    assemblyDir: string
  }
}

/** Synthesises the app once for every test that runs it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-assembly-'))
  const outputDir = join(folder, 'cdk.out')
  await synthesise({ projectDir: fileURLToPath(new URL('../..', import.meta.url)), outputDir })
  project.provide('assemblyDir', outputDir)
  return () => rm(folder, { recursive: true, force: true })
}
