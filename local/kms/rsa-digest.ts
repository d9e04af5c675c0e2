// node:crypto hashes what it signs, so a digest that was made elsewhere is padded here (RFC 8017) and goes
// through the bare RSA operation.
import { constants, type KeyObject, privateEncrypt, publicDecrypt, randomBytes } from 'node:crypto'
import { type HashName, hashOf } from './digest.ts'

/** DER of DigestInfo up to the digest itself (RFC 8017 §9.2, note 1). */
const digestInfoPrefixes: Record<HashName, string> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

export function signDigestWithPkcs1(hash: HashName, digest: Buffer, key: KeyObject): Buffer {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, digest))
}

export function verifyDigestWithPkcs1(
  hash: HashName,
  digest: Buffer,
  key: KeyObject,
  signature: Buffer,
): boolean {
  try {
    const opened = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature)
    return opened.equals(digestInfo(hash, digest))
  } catch {
    return false
  }
}

/** EMSA-PSS-ENCODE with a salt as long as the hash (RFC 8017 §9.1.1), then RSASP1. */
export function signDigestWithPss(hash: HashName, digest: Buffer, key: KeyObject): Buffer {
  const salt = randomBytes(digest.length)
  const length = modulusOctets(key)
  const h = hashOf(hash, Buffer.alloc(8), digest, salt)
  const db = Buffer.alloc(length - h.length - 1)
  db[db.length - salt.length - 1] = 1
  salt.copy(db, db.length - salt.length)
  const masked = unmask(hash, h, db)
  const encoded = Buffer.concat([masked, h, Buffer.of(0xbc)])
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded)
}

/** RSAVP1, then EMSA-PSS-VERIFY (RFC 8017 §9.1.2). */
export function verifyDigestWithPss(
  hash: HashName,
  digest: Buffer,
  key: KeyObject,
  signature: Buffer,
): boolean {
  if (signature.length !== modulusOctets(key)) return false
  let encoded: Buffer
  try {
    encoded = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature)
  } catch {
    return false
  }
  const h = encoded.subarray(-digest.length - 1, -1)
  const masked = encoded.subarray(0, encoded.length - h.length - 1)
  if (encoded.at(-1) !== 0xbc || (masked[0] ?? 0xff) & 0x80) return false
  const db = unmask(hash, h, masked)
  const salt = db.subarray(-digest.length)
  const padding = db.subarray(0, db.length - salt.length)
  if (padding.at(-1) !== 1 || !padding.subarray(0, -1).every(octet => octet === 0)) return false
  return hashOf(hash, Buffer.alloc(8), digest, salt).equals(h)
}

/** XOR with MGF1 of the seed. The modulus has a whole number of octets, so one leading bit is cleared. */
function unmask(hash: HashName, seed: Buffer, data: Buffer): Buffer {
  const blocks: Buffer[] = []
  for (let counter = 0; counter * seed.length < data.length; counter++) {
    const index = Buffer.alloc(4)
    index.writeUInt32BE(counter)
    blocks.push(hashOf(hash, seed, index))
  }
  const mask = Buffer.concat(blocks)
  const result = Buffer.from(data.map((octet, at) => octet ^ (mask[at] ?? 0)))
  result[0] = (result[0] ?? 0) & 0x7f
  return result
}

function digestInfo(hash: HashName, digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(digestInfoPrefixes[hash], 'hex'), digest])
}

function modulusOctets(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}
