import { describe, expect, it } from 'vitest'
import { countersign, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const keys = [
  {
    kid: 'old',
    alg: 'ES256',
    state: 'retiring',
    custody: 'kms',
    created_at: 1_795_000_000,
    sign_from: 1_795_000_060,
    verify_until: 1_795_004_000,
    kms_key_arn: 'arn:aws:kms:us-east-1:111122223333:key/old',
  },
  {
    kid: 'next',
    alg: 'EdDSA',
    state: 'standby',
    custody: 'envelope',
    created_at: 1_795_000_000,
    kms_key_arn: 'arn:aws:kms:us-east-1:111122223333:key/wrap',
  },
]
const table = [
  'KID   ALG    STATE     CUSTODY   PUBLISHED                SIGNS FROM               ACCEPTED UNTIL',
  'old   ES256  retiring  kms       2026-11-18 11:06:40 UTC  2026-11-18 11:07:40 UTC  2026-11-18 12:13:20 UTC',
  'next  EdDSA  standby   envelope  2026-11-18 11:06:40 UTC',
  '',
].join('\n')
const sent = ({ method, url }: SeenRequest) => `${method} ${url.pathname}`

describe('countersign keys', () => {
  it.each([
    [['list'], 'GET /admin/keys', ''],
    [['rotate'], 'POST /admin/keys/rotate', ''],
    [['revoke', 'old'], 'POST /admin/keys/old/revoke', 'Every token of old is refused.\n'],
  ])('%j shows the ring', async (args, request, note) => {
    const run = await countersign(
      ['keys', ...args],
      answering(() => json(200, { keys })),
    )
    expect([run.code, run.out, run.err, run.requests.map(sent)]).toEqual([0, table, note, [request]])
  })

  it('prints one JSON document with --json', async () => {
    const { out } = await countersign(
      ['keys', 'list', '--json'],
      answering(() => json(200, { keys })),
    )
    expect(JSON.parse(out)).toEqual({ keys })
  })

  it('says why a rotation has to wait', async () => {
    const error_description = 'the standby key has to be published for 90 more seconds before it may sign'
    const refusal = json(409, { error: 'conflict', error_description })
    const { code, err } = await countersign(
      ['keys', 'rotate'],
      answering(() => refusal),
    )
    const remedy = 'Try again then. For a key that leaked: countersign keys revoke <kid>'
    expect([code, err]).toEqual([1, `countersign: ${error_description}\n${remedy}\n`])
  })

  it('revoke asks first on a terminal, unless --yes', async () => {
    const surroundings = { ...answering(() => json(200, { keys })), terminal: true }
    const no = await countersign(['keys', 'revoke', 'old'], { ...surroundings, answer: 'n' })
    expect([no.code, no.requests]).toEqual([1, []])
    expect(no.err).toMatch(/^Refuse every token of the key old\? \[y\/N\] countersign: nothing was revoked\n/)
    for (const run of [
      await countersign(['keys', 'revoke', 'old'], { ...surroundings, answer: 'y' }),
      await countersign(['keys', 'revoke', 'old', '--yes'], surroundings),
    ])
      expect([run.code, run.requests.map(sent)]).toEqual([0, ['POST /admin/keys/old/revoke']])
  })

  it('refuses what is no kid before anything is sent, and a server that answers something else', async () => {
    const bad = await countersign(
      ['keys', 'revoke', '../x'],
      answering(() => json(200, { keys })),
    )
    expect([bad.code, bad.requests]).toEqual([2, []])
    const odd = await countersign(
      ['keys', 'list'],
      answering(() => json(200, { keys: [{}] })),
    )
    expect(odd.code).not.toBe(0)
  })
})

describe('countersign revoke-all', () => {
  const surroundings = answering(() => json(200, { revoked_up_to: 1_795_000_000 }))
  const done = 'revoked every token issued up to 2026-11-18 11:06:40 UTC\n'

  it('asks twice on a terminal', async () => {
    const run = await countersign(['revoke-all'], {
      ...surroundings,
      terminal: true,
      answer: ['y', 'revoke all'],
    })
    expect([run.code, run.out, run.requests.map(sent)]).toEqual([0, done, ['POST /admin/revoke-all']])
  })

  it.each([[['n']], [['y', 'yes']], [['y', '']], [[]]])(
    'revokes nothing after the answers %j',
    async answer => {
      const run = await countersign(['revoke-all'], { ...surroundings, terminal: true, answer })
      expect([run.code, run.requests]).toEqual([1, []])
      expect(run.err).toContain('countersign: nothing was revoked\n')
    },
  )

  it('needs --yes in a script, and asks nothing then', async () => {
    const without = await countersign(['revoke-all'], surroundings)
    expect([without.code, without.requests]).toEqual([2, []])
    const run = await countersign(['revoke-all', '--yes'], surroundings)
    expect([run.code, run.out]).toEqual([0, done])
  })

  it('has a help of its own and a place in the list of commands', async () => {
    const help = await countersign(['revoke-all', '--help'])
    expect(help.out).toContain('Usage: countersign revoke-all [flags]')
    expect((await countersign(['--help'])).out).toMatch(/^ {2}revoke-all +refuse every token/m)
    expect((await countersign(['revoke-all', 'now', '--yes'], surroundings)).code).toBe(2)
  })
})
