import { type Look, type Style, table } from '../output.ts'
import type { Finding, Outcome } from './finding.ts'

export interface Examination {
  issuer: string
  /** Epoch seconds. */
  checkedAt: number
  findings: readonly Finding[]
}

const words: Record<Outcome, { word: string; look: Look }> = {
  ok: { word: 'ok', look: 'good' },
  warn: { word: 'WARN', look: 'warning' },
  fail: { word: 'FAIL', look: 'bad' },
  not_checked: { word: 'not checked', look: 'faint' },
}

export function countOf(findings: readonly Finding[], outcome: Outcome): number {
  return findings.filter(finding => finding.outcome === outcome).length
}

/** A line a check, with the remedy below what was found; last how many there are of each. */
export function describeExamination(style: Style, { issuer, findings }: Examination): string {
  const rows = findings.map(({ check, outcome, found, remedy }) => {
    const { word, look } = words[outcome]
    return [
      { lines: [word], look },
      check,
      { lines: remedy === undefined ? [found] : [found, `→ ${remedy}`] },
    ]
  })
  const counts = (Object.keys(words) as Outcome[]).map(
    outcome => `${countOf(findings, outcome)} ${words[outcome].word.toLowerCase()}`,
  )
  return `${table(style, ['RESULT', 'CHECK', issuer], rows)}\n${counts.join(', ')}\n`
}

export function documentOf({ issuer, checkedAt, findings }: Examination) {
  const summary = Object.fromEntries(
    (Object.keys(words) as Outcome[]).map(outcome => [outcome, countOf(findings, outcome)]),
  )
  return { issuer, checked_at: checkedAt, checks: findings, summary }
}
