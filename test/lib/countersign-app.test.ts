import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The outputs of the app's stack, synthesised as the command line does it. */
async function outputsWith(context: Record<string, unknown>): Promise<string[]> {
  const outdir = mkdtempSync(join(tmpdir(), 'countersign-app-'))
  try {
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'bin/countersign-app.ts'], {
      cwd: root,
      env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
    })
    return Object.keys(JSON.parse(readFileSync(join(outdir, 'Countersign.template.json'), 'utf8')).Outputs)
  } finally {
    rmSync(outdir, { recursive: true })
  }
}

// The default is the examples, and the flow tests run them.
it('leaves the examples out with the context examples=false', { timeout: 90_000 }, async () => {
  const outputs = await outputsWith({ examples: 'false' })
  expect(outputs).toContain('Issuer')
  expect(outputs).not.toContain('OrdersEndpoint')
  expect(outputs).not.toContain('PaymentsEndpoint')
})
