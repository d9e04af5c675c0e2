import { describe, expect, it } from 'vitest'
import { TokenIdTable } from '../../../lambda/oauth/token-id-table.ts'
import { tokenIds } from './support/token-ids.ts'

/** A million, but for the mutants, which are thousands. */
const million = Number(process.env.IDENTIFIERS ?? 1_000_000)
const ids = tokenIds(million)
const [first = '', second = ''] = ids

/** How many slots a look-up visits: on average, and at worst. */
function probesOf(table: TokenIdTable, lookedUp: readonly string[]) {
  let sum = 0
  let worst = 0
  for (const jti of lookedUp) {
    const probes = table.probes(jti)
    sum += probes
    worst = Math.max(worst, probes)
  }
  return { mean: sum / lookedUp.length, worst }
}

function tableOf(entries: readonly string[], expiresAt = 100) {
  const table = new TokenIdTable(0)
  for (const jti of entries) table.raise(jti, expiresAt)
  return table
}

describe('the table of token identifiers', () => {
  it.each([
    ['one bit of the last word', 'AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ'],
    ['one bit of the first word', 'AAAAAAAAAAAAAAAAAAAAAA', 'gAAAAAAAAAAAAAAAAAAAAA'],
    ['the spelling of the same bits', 'AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAB'],
    ['the alphabet', '-_AAAAAAAAAAAAAAAAAAAA', '+/AAAAAAAAAAAAAAAAAAAA'],
    ['a character that is no base64url', 'AAAAAAAAAAAAAAAAAAAAA.', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ['a character beyond ASCII', 'AAAAAAAAAAAAAAAAAAAAAA', 'Á'.padEnd(22, 'A')],
    ['its length', 'AAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAAA'],
    ['everything', 'token-1', 'token-2'],
  ])('keeps two apart that differ in %s', (_, one, other) => {
    const table = tableOf([one], 7)
    expect([table.get(one), table.get(other)]).toEqual([7, 0])
    table.raise(other, 8)
    expect([table.get(one), table.get(other), table.size]).toEqual([7, 8, 2])
  })

  it('raises an expiry and never lowers it', () => {
    const table = tableOf([first], 7)
    table.raise(first, 6)
    expect(table.get(first)).toBe(7)
    table.raise(first, 8)
    expect([table.get(first), table.size]).toEqual([8, 1])
  })

  it.each([
    ['a fraction of a second', 1.25, 2],
    ['the last second of the year 2106 that a slot can hold', 2 ** 32 - 1, 2 ** 32 - 1],
    ['a time beyond it', 2 ** 40, 2 ** 32 - 1],
    ['no time at all', 0, 0],
    ['something that is no number', Number.NaN, 0],
  ])('holds %s as what is not earlier', (_, expiresAt, held) => {
    const table = tableOf([first], expiresAt)
    expect([table.get(first), table.size]).toEqual([held, held === 0 ? 0 : 1])
  })

  it('forgets what has expired once it is a quarter, and takes less room then', () => {
    const table = new TokenIdTable(0)
    for (const [index, jti] of ids.slice(0, 1000).entries()) table.raise(jti, index < 250 ? 7 : 8)
    const { bytes } = table
    table.prune(6)
    expect(table.size).toBe(1000)
    table.prune(7)
    expect([table.size, table.get(first), table.get(ids[999] ?? '')]).toEqual([750, 0, 8])
    table.prune(8)
    expect(table.size).toBe(0)
    expect(table.bytes).toBeLessThan(bytes / 100)
    table.raise(first, 9)
    expect([table.get(first), table.get(second)]).toEqual([9, 0])
  })

  it('keeps what has expired while it is less than a quarter: a copy would gain little', () => {
    const table = new TokenIdTable(0)
    for (const [index, jti] of ids.slice(0, 1000).entries()) table.raise(jti, index < 249 ? 7 : 8)
    table.prune(7)
    expect(table.size).toBe(1000)
  })
})

describe('a million identifiers', () => {
  const table = tableOf(ids)

  it('take 25 to 32 bytes each, and not one is missing', () => {
    expect(table.size).toBe(million)
    expect(table.bytes / million).toBeGreaterThanOrEqual(25)
    expect(table.bytes / million).toBeLessThan(32)
    expect(ids.every(jti => table.get(jti) === 100)).toBe(true)
  })

  it('are looked up in a few slots, those that are not there too', () => {
    const others = tokenIds(100_000, 2)
    expect(others.every(jti => table.get(jti) === 0)).toBe(true)
    for (const { mean, worst } of [probesOf(table, ids), probesOf(table, others)]) {
      // At four fifths full: 3 for what is there, 13 for what is not.
      expect(mean).toBeLessThan(14)
      expect(worst).toBeLessThan(2000)
    }
  })

  it('are taken over by another table that is small, without piling up in one place', () => {
    const taking = tableOf(tokenIds(1000, 3))
    taking.raiseAll(table)
    expect(taking.size).toBe(million + 1000)
    expect(taking.bytes / million).toBeLessThan(32)
    expect(ids.every(jti => taking.get(jti) === 100)).toBe(true)
    expect(probesOf(taking, ids).mean).toBeLessThan(4)
  })

  it('shrink to a few that have not expired, found in a few slots', () => {
    const shrinking = new TokenIdTable(0)
    for (const [index, jti] of ids.entries()) shrinking.raise(jti, index < 1000 ? 101 : 100)
    shrinking.prune(100)
    expect(shrinking.size).toBe(1000)
    expect(shrinking.bytes).toBeLessThan(32 * 1000)
    expect(probesOf(shrinking, ids.slice(0, 1000)).mean).toBeLessThan(4)
  })
})
