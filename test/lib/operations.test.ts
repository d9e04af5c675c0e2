import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from './synthesis.ts'

const document = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))

describe('docs/operations.md', () => {
  it('says of every alarm what to do, and of no other', () => {
    const rows = document.slice(document.indexOf('## Alarm by alarm')).matchAll(/^\| (`[^|]+) \|/gm)
    const described = [...rows].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    )
    const alarms = [...synthesis.ofType('AWS::CloudWatch::Alarm').keys()].map(path =>
      path
        .replace('AuthorizationServer/Alarms/', '')
        .replace(
          /^(Orders|Payments)\/Api\/CountersignAuthorizer\/ErrorsAlarm$/,
          '<API>/CountersignAuthorizer/ErrorsAlarm',
        )
        .replace(/^(Orders|Payments)\/Api\/CountersignAuthorizer\//, ''),
    )
    expect(described.sort()).toEqual([...new Set(alarms)].sort())
  })

  it('names graphs that the dashboard has', () => {
    const { DashboardBody } = synthesis.at('AuthorizationServer/Dashboard').Properties
    const titles = [...JSON.stringify(DashboardBody).matchAll(/\\"title\\":\\"([^"\\]+)\\"/g)].map(
      ([, title]) => title,
    )
    const paragraphs = document.split('\n').filter(line => /dashboard/i.test(line))
    const named = paragraphs.flatMap(line => [...line.matchAll(/\*\*([^*]+)\*\*/g)].map(([, title]) => title))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(title => !titles.includes(title))).toEqual([])
  })

  it('links to headings that it has', () => {
    const anchors = [...document.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    )
    const links = [...document.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
    expect(links.filter(anchor => !anchors.includes(anchor ?? ''))).toEqual([])
  })
})
