import type { StackResource } from '../cloud-assembly.ts'
import { type ChangeRecord, TableChanges } from '../dynamodb/table-changes.ts'
import type { InvocationOutcome } from '../functions/process.ts'
import type { Intrinsics } from '../intrinsics.ts'
import { readProperties } from './properties.ts'

/** A function that is told of changes of a table (`AWS::Lambda::EventSourceMapping`). */
export interface EventSourceMapping {
  /** As the template has it. */
  readonly functionNameOrArn: string
  readonly streamArn: string
  readonly tableName: string
  readonly batchSize: number
  /** How often a change is tried that the function fails, before it is given up. */
  readonly attempts: number
}

/** @throws where it reads something other than the stream of a table, or in a way that the local run does not know */
export function readEventSourceMapping(resource: StackResource, intrinsics: Intrinsics): EventSourceMapping {
  const reader = readProperties(resource, intrinsics, {
    used: [
      'BatchSize',
      'Enabled',
      'EventSourceArn',
      'FunctionName',
      'FunctionResponseTypes',
      'MaximumRetryAttempts',
      'StartingPosition',
    ],
    withoutEffect: ['BisectBatchOnFunctionError', 'MaximumRecordAgeInSeconds', 'Tags'],
  })
  reader.expect('Enabled', [undefined, true, 'true'])
  reader.expect('StartingPosition', ['TRIM_HORIZON'])
  const streamArn = reader.text('EventSourceArn')
  const tableName = /:table\/([^/]+)\/stream\//.exec(streamArn)?.[1]
  if (tableName === undefined) throw reader.error('EventSourceArn', 'is no stream of a DynamoDB table')
  if (String(reader.textList('FunctionResponseTypes')) !== 'ReportBatchItemFailures')
    throw reader.error('FunctionResponseTypes', 'must be ReportBatchItemFailures')
  return {
    functionNameOrArn: reader.text('FunctionName'),
    streamArn,
    tableName,
    batchSize: reader.optionalNumber('BatchSize') ?? 100,
    attempts: 1 + (reader.optionalNumber('MaximumRetryAttempts') ?? 10_000),
  }
}

type Invoke = (functionArn: string, event: string) => Promise<InvocationOutcome>

/** How late a function hears of a change. */
const lookEveryMilliseconds = 500

/** Tells a function of the changes of a table. @returns what ends that */
export function followTable(
  mapping: EventSourceMapping & { readonly functionArn: string },
  place: { readonly endpoint: string; readonly region: string },
  invoke: Invoke,
): () => void {
  const changes = new TableChanges({ ...mapping, ...place })
  let isLooking = false
  const look = async () => {
    if (isLooking) return
    isLooking = true
    // A store that does not answer now is asked again.
    await changes.look(records => tell(invoke, mapping.functionArn, records)).catch(() => {})
    isLooking = false
  }
  const timer = setInterval(look, lookEveryMilliseconds).unref()
  return () => {
    clearInterval(timer)
    changes.close()
  }
}

/** @returns how many records the function has dealt with: those before the first that it names */
async function tell(invoke: Invoke, functionArn: string, Records: readonly ChangeRecord[]): Promise<number> {
  const outcome = await invoke(functionArn, JSON.stringify({ Records }))
  if ('failure' in outcome) return 0
  const { batchItemFailures = [] } = (JSON.parse(outcome.payload) ?? {}) as {
    batchItemFailures?: { itemIdentifier: string }[]
  }
  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
  const first = Records.findIndex(({ dynamodb }) => failed.includes(dynamodb.SequenceNumber))
  return first === -1 ? Records.length : first
}
