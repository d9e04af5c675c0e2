import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nearest } from '../../bin/arguments.ts'
import { describeDuration, parseDurationSeconds } from '../../bin/duration.ts'
import { countersign, issuer, json, serverOf } from './command-line.ts'

describe('what was typed', () => {
  it.each([
    [['client', 'list'], 'there is no command "client"', 'Did you mean "countersign clients"?'],
    [
      ['clients', 'craete'],
      'there is no command "clients craete"',
      'Did you mean "countersign clients create"?',
    ],
    [
      ['clients', 'frobnicate'],
      'there is no command "clients frobnicate"',
      '"countersign clients --help" lists them.',
    ],
    [['clients', 'list', '--jsno'], '"countersign clients list" has no flag --jsno', 'Did you mean --json?'],
    [
      ['clients', 'show', 'c_1', '--grant', 'a=b'],
      '"countersign clients show" has no flag --grant',
      '"countersign clients show --help" lists them.',
    ],
    [['clients', 'list', '--url'], '--url needs a value', undefined],
    [
      ['clients', 'list', '--url', '--json'],
      '--url needs a value',
      'If it really begins with a dash: --url=--json',
    ],
    [['clients', 'list', '--yes=1'], '--yes takes no value', 'Write just --yes.'],
    [['clients', 'list', '--url', 'a', '--url', 'b'], '--url is given twice', 'Give it once.'],
    [['clients', 'show'], '"countersign clients show" needs a <client_id>', undefined],
    [['clients', 'show', 'a', 'b'], '"countersign clients show" does not take "b"', undefined],
    [
      ['tokens', 'get', 'c_1'],
      '"countersign tokens get" needs --secret-file or --secret-id or --key-file',
      undefined,
    ],
    [['__proto__', 'constructor'], 'there is no command "__proto__"', '"countersign --help" lists them.'],
    [
      ['clients', 'constructor'],
      'there is no command "clients constructor"',
      '"countersign clients --help" lists them.',
    ],
  ])('%j is answered with what to do', async (args, message, remedy) => {
    const { code, out, err, requests } = await countersign(args)
    const [first, second, ...rest] = err.split('\n')
    expect([code, out, requests, first]).toEqual([
      2,
      args.includes('--json') ? out : '',
      [],
      `countersign: ${message}`,
    ])
    if (remedy !== undefined) expect(second).toBe(remedy)
    expect(rest).toEqual([''])
  })

  it('answers a misspelling with one JSON document too', async () => {
    const { code, out } = await countersign(['--json', 'clients', 'lsit'])
    expect(code).toBe(2)
    expect(JSON.parse(out)).toEqual({
      error: 'invalid_usage',
      error_description: 'there is no command "clients lsit"',
    })
  })

  it('may have its flags anywhere', async () => {
    const { code, out } = await countersign(['--json', 'clients', '--url', issuer, 'list'], {
      env: {},
      handler: serverOf(issuer, () => json(200, { clients: [] })),
    })
    expect([code, JSON.parse(out)]).toEqual([0, { clients: [] }])
  })

  it('cannot drive the terminal when it is repeated', async () => {
    const { err } = await countersign(['clients', '\u001b[2J'])
    expect(err).not.toContain('\u001b')
  })
})

describe('help', () => {
  it.each([
    [['--help'], 'countersign: OAuth 2.0 clients, resource servers, secrets and tokens'],
    [['help'], 'countersign: OAuth 2.0 clients, resource servers, secrets and tokens'],
    [['clients', '-h'], 'countersign clients: register machine clients, change them, shut them out'],
    [
      ['clients', 'create', '--help'],
      'countersign clients create: register a client; prints its id and, this once, its secret',
    ],
    [
      ['help', 'tokens', 'get'],
      'countersign tokens get: get an access token as a client; prints nothing but the token',
    ],
  ])('%j is on standard output', async (args, first) => {
    const { code, out, err } = await countersign(args)
    expect([code, out.split('\n')[0], err]).toEqual([0, first, ''])
  })

  it.each([[[]], [['clients']]])('is on stderr, with exit code 2, for %j', async args => {
    const { code, out, err } = await countersign(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('Usage: countersign')
  })

  it('shows the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect((await countersign(['--version'])).out).toBe(`${version}\n`)
  })
})

describe('errors nobody foresaw', () => {
  const broken = { handler: serverOf(issuer, () => json(200, { clients: [{}] })) }

  it('show no stack trace', async () => {
    const { code, err } = await countersign(['clients', 'list'], broken)
    expect(code).toBe(1)
    expect(err.split('\n')).toHaveLength(3)
  })

  it('show one with COUNTERSIGN_DEBUG=1', async () => {
    const { err } = await countersign(['clients', 'list'], {
      ...broken,
      env: { COUNTERSIGN_URL: issuer, COUNTERSIGN_DEBUG: '1' },
    })
    expect(err).toMatch(/\n {4}at /)
  })
})

describe('nearest', () => {
  it.each([
    ['delet', 'delete'],
    ['rev', 'revoke-tokens'],
    ['hsow', 'show'],
    ['xyz', undefined],
  ])('%s -> %s', (word, meant) => {
    expect(nearest(word, ['delete', 'revoke-tokens', 'show', 'list'])).toBe(meant)
  })
})

describe('durations', () => {
  it.each([
    ['0', 0],
    ['3600', 3600],
    ['30m', 1800],
    ['24h', 86_400],
    ['7d', 604_800],
    ['1.5h', undefined],
    ['h', undefined],
    ['-1', undefined],
    ['', undefined],
  ])('reads %j as %j seconds', (text, seconds) => {
    expect(parseDurationSeconds(text)).toBe(seconds)
  })

  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [552, '9 min 12 s'],
    [86_399, '23 h 59 min'],
    [86_405, '1 d'],
  ])('says %i seconds as %j', (seconds, text) => {
    expect(describeDuration(seconds)).toBe(text)
  })
})
