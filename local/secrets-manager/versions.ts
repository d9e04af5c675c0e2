import { AwsError } from '../aws-json-server.ts'
import type { SecretRecord, VersionRecord } from './secret-store.ts'

export const current = 'AWSCURRENT'
export const pending = 'AWSPENDING'
const previous = 'AWSPREVIOUS'

export function withStage(record: SecretRecord, stage: string): VersionRecord | undefined {
  return record.versions.find(({ stages }) => stages.includes(stage))
}

export function withId(record: SecretRecord, versionId: string): VersionRecord | undefined {
  return record.versions.find(version => version.versionId === versionId)
}

/**
 * Adds a version, or gives a value to one that has none, with its labels; the first one becomes the current one.
 *
 * @throws AwsError ResourceExistsException when the version has another value
 */
export function putVersion(
  record: SecretRecord,
  version: Omit<VersionRecord, 'stages'>,
  stages: readonly string[],
): SecretRecord {
  const existing = withId(record, version.versionId)
  if (existing?.value !== undefined) {
    if (existing.value === version.value) return record
    throw new AwsError(
      'ResourceExistsException',
      `A resource with the ID ${version.versionId} already exists.`,
    )
  }
  const labels = withStage(record, current) === undefined ? new Set([...stages, current]) : new Set(stages)
  const others = record.versions.filter(({ versionId }) => versionId !== version.versionId)
  const added = { ...version, stages: existing?.stages ?? [] }
  let changed: SecretRecord = { ...record, versions: [...others, added] }
  for (const stage of labels) changed = moveStage(changed, stage, version.versionId)
  return changed
}

/** Moves a label, which one version has at a time. AWSPREVIOUS follows AWSCURRENT; a version without labels is gone. */
export function moveStage(record: SecretRecord, stage: string, toVersionId: string): SecretRecord {
  const from = withStage(record, stage)?.versionId
  if (from === toVersionId) return record
  const versions = record.versions.map(version => {
    const kept = version.stages.filter(
      each => each !== stage && !(stage === current && from !== undefined && each === previous),
    )
    const added = [
      ...(version.versionId === toVersionId ? [stage] : []),
      ...(stage === current && version.versionId === from ? [previous] : []),
    ]
    return { ...version, stages: [...kept, ...added] }
  })
  return { ...record, versions: versions.filter(({ stages }) => stages.length > 0) }
}
