import { isDeepStrictEqual } from 'node:util'
import type { Baseline, StatefulResource } from './baseline.ts'

/** A difference between what is deployed and what would be. */
export interface Change {
  /** The logical id of a resource, or the name of an output. */
  readonly name: string
  /** Whether an update would lose something: data, an address, or what others read. */
  readonly isLoss: boolean
  readonly message: string
}

export function changesSince(before: Baseline, now: Baseline): Change[] {
  return [...resourceChanges(before, now), ...outputChanges(before, now)]
}

/** All changes with what to do about them: the text of a failed test. */
export function describeChanges(changes: readonly Change[]): string {
  const lost = new Set(changes.filter(({ isLoss }) => isLoss).map(({ name }) => name))
  const flags = [...lost].map(name => `--accept-loss ${name}`)
  const remedy =
    flags.length > 0
      ? `Undo it: give constructs their old ids and paths back, and properties their old values.\nIf the loss is meant, say in CHANGELOG.md what whoever has deployed has to do, then run:\n  npm run baseline -- ${flags.join(' ')}`
      : 'Nothing is lost by it. Accept it: npm run baseline'
  return [...changes.map(({ message }) => `- ${message}`), remedy].join('\n')
}

function resourceChanges(before: Baseline, now: Baseline): Change[] {
  const added = Object.entries(now.resources).filter(([id]) => before.resources[id] === undefined)
  const lost = Object.entries(before.resources).flatMap(([name, old]): Change[] => {
    const current = now.resources[name]
    const what = `${old.path} (${old.type}, logical id ${name})`
    if (current === undefined) {
      const renamed = added.find(([, { type }]) => type === old.type)
      const hint = renamed === undefined ? '' : `; was it renamed to ${renamed[1].path} (${renamed[0]})?`
      return [{ name, isLoss: true, message: `${what} is gone: an update would ${fate(old)}${hint}` }]
    }
    return differences(old, current).map(({ message, isLoss }) => ({ name, isLoss, message: what + message }))
  })
  return [
    ...lost,
    ...added.map(([name, { path, type }]) => ({
      name,
      isLoss: false,
      message: `${path} (${type}, logical id ${name}) is new`,
    })),
  ]
}

function differences(old: StatefulResource, now: StatefulResource): Omit<Change, 'name'>[] {
  if (now.type !== old.type)
    return [
      { isLoss: true, message: ` is a ${now.type} now: an update is refused under the same logical id` },
    ]
  const names = [...new Set([...Object.keys(old.properties), ...Object.keys(now.properties)])]
  const changed = names
    .filter(name => !isDeepStrictEqual(old.properties[name], now.properties[name]))
    .map(name => {
      const [was, is] = [old, now].map(({ properties }) => JSON.stringify(properties[name]) ?? 'not set')
      return { isLoss: true, message: ` would be replaced: ${name} was ${was}, and is ${is}` }
    })
  const policies = (['deletionPolicy', 'updateReplacePolicy'] as const)
    .filter(policy => old[policy] !== now[policy])
    .map(policy => ({
      isLoss: old[policy] === 'Retain',
      message: ` has another ${policy}: it was ${old[policy]}, and is ${now[policy]}`,
    }))
  const moved = old.path === now.path ? [] : [{ isLoss: false, message: ` is at ${now.path} now` }]
  return [...changed, ...policies, ...moved]
}

function fate({ deletionPolicy }: StatefulResource): string {
  return deletionPolicy === 'Retain'
    ? 'leave it behind, unused, and what takes its place begins empty'
    : 'delete it with all that it holds'
}

function outputChanges(before: Baseline, now: Baseline): Change[] {
  const changed = Object.entries(before.outputs).flatMap(([name, old]): Change[] => {
    const current = now.outputs[name]
    if (isDeepStrictEqual(old, current)) return []
    const what =
      current === undefined ? 'is gone' : `was ${JSON.stringify(old)}, and is ${JSON.stringify(current)}`
    return [{ name, isLoss: true, message: `output ${name} ${what}: commands and other stacks read it` }]
  })
  const added = Object.keys(now.outputs).filter(name => before.outputs[name] === undefined)
  return [...changed, ...added.map(name => ({ name, isLoss: false, message: `output ${name} is new` }))]
}
