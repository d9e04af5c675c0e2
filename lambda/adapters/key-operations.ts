import { AdministrationError } from '../oauth/administration/administration-error.ts'
import { keyDocument } from '../oauth/administration/key-document.ts'
import type { RingKeeper } from '../oauth/ring-keeper.ts'
import { isKeyId } from '../oauth/signing-key.ts'
import type { Operation } from './administration-endpoint.ts'

/**
 * The admin API's operations on signing keys, by route key. What a change leaves to be done (a new standby key, the end
 * of the old one) is done along with it as far as KMS answers, and otherwise by the next scheduled run.
 *
 * @param keep makes every change that the ring needs; never fails
 */
export function keyOperations(
  keeper: RingKeeper,
  keep: () => Promise<void>,
): Readonly<Record<string, Operation>> {
  const documents = async () => ({ keys: (await keeper.keys()).map(keyDocument) })
  return {
    'GET /admin/keys': { audit: 'key.list', status: 200, run: documents },
    'POST /admin/keys/rotate': {
      audit: 'key.rotate',
      status: 200,
      run: async () => {
        const seconds = await keeper.rotate()
        if (seconds > 0) {
          const wait = `the standby key has to be published for ${seconds} more seconds before it may sign`
          throw new AdministrationError('conflict', wait)
        }
        await keep()
        return documents()
      },
    },
    'POST /admin/keys/{kid}/revoke': {
      audit: 'key.revoke',
      status: 200,
      run: async ({ parameters: { kid = '' } }, facts) => {
        if (!isKeyId(kid) || !(await keeper.revoke(kid)))
          throw new AdministrationError('not_found', 'there is no such key')
        facts.subject = kid
        await keep()
        return documents()
      },
    },
  }
}
