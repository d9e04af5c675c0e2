import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function importsOf(entryPoint: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outdir: 'unused',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    metafile: true,
    write: false,
  })
  const [entry] = Object.values(metafile.outputs).filter(output => output.entryPoint === entryPoint)
  const files = [...(entry?.imports ?? [])]
  for (const { path, kind } of files)
    if (kind === 'import-statement') files.push(...(metafile.outputs[path]?.imports ?? []))
  const names = files.filter(({ external, kind }) => external && kind === 'import-statement')
  return [...new Set(names.map(({ path }) => path).filter(path => !path.startsWith('node:')))].sort()
}

describe('countersign/guard', () => {
  it('loads one package; the AWS SDK only where it reads tables, and never a framework or the CDK', async () => {
    expect(await importsOf('guard/index.ts')).toEqual(['aws-jwt-verify'])
    expect(await importsOf('guard/tables.ts')).toEqual(['@aws-sdk/client-dynamodb', '@aws-sdk/client-kms'])
  })
})
