import { RevocationFeed, type RevocationFeedOptions, type RevocationStore } from '../oauth/revocation-feed.ts'
import type { FunctionContext } from './function-context.ts'

export type RevocationFeedSettings = Pick<
  RevocationFeedOptions,
  'shards' | 'refreshSeconds' | 'outageGraceSeconds'
>

/** How long start-up may load revocations; what is missing then is looked up for each decision. */
export const startLoadMilliseconds = 2000

/** A feed that tells the records of its outages, of its age and of its size. */
export function recordedRevocationFeed(
  store: RevocationStore,
  settings: RevocationFeedSettings,
  { records, clock }: Pick<FunctionContext, 'records' | 'clock'>,
): RevocationFeed {
  const options = {
    ...settings,
    onOutage: (ageSeconds: number) => records.revocationStoreUnreachable(ageSeconds),
    onRefresh: (ageSeconds: number) => records.revocationSnapshotAge(ageSeconds),
    onTooMany: (revocations: number) => records.tooManyRevocations(revocations),
  }
  return new RevocationFeed(store, options, clock)
}
