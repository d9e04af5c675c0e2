import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

// Every path that is only taken when something else fails, and the test that takes it: one that is renamed or goes has
// to be replaced here.
const paths: [string, string, string][] = [
  [
    'the client alone is read, where the counter beside it cannot be',
    '../attacks/d-brute-force-counter.test.ts',
    'a counter that cannot be read',
  ],
  [
    'each decision looks up, where there is no whole snapshot',
    'poison-revocations.test.ts',
    'leaves an authorizer that starts without a snapshot',
  ],
  [
    'the last snapshot decides, where no new one can be read',
    '../lambda/oauth/revocation-feed.test.ts',
    'serves the last snapshot for the grace, tells of it, and then knows nothing',
  ],
  [
    'a snapshot is thrown away, where the clock was put back',
    '../lambda/oauth/revocation-feed-clock.test.ts',
    'finds within the delay what was revoked by a clock that was right all along',
  ],
  [
    'the last good ring serves, where no new one can be read',
    'keys-that-cannot-be-read.test.ts',
    'is the last good one for as long as that lasts',
  ],
  [
    'the last good keys of a client serve, where its jwks_uri fails',
    'keys-that-cannot-be-read.test.ts',
    'stay the last good ones for an hour',
  ],
  [
    'the standby key signs, where KMS does not use the current one',
    '../lambda/oauth/access-token.test.ts',
    'is signed with the next key when KMS does not use the first',
  ],
  [
    'a write that was cut off is completed by repeating it',
    'cut-off-changes.test.ts',
    'and holds when it is repeated',
  ],
  [
    'a keeper takes up what another one left, at whichever step',
    '../properties/key-rotation.test.ts',
    'however keepers are late, crash or overlap',
  ],
  ['an answer is 503, where the store cannot be reached', '../attacks/i-store-outage.test.ts', 'is 503'],
]

describe('a path that is taken when something fails', () => {
  it.each(paths)('F42: is taken by every run of the tests: %s', (_, file, title) => {
    const url = new URL(file, import.meta.url)
    expect(existsSync(url)).toBe(true)
    const titles =
      readFileSync(url, 'utf8').match(/(?:\bit|\bdescribe|itHolds|\))(?:\.each)?\(\s*['"`][^\n]*/g) ?? []
    expect(titles.filter(text => text.includes(title))).not.toEqual([])
  })
})
