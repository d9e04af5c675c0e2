import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The first program below a heading of a document. */
export function documentedProgram(
  heading: string,
  document = 'docs/clients.md',
): { language: string; text: string } {
  const sections = readFileSync(join(root, document), 'utf8').split(/^###? /m)
  const section = sections.find(text => text.startsWith(`${heading}\n`))
  const [, language, text] = /^```(\w+)\n(.*?)^```$/ms.exec(section ?? '') ?? []
  if (language === undefined || text === undefined) throw new Error(`${document} has no program "${heading}"`)
  return { language, text }
}

export interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs documented programs as a newcomer would: pasted into a file of their own, settings in the environment. */
export function useDocumentedPrograms() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-documented-'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const children: ChildProcess[] = []
  afterAll(async () => {
    await Promise.all(children.map(ended))
    await rm(folder, { recursive: true, force: true })
  })

  const start = (heading: string, settings: Record<string, string>) => {
    const { language, text } = documentedProgram(heading)
    const file = join(folder, `program-${children.length}.${language === 'js' ? 'mjs' : language}`)
    writeFileSync(file, text)
    const env = { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...settings }
    const child = spawn(language === 'js' ? process.execPath : language, [file], { env, stdio: 'pipe' })
    children.push(child)
    const printed = { out: '', err: '' }
    child.stdout.on('data', chunk => {
      printed.out += chunk
    })
    child.stderr.on('data', chunk => {
      printed.err += chunk
    })
    return { child, printed: printed }
  }

  return {
    async run(heading: string, settings: Record<string, string>): Promise<Ended> {
      const { child, printed } = start(heading, settings)
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject)
        child.on('close', resolve)
      })
      return { code, ...printed }
    },

    /** Starts a server on a free port and gives the URL that it prints. */
    async serve(heading: string, settings: Record<string, string>): Promise<string> {
      const { child, printed } = start(heading, { ...settings, PORT: '0' })
      return new Promise((resolve, reject) => {
        child.stdout?.on('data', () => printed.out.includes('\n') && resolve(printed.out.trim()))
        child.on('error', reject)
        child.on('close', code => reject(new Error(`${heading} ended with ${code}: ${printed.err}`)))
      })
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve()
  return new Promise(resolve => {
    child.once('exit', () => resolve())
    child.kill()
  })
}
