import { expect, it } from 'vitest'
import { parseClientAssertion } from '../../lambda/oauth/client-assertion.ts'
import { parseJws } from '../../lambda/oauth/jws.ts'
import { readSegments, registeredKey, type Verdict, verdictOf } from './signature-verdict.ts'
import { describeVectors } from './vector-folder.ts'
import { defectiveCases, encryptionGroups, type SignatureGroup, signatureGroups } from './wycheproof.ts'

/** Groups with a key that a client may register: Wycheproof has no EdDSA among its JWS. */
const registrable = [
  ...['es256', 'SpecialCaseEs256', 'rs256', 'ps256'],
  ...['rfc7520 RS256', 'rfc7520 PS256', 'rfc7520WithKeyOps RS256', 'rfc7520WithKeyOps PS256'],
]

const nameOf = ({ comment, public: key }: SignatureGroup) =>
  comment.startsWith('rfc7520') ? `${comment} ${key?.alg ?? 'HS256'}` : comment

describeVectors('Wycheproof’s JWS with the key registered for private_key_jwt', read => {
  const groups = signatureGroups(read)
  const cases = groups.flatMap(group =>
    group.tests.map(test => ({ ...test, group: nameOf(group), key: group.public ?? group.private })),
  )
  const flawless = cases.filter(test => !defectiveCases.has(test.tcId))
  const isSupported = (test: (typeof cases)[number]) => registrable.includes(test.group)

  it('are 401 cases, eight of them defective', () => {
    expect([cases.length, cases.length - flawless.length]).toEqual([401, 8])
  })

  it('has keys that can be registered where the algorithm is ES256, RS256 or PS256, the key for signatures, and no other', () => {
    const accepted = groups.filter(group => registeredKey(group.public ?? group.private) !== undefined)
    expect([...new Set(accepted.map(nameOf))].sort()).toEqual([...registrable].sort())
  })

  const valid = flawless.filter(test => test.result === 'valid' && isSupported(test))
  it.each(valid)('verifies case $tcId, $group: $comment (RFC 7515 §5.2)', ({ jws, key }) => {
    expect(verdictOf(jws, key)).toBe('verified')
  })

  const foreign = flawless.filter(test => test.result === 'valid' && !isSupported(test))
  it.each(foreign)(
    'refuses case $tcId, valid by an algorithm that is not supported, $group: $comment (RFC 8725 §3.1)',
    ({ jws, key }) => {
      expect(verdictOf(jws, key)).toBe('key refused')
    },
  )

  const invalid = flawless.filter(test => test.result === 'invalid')
  it.each(invalid)('refuses case $tcId, $group: $comment (RFC 7515 §5.2)', ({ jws, key }) => {
    expect(verdictOf(jws, key)).not.toBe('verified')
  })

  const refusals: Readonly<Record<number, Verdict>> = {
    346: 'algorithm refused',
    347: 'key refused',
    350: 'algorithm refused',
    351: 'key refused',
    367: 'key refused',
    370: 'key refused',
    372: 'malformed',
    373: 'malformed',
  }
  it.each([...defectiveCases])('refuses the defective case %i: %s', (tcId, _reason) => {
    const found = cases.find(test => test.tcId === tcId)
    expect(verdictOf(found?.jws ?? '', found?.key ?? {})).toBe(refusals[tcId])
  })

  it('shows what is said of the defective cases', () => {
    const jwsOf = (tcId: number) => cases.find(test => test.tcId === tcId)?.jws ?? ''
    const keyOf = (tcId: number) => cases.find(test => test.tcId === tcId)?.key
    for (const tcId of [346, 350]) {
      expect([readSegments(jwsOf(tcId))?.header.alg, keyOf(tcId)?.alg]).toEqual(['PS384', 'PS256'])
    }
    for (const tcId of [347, 351]) expect(keyOf(tcId)?.alg).toBe('ES521')
    for (const tcId of [367, 370]) expect(jwsOf(tcId)).toBe(jwsOf(357))
    for (const tcId of [372, 373]) expect(jwsOf(tcId)).toContain('?')
  })

  // Their key is symmetric, which hides what they are about: the encoding.
  const encodings = flawless.filter(test => test.group === 'base64')
  it.each(encodings)(
    'reads the encoding of case $tcId as it is labelled, $result: $comment (RFC 7515 §2)',
    test => {
      expect(readSegments(test.jws) !== undefined).toBe(test.result === 'valid')
    },
  )

  it('takes no case for a client assertion (RFC 7523 §3)', () => {
    expect(cases.filter(test => parseClientAssertion(test.jws) !== undefined)).toEqual([])
  })
})

describeVectors('Wycheproof’s JWE in the place of a JWS', read => {
  it.each(encryptionGroups(read))('are refused: $comment (RFC 7516 §9)', ({ tests }) => {
    const read = tests.flatMap(({ jwe }) => [parseJws(jwe), readSegments(jwe), parseClientAssertion(jwe)])
    expect(read.filter(result => result !== undefined)).toEqual([])
  })
})
