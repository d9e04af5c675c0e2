import { KMSClient } from '@aws-sdk/client-kms'
import { kmsSigner } from '../../lambda/adapters/kms-signer.ts'
import { SignatureSelfCheckError } from '../../lambda/oauth/access-token.ts'
import { jwsAlgorithms } from '../../lambda/oauth/public-key.ts'
import { startFaultServer } from '../lambda/support/fault-server.ts'
import { kmsSigningKey } from '../lambda/support/kms-signing-key.ts'
import { startLocalKms } from '../lambda/support/local-kms.ts'
import { recordedLines } from '../lambda/support/recorded-lines.ts'

export interface SignatureFigures {
  readonly corrupted: number
  readonly released: number
}

/** Has KMS return signatures with one bit changed, each bit in turn, and counts what is released all the same. */
export async function measureSignatures(perAlgorithm: number): Promise<SignatureFigures> {
  const kms = await startLocalKms()
  const proxy = await startFaultServer(kms.url)
  const client = new KMSClient({ ...kms.settings, endpoint: proxy.url, maxAttempts: 2 })
  const sign = kmsSigner(client, recordedLines().records)
  let released = 0
  for (const algorithm of jwsAlgorithms) {
    const key = await kmsSigningKey(kms.client, algorithm)
    for (let count = 0; count < perAlgorithm; count++) {
      proxy.next({ answer: answer => ({ ...answer, Signature: flipBit(String(answer.Signature), count) }) })
      const signed = await sign(`header.${count}`, key).catch((thrown: unknown) => thrown)
      if (!(signed instanceof SignatureSelfCheckError)) released++
    }
  }
  client.destroy()
  await Promise.all([proxy.close(), kms.close()])
  return { corrupted: perAlgorithm * jwsAlgorithms.length, released }
}

function flipBit(base64: string, bit: number): string {
  const bytes = Buffer.from(base64, 'base64')
  const at = (bit >> 3) % bytes.length
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
  return bytes.toString('base64')
}
