import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makePrivateFolder, removeDurably, writeDurably } from '../../local/durable-file.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-durable-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

describe('a durable file', () => {
  it('holds the last of many writes at once, whole, with nothing left beside it', async () => {
    const path = join(await folder(), 'file.json')
    const contents = Array.from({ length: 10 }, (_, index) => String(index).repeat(100_000))
    await Promise.all(contents.map(content => writeDurably(path, content)))
    expect(contents).toContain(await readFile(path, 'utf8'))
    expect(await readdir(join(path, '..'))).toEqual(['file.json'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('leaves nothing behind when it cannot be written', async () => {
    const parent = await folder()
    const path = join(parent, 'file.json')
    await makePrivateFolder(path)
    await expect(writeDurably(path, 'a file where a folder is')).rejects.toThrow('EISDIR')
    expect(await readdir(parent)).toEqual(['file.json'])
  })

  it('can be removed twice', async () => {
    const path = join(await folder(), 'file.json')
    await writeDurably(path, 'x')
    await removeDurably(path)
    await removeDurably(path)
    expect(await readdir(join(path, '..'))).toEqual([])
  })

  it('lies in a folder that only its owner can enter', async () => {
    const path = join(await folder(), 'a', 'b')
    await makePrivateFolder(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
  })
})
