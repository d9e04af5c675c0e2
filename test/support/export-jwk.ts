import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

// Node 20 can wait for ever for itself where a key of `generateKeyPairSync` is exported as a JWK while garbage is
// collected: both keys of a pair share a lock. A copy that was made from the key's octets shares it with nobody.
type Export = (this: KeyObject, options?: { readonly format?: string }) => unknown

const copies = {
  public: (key: KeyObject) =>
    createPublicKey({ key: key.export({ type: 'spki', format: 'der' }), type: 'spki', format: 'der' }),
  private: (key: KeyObject) =>
    createPrivateKey({ key: key.export({ type: 'pkcs8', format: 'der' }), type: 'pkcs8', format: 'der' }),
}

const pair = generateKeyPairSync('ed25519')
for (const [type, copy] of Object.entries(copies)) {
  const prototype: { export: Export } = Object.getPrototypeOf(
    type === 'public' ? pair.publicKey : pair.privateKey,
  )
  const exportKey = prototype.export
  prototype.export = function exportCopy(options) {
    return exportKey.call(options?.format === 'jwk' ? copy(this) : this, options)
  }
}
