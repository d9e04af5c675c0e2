import { CommandFailure, exitCodes } from './failure.ts'

export interface VersionedChange<T> {
  read: () => Promise<T>
  /** A full replacement, bound to the version that was read. */
  replace: (current: T) => Promise<T>
  /** Whether somebody else changed what this change is about. */
  touchesSame: (before: T, now: T) => boolean
  /** What it is that changes, and how to look at it. */
  what: string
  look: string
}

/**
 * Changes a document that others may change meanwhile. If somebody changed something else, both changes hold, at the
 * second attempt; if the same, a person has to choose.
 *
 * @throws CommandFailure `conflict`: nothing was updated
 */
export async function changeOnVersion<T extends { version: number }>(
  before: T,
  change: VersionedChange<T>,
): Promise<T> {
  try {
    return await change.replace(before)
  } catch (error) {
    if (!isConflict(error)) throw error
    const now = await change.read()
    if (change.touchesSame(before, now)) throw changedMeanwhile(change, error)
    // Another conflict than one of versions.
    if (now.version === before.version) throw error
    return change.replace(now).catch(again => {
      throw isConflict(again) ? changedMeanwhile(change, again) : again
    })
  }
}

function isConflict(error: unknown): error is CommandFailure {
  return error instanceof CommandFailure && error.code === 'conflict'
}

function changedMeanwhile<T>({ what, look }: VersionedChange<T>, cause: CommandFailure): CommandFailure {
  return new CommandFailure(
    exitCodes.failed,
    {
      code: 'conflict',
      message: `the ${what} was changed by somebody else meanwhile; nothing was updated`,
      remedy: `Look at it with "${look}", then try again.`,
      status: cause.status,
    },
    { cause },
  )
}
