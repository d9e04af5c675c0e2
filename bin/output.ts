import type { CommandLineIo } from './io.ts'

/** How a piece of text looks on a terminal that shows colours. */
export type Look = 'heading' | 'good' | 'warning' | 'bad' | 'faint'
/** Wraps text in the look's colours, or leaves it alone where there are none. */
export type Style = (look: Look, text: string) => string
/** A table's cell; more than one line makes the row as high as its highest cell. */
export type Cell = string | { lines: readonly string[]; look?: Look }

const codes: Record<Look, number> = { heading: 1, good: 32, warning: 33, bad: 31, faint: 2 }
const plain: Style = (_look, text) => text
const coloured: Style = (look, text) => `\u001b[${codes[look]}m${text}\u001b[0m`

/** Colours on a terminal only, never in a pipe or file, and not against NO_COLOR (https://no-color.org). */
export function styleFor(stream: { isTTY?: boolean }, env: CommandLineIo['env']): Style {
  return stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? coloured : plain
}

// Control characters drive a terminal; format characters (bidirectional overrides among them) make a
// line read as something else than it is. The two joiners are needed to write some languages and emoji.
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Text that came from somewhere else, on one line and without power over the terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, '\ufffd')
}

/** Text that came from somewhere else, as one word of a command that is to be pasted into a shell. */
export function shellWord(text: string): string {
  return /^[\w%+,./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** One JSON document; what could steer a terminal is escaped, so that its value stays the same. */
export function jsonDocument(document: unknown): string {
  const escaped = JSON.stringify(document, undefined, 2).replace(unprintable, found =>
    found === '\n'
      ? found
      : Array.from({ length: found.length }, (_, at) => unicodeEscape(found, at)).join(''),
  )
  return `${escaped}\n`
}

function unicodeEscape(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`
}

/** Columns aligned by what a terminal shows, two spaces apart; every cell is made printable. */
export function table(style: Style, header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return layOut(style, [header.map(title => ({ lines: [title], look: 'heading' as const })), ...rows])
}

/** Names on the left, values on the right; a pair without a value is left out. */
export function keyValues(style: Style, pairs: readonly (readonly [string, Cell | undefined])[]): string {
  const rows = pairs.flatMap(([name, value]): Cell[][] =>
    value === undefined ? [] : [[{ lines: [name], look: 'heading' }, value]],
  )
  return layOut(style, rows)
}

function layOut(style: Style, rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map(row => row.map(printableCell))
  const widths: number[] = []
  for (const row of cells)
    for (const [column, { lines }] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, ...lines.map(displayWidth))
  return cells.flatMap(row => rowLines(style, row, widths)).join('')
}

interface PrintableCell {
  lines: readonly string[]
  look?: Look
}

function printableCell(cell: Cell): PrintableCell {
  if (typeof cell === 'string') return { lines: [printable(cell)] }
  return { ...cell, lines: cell.lines.map(printable) }
}

function rowLines(style: Style, row: readonly PrintableCell[], widths: readonly number[]): string[] {
  const height = Math.max(...row.map(({ lines }) => lines.length))
  return Array.from({ length: height }, (_, line) => {
    const texts = row.map(({ lines, look }, column) => {
      const text = lines[line] ?? ''
      const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(text)))
      return (look && text !== '' ? style(look, text) : text) + padding
    })
    return `${texts.join('  ').trimEnd()}\n`
  })
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

function displayWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}
