/** Identifiers like the token endpoint's: 128 bits in base64url, the same ones for the same seed. */
export function tokenIds(count: number, seed = 1): string[] {
  let state = seed >>> 0
  const random = () => {
    // SplitMix32: every state comes once, and neighbours have nothing in common.
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  const bytes = Buffer.alloc(16)
  return Array.from({ length: count }, () => {
    for (let word = 0; word < 4; word++) bytes.writeUInt32LE(random(), 4 * word)
    return bytes.toString('base64url')
  })
}
