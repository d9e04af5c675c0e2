// Bundles every Lambda function into dist/lambda/<name>/index.mjs: one ESM file, minified, the AWS SDK
// inside, nothing left to install. The constructs in lib/ stage these folders as the functions' code.
import { readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const outdir = join(root, 'dist/lambda')
const shim = name => join(root, 'lambda/shims', name)

/** The functions: one composition root a file in lambda/handlers. */
const handlers = readdirSync(join(root, 'lambda/handlers')).map(file => basename(file, '.ts'))

export async function bundle() {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
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
    legalComments: 'none',
    // What is left of CommonJS in the SDK asks for Node's own modules with `require`.
    banner: { js: "import{createRequire as $r}from'node:module';const require=$r(import.meta.url);" },
    // A static import of node:http costs tens of milliseconds at start-up, the full credential chain as much.
    alias: {
      http: shim('node-http.ts'),
      https: shim('node-https.ts'),
      'node:http': shim('node-http.ts'),
      'node:https': shim('node-https.ts'),
      '@aws-sdk/credential-provider-node': shim('environment-credentials.ts'),
    },
  })
  return metafile
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
