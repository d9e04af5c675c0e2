import { createHash, randomBytes } from 'node:crypto'

/** Four words of the identifier, then its expiry in epoch seconds; 0 = the slot is free. */
const slotWords = 5
const expiryWord = 4

/** A table grows, or is made smaller, by a copy; between copies these parts of it are taken. */
const startingLoad = 0.64
const greatestLoad = 0.8

/** The latest expiry that a slot can hold: in the year 2106. */
const latestExpiry = 0xffffffff

const notASextet = 64
const sextets = new Uint8Array(128).fill(notASextet)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
].entries())
  sextets[character.charCodeAt(0)] = value

/** One for all tables of a process, so that they can be merged. Nobody outside knows what falls where. */
const placementKey = randomBytes(4).readUInt32LE()
const digestKey = randomBytes(32)

/** An identifier on its way in or out. */
const id = new Uint32Array(4)

/**
 * Token identifiers and when they expire, 25 to 32 bytes each: open addressing in one typed array, linear probing.
 * An identifier of our own (128 bits in base64url) is held whole, so no other is ever taken for it.
 */
export class TokenIdTable {
  #slots: Uint32Array
  #size = 0

  /** @param entries how many there will be at first */
  constructor(entries: number) {
    this.#slots = newSlots(entries)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#slots.byteLength
  }

  /** When the identifier expires; 0 = it is not here. */
  get(jti: string): number {
    readId(jti)
    const slots = this.#slots
    return slots[findSlot(slots) + expiryWord] ?? 0
  }

  /** Adds an identifier, or raises its expiry; never lowers it. */
  raise(jti: string, expiresAt: number): void {
    readId(jti)
    this.#raise(expiresAt)
  }

  /**
   * Takes over whatever another table holds. There is room for all of it first: it comes in the order of its places,
   * and would pile up at the beginning of a smaller table.
   */
  raiseAll(other: TokenIdTable): void {
    const entries = this.#size + other.#size
    if (this.#isTooFullWith(entries)) this.#rebuild(entries, 0)
    other.#forEach(expiresAt => this.#raise(expiresAt))
  }

  /** Forgets what has expired, when it is a quarter or more: each time it costs a copy, and makes room for as much. */
  prune(nowSeconds: number): void {
    const slots = this.#slots
    let live = 0
    for (let at = expiryWord; at < slots.length; at += slotWords) if ((slots[at] ?? 0) > nowSeconds) live++
    if (live <= this.#size * 0.75) this.#rebuild(live, nowSeconds)
  }

  /** How many slots the look-up of an identifier visits: what it costs. */
  probes(jti: string): number {
    readId(jti)
    const { length } = this.#slots
    return ((findSlot(this.#slots) - firstSlot(this.#slots) + length) % length) / slotWords + 1
  }

  /** Of the identifier in `id`. */
  #raise(expiresAt: number): void {
    const expiry = Math.min(Math.ceil(expiresAt), latestExpiry)
    if (!(expiry > 0)) return
    let slots = this.#slots
    let at = findSlot(slots)
    const before = slots[at + expiryWord] ?? 0
    if (before === 0) {
      if (this.#isTooFullWith(this.#size + 1)) {
        const added = id.slice()
        this.#rebuild(this.#size + 1, 0)
        id.set(added)
        slots = this.#slots
        at = findSlot(slots)
      }
      this.#size++
    }
    if (expiry > before) fillSlot(slots, at, expiry)
  }

  #isTooFullWith(entries: number): boolean {
    return entries * slotWords > this.#slots.length * greatestLoad
  }

  /** Copies what expires later into an array of the right size. */
  #rebuild(entries: number, nowSeconds: number): void {
    const slots = newSlots(entries)
    let size = 0
    this.#forEach(expiresAt => {
      if (expiresAt <= nowSeconds) return
      fillSlot(slots, findSlot(slots), expiresAt)
      size++
    })
    this.#slots = slots
    this.#size = size
  }

  /** Calls with each expiry, its identifier in `id`. */
  #forEach(visit: (expiresAt: number) => void): void {
    const slots = this.#slots
    for (let at = 0; at < slots.length; at += slotWords) {
      const expiresAt = slots[at + expiryWord] ?? 0
      if (expiresAt === 0) continue
      for (let word = 0; word < expiryWord; word++) id[word] = slots[at + word] ?? 0
      visit(expiresAt)
    }
  }
}

function newSlots(entries: number): Uint32Array {
  return new Uint32Array(slotWords * (Math.ceil(entries / startingLoad) + 1))
}

/** Where in the array the identifier in `id` is, or the free slot where it would be. */
function findSlot(slots: Uint32Array): number {
  const word0 = id[0]
  const word1 = id[1]
  const word2 = id[2]
  const word3 = id[3]
  let at = firstSlot(slots)
  while (slots[at + expiryWord] !== 0) {
    if (
      slots[at] === word0 &&
      slots[at + 1] === word1 &&
      slots[at + 2] === word2 &&
      slots[at + 3] === word3
    ) {
      return at
    }
    at += slotWords
    if (at === slots.length) at = 0
  }
  return at
}

function fillSlot(slots: Uint32Array, at: number, expiresAt: number): void {
  for (let word = 0; word < expiryWord; word++) slots[at + word] = id[word] ?? 0
  slots[at + expiryWord] = expiresAt
}

/** Where the probing for the identifier in `id` begins. */
function firstSlot(slots: Uint32Array): number {
  let hash = placementKey
  for (let word = 0; word < expiryWord; word++) {
    hash = Math.imul(hash ^ (id[word] ?? 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  const count = slots.length / slotWords
  return slotWords * Math.floor(((hash >>> 0) / 0x100000000) * count)
}

/** Puts an identifier into `id`: the 128 bits that it spells, or else 128 bits of a digest whose key nobody knows. */
function readId(jti: string): void {
  if (decodeId(jti)) return
  const digest = createHash('sha256').update(digestKey).update(jti).digest()
  for (let word = 0; word < expiryWord; word++) id[word] = digest.readUInt32LE(4 * word)
}

/** Whether it is 128 bits in canonical base64url: the four bits that the last character has over must be 0. */
function decodeId(jti: string): boolean {
  if (jti.length !== 22) return false
  let bits = 0
  let held = 0
  let word = 0
  let seen = 0
  for (let index = 0; index < 22; index++) {
    const sextet = sextets[jti.charCodeAt(index)] ?? notASextet
    seen |= sextet
    const over = held + 6 - 32
    if (over < 0) {
      bits = (bits << 6) | sextet
      held += 6
    } else {
      id[word++] = (bits << (6 - over)) | (sextet >>> over)
      bits = sextet & ((1 << over) - 1)
      held = over
    }
  }
  return seen < notASextet && bits === 0
}
