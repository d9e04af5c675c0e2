import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * What the words around an example take for granted: nothing of a package. What an example itself declares goes before
 * it. A name that is missing here is an import that is missing there, or one more line.
 */
const given = `
import type * as cdk from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import type { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { LambdaIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import type { Function } from 'aws-cdk-lib/aws-lambda'
import type { IHostedZone } from 'aws-cdk-lib/aws-route53'
import type { Topic } from 'aws-cdk-lib/aws-sns'
import type { AuthorizationServer, AuthorizationServerStorage } from 'countersign'
import type { Express, RequestHandler } from 'express'

declare global {
  const countersign: AuthorizationServer
  const server: AuthorizationServer
  const storage: AuthorizationServerStorage
  const orders: HttpApi
  const api: RestApi
  const integration: HttpLambdaIntegration & LambdaIntegration
  const nightlyExport: Function
  const alarmTopic: Topic
  const certificate: ICertificate
  const zone: IHostedZone
  const issuer: string
  const audience: string
  const table: string
  const authorization: string
  const app: Express
  const listOrders: RequestHandler
  const dataStack: cdk.Stack
  const serverStack: cdk.Stack
  type Stack = cdk.Stack
}
`

const tsconfig = {
  extends: join(root, 'tsconfig.json'),
  compilerOptions: {
    types: ['node'],
    noUnusedLocals: false,
    paths: { countersign: [join(root, 'lib/index.ts')], 'countersign/guard': [join(root, 'guard/index.ts')] },
  },
  include: ['*.ts'],
}

interface Example {
  readonly document: string
  /** The line above it, which opens the fence. */
  readonly line: number
  readonly code: string
}

function examples(): Example[] {
  const docs = readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md'))
  return ['README.md', ...docs.map(name => `docs/${name}`)].flatMap(document => {
    const text = readFileSync(join(root, document), 'utf8')
    return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => {
      return { document, line: text.slice(0, index).split('\n').length, code }
    })
  })
}

/** A reader's file, line by line the example: one that exports is whole, any other is among the constructs of a stack. */
function program(code: string): string {
  if (/^(export|declare global)\b/m.test(code)) return `${code}export {}\n`
  const [imports = ''] = /^(import\b.*\n|\n)*/.exec(code) ?? []
  return `${imports}async function constructs(this: Stack) {${code.slice(imports.length)}}\n`
}

it('every example in TypeScript type-checks as a reader would paste it', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
  writeFileSync(join(folder, 'given.ts'), given)
  const all = examples()
  for (const [number, { code }] of all.entries())
    writeFileSync(join(folder, `example-${number}.ts`), program(code))

  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '--project', folder], {
    cwd: folder,
    encoding: 'utf8',
  })
  const problems = stdout.replace(/^example-(\d+)\.ts\((\d+)/gm, (_, number, line) => {
    const example = all[Number(number)]
    return `${example?.document} (${Number(line) + (example?.line ?? 0)}`
  })
  expect(problems).toBe('')
  expect(all.length).toBeGreaterThan(5)
})
