import { describe, expect, it } from 'vitest'
import { client, countersign, issuer, json, type SeenRequest, serverOf } from './command-line.ts'

const answering = (respond: (request: SeenRequest) => Response | undefined) => ({
  handler: serverOf(issuer, respond),
})
const rotated = {
  client_id: 'c_1',
  secret_id: 's_2',
  client_secret: 'cs_new',
  client_secret_expires_at: 0,
  secrets: [
    { secret_id: 's_1', created_at: 1_795_000_000, expires_at: 1_795_086_400 },
    { secret_id: 's_2', created_at: 1_795_000_000, expires_at: 0 },
  ],
}

describe('secrets rotate', () => {
  it.each([
    [[], {}],
    [['--overlap', '24h'], { overlap_seconds: 86_400 }],
    [['--overlap', '3600'], { overlap_seconds: 3600 }],
    [['--overlap=0'], { overlap_seconds: 0 }],
  ])('with %j sends %j', async (more, body) => {
    const { code, requests } = await countersign(
      ['secrets', 'rotate', 'c_1', ...more],
      answering(() => json(201, rotated)),
    )
    expect(code).toBe(0)
    expect(requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
      'POST /admin/clients/c_1/secrets',
    ])
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual(body)
  })

  it('prints the new secret and says how long the old one works', async () => {
    const { out, err } = await countersign(
      ['secrets', 'rotate', 'c_1', '--json'],
      answering(() => json(201, rotated)),
    )
    expect(JSON.parse(out)).toEqual(rotated)
    expect(err).toBe(
      'The secret is shown this once: keep it now.\ns_1 works until 2026-11-19 11:06:40 UTC.\n',
    )
  })

  it('names the older of two live secrets as the one to remove', async () => {
    const secrets = [
      { secret_id: 's_expired', created_at: 1, expires_at: 2 },
      { secret_id: 's_newer', created_at: 1_795_000_009, expires_at: 0 },
      { secret_id: 's_older', created_at: 1_795_000_001, expires_at: 1_795_900_000 },
    ]
    const { code, out, err } = await countersign(
      ['secrets', 'rotate', 'c_1', '--json'],
      answering(({ method }) =>
        method === 'POST'
          ? json(409, {
              error: 'too_many_secrets',
              error_description: 'two secrets are live: s_newer, s_older',
            })
          : json(200, { ...client, secrets }),
      ),
    )
    expect(code).toBe(1)
    expect(JSON.parse(out)).toEqual({
      error: 'too_many_secrets',
      error_description: 'two secrets are live: s_newer, s_older',
    })
    expect(err).toContain('countersign secrets remove c_1 s_older\n')
  })

  it.each(['soon', '31d', '-1', '1.5h'])('sends nothing for the overlap %j', async overlap => {
    const { code, requests } = await countersign(['secrets', 'rotate', 'c_1', `--overlap=${overlap}`])
    expect([code, requests]).toEqual([2, []])
  })
})

describe('secrets remove', () => {
  it('deletes the one secret', async () => {
    const { code, out, requests } = await countersign(
      ['secrets', 'remove', 'c_1', 's_1'],
      answering(() => new Response(null, { status: 204 })),
    )
    expect([code, out]).toEqual([0, 'removed s_1 of c_1\n'])
    expect(requests.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
      'DELETE /admin/clients/c_1/secrets/s_1',
    ])
  })

  it('needs both ids', async () => {
    const { code, err } = await countersign(['secrets', 'remove', 'c_1'])
    expect(code).toBe(2)
    expect(err).toMatch(/^countersign: "countersign secrets remove" needs a <secret_id>\n/)
  })
})
