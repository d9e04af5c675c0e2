// Bundles every Lambda function into dist/lambda/<name>/index.mjs: one ESM file, minified, the AWS SDK
// inside, nothing left to install. The constructs in lib/ stage these folders as the functions' code.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outdir = join(root, 'dist/lambda')
const shim = name => join(root, 'lambda/shims', name)

/** The functions: one composition root a file in lambda/handlers. */
const handlers = readdirSync(join(root, 'lambda/handlers')).map(file => basename(file, '.ts'))

export async function bundle() {
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: handlers.map(name => ({ in: `lambda/handlers/${name}.ts`, out: `${name}/index` })),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    mainFields: ['module', 'main'],
    metafile: true,
    write: false,
    legalComments: 'none',
    // What is left of CommonJS in the SDK asks for Node's own modules with `require`.
    banner: {
      js: "import{createRequire as createRequireOfNode}from'node:module';const require=createRequireOfNode(import.meta.url);",
    },
    // A static import of node:http costs tens of milliseconds at start-up, the full credential chain as much.
    alias: {
      http: shim('node-http.ts'),
      https: shim('node-https.ts'),
      'node:http': shim('node-http.ts'),
      'node:https': shim('node-https.ts'),
      '@aws-sdk/credential-provider-node': shim('environment-credentials.ts'),
    },
  })
  for (const { path, contents } of outputFiles) writeIfChanged(path, contents)
  for (const name of readdirSync(outdir)) {
    if (!handlers.includes(name)) rmSync(join(outdir, name), { recursive: true, force: true })
  }
  return metafile
}

/** A bundle that is the same stays untouched, and another takes its place at once: a reader never sees half of one. */
function writeIfChanged(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return
  mkdirSync(dirname(path), { recursive: true })
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, contents)
  renameSync(unfinished, path)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
