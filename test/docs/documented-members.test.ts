import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Declaration {
  readonly name: string
  readonly comment: string | undefined
  readonly body: string
}

/** Everything that an index exports, with the text above and inside it. */
function declarations(index: string): Declaration[] {
  const source = readFileSync(join(root, index), 'utf8')
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\} from '(.*)'/gm)].flatMap(
    ([, list = '', file = '']) => {
      const text = readFileSync(join(root, dirname(index), file), 'utf8')
      const names = list.split(',').map(name => name.trim().replace(/^type | as \w+$/g, ''))
      return names.filter(name => name !== '').map(name => declaration(name, text))
    },
  )
}

function declaration(name: string, text: string): Declaration {
  const start = new RegExp(`^export (?:abstract )?(interface|class|type|function) ${name}\\b`, 'm').exec(text)
  if (start === null) throw new Error(`there is no ${name}`)
  const hasMembers = start[1] === 'interface' || start[1] === 'class'
  const [body = ''] = hasMembers ? text.slice(start.index).split(/^\}/m, 1) : []
  return { name, comment: commentBefore(text, start.index), body }
}

/** The documentation comment that ends where something begins. */
function commentBefore(text: string, index: number): string | undefined {
  return /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(0, index))?.[0]
}

/** Fields, getters and methods, one level inside. */
function members({ name, body }: Declaration) {
  const starts = body.matchAll(
    /^ {2}(?:readonly |static |abstract |get )*(?!constructor)([a-zA-Z_]+)(\?)?[:(<]/gm,
  )
  return [...starts].map(start => ({
    name: `${name}.${start[1]}`,
    optional: start[2] !== undefined,
    comment: commentBefore(body, start.index),
  }))
}

describe.each(['lib/index.ts', 'guard/index.ts'])('what %s exports', index => {
  const exported = declarations(index)
  const all = exported.flatMap(members)

  it('has a documentation comment on each name and each member', () => {
    const commented = new Set(all.filter(({ comment }) => comment !== undefined).map(({ name }) => name))
    const silent = [
      ...exported.filter(({ comment }) => comment === undefined),
      // One signature of several is enough.
      ...all.filter(({ name }) => !commented.has(name)),
    ]
    expect(silent.map(({ name }) => name)).toEqual([])
    expect(all.length).toBeGreaterThan(20)
  })

  it('says what happens where an optional property is left out (@default)', () => {
    const silent = all.filter(({ optional, comment }) => optional && !comment?.includes('@default'))
    // An audit event is not written by who reads it: there is nothing to leave out.
    const inputs = silent.filter(({ name }) => !name.startsWith('AuditEvent.'))
    expect(inputs.map(({ name }) => name)).toEqual([])
  })
})
