import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Where the third-party data lies. It is not part of the project. @default ../shared/vectors, from the project's root */
const folder = process.env.VECTORS_DIR ?? join(root, '../shared/vectors')

export type ReadVectors = <Shape>(file: string) => Shape

/**
 * Declares tests that need the folder of third-party test vectors. Where there is none, the one test there is says so
 * and is skipped; a folder that lacks the file fails.
 */
export function describeVectors(title: string, declare: (read: ReadVectors) => void): void {
  describe(title, () => {
    if (existsSync(folder)) declare(file => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    else it.skip('not run: the folder of test vectors is absent (../shared/vectors, or VECTORS_DIR)')
  })
}
