import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { useLocalStack } from '../flow/local-stack.ts'
import { measureRevocationDelay } from './revocation-delay.ts'
import { measureRotations } from './rotations.ts'
import { measureSignatures } from './signatures.ts'

/** Where the figures go: set by scripts/promises.mjs, which says what they should be. */
const folder = process.env.PROMISES_FOLDER ?? '.'
const scale = Number(process.env.PROMISES_SCALE ?? 1)
const seed = Number(process.env.PROMISES_SEED ?? 1)
const keep = (name: string, figures: object) =>
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(figures))

describe('the promises', () => {
  const stack = useLocalStack()

  it('of revocation', async () =>
    keep('revocation', await measureRevocationDelay(stack(), Math.ceil(5 * scale))))
  it('of signatures', async () => keep('signatures', await measureSignatures(Math.ceil(500 * scale))))
  it('of rotation', async () => keep('rotations', await measureRotations(Math.ceil(2000 * scale), seed)))
})
