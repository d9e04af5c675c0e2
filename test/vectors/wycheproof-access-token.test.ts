import { expect, it } from 'vitest'
import { isRefusedByTheGate } from './access-token-verdict.ts'
import { describeVectors } from './vector-folder.ts'
import { encryptionGroups, signatureGroups } from './wycheproof.ts'

async function takenOf(cases: readonly { readonly tcId: number; readonly text: string }[]) {
  const taken: number[] = []
  for (const { tcId, text } of cases) if (!(await isRefusedByTheGate(text))) taken.push(tcId)
  return taken
}

describeVectors('Wycheproof’s tokens as access tokens', read => {
  const signed = signatureGroups(read).map(({ comment, tests }) => ({
    comment: `JWS ${comment}`,
    cases: tests.map(({ tcId, jws }) => ({ tcId, text: jws })),
  }))
  const encrypted = encryptionGroups(read).map(({ comment, tests }) => ({
    comment: `JWE ${comment}`,
    cases: tests.map(({ tcId, jwe }) => ({ tcId, text: jwe })),
  }))
  const groups = [...signed, ...encrypted].map(group => ({ ...group, from: group.cases[0]?.tcId }))

  it('are 401 signed and 139 encrypted ones', () => {
    const count = (list: typeof signed) => list.flatMap(group => group.cases).length
    expect([count(signed), count(encrypted)]).toEqual([401, 139])
  })

  it.each(groups)(
    'are refused before any key is looked for: $comment from case $from (RFC 9068 §4)',
    async ({ cases }) => {
      expect(await takenOf(cases)).toEqual([])
    },
  )
})
