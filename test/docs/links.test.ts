import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** As GitHub names a heading: lower case, spaces to hyphens, other punctuation left out. */
function anchorsOf(path: string): Set<string> {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

it('every link of a document leads to a file and a heading that are there', async () => {
  const docs = await readdir(join(root, 'docs'), { recursive: true })
  const documents = ['README.md', 'CHANGELOG.md', ...docs.map(name => join('docs', name))]
  const dead = documents
    .filter(document => document.endsWith('.md'))
    .flatMap(document => {
      const text = readFileSync(join(root, document), 'utf8')
      const links = [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = '']) => link)
      return links
        .filter(link => !/^https?:/.test(link))
        .filter(link => {
          const [path, anchor] = link.split('#')
          const target = path === '' ? join(root, document) : join(root, dirname(document), path ?? '')
          return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).has(anchor))
        })
        .map(link => `${document}: ${link}`)
    })
  expect(dead).toEqual([])
})
