import { randomUUID } from 'node:crypto'
import { AwsError } from '../aws-json-server.ts'
import { rateMilliseconds } from '../deployment/schedule.ts'
import type { InvocationOutcome } from '../functions/process.ts'
import type { SecretRecord, SecretStore } from './secret-store.ts'
import { current, moveStage, pending, withStage } from './versions.ts'

export type InvokeFunction = (functionArn: string, event: string) => Promise<InvocationOutcome>

const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret']
const attempts = 3
const lookEveryMilliseconds = 60_000

interface RotationRule {
  readonly functionArn: string
  readonly expression: string
  readonly intervalMilliseconds: number
}

/** The rotations of the stand-in. Rules are those of this run's template; what was begun is in the store. */
export class Rotations {
  readonly #store: SecretStore
  readonly #now: () => number
  readonly #rules = new Map<string, RotationRule>()
  readonly #running = new Set<string>()
  #invoke: InvokeFunction | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(store: SecretStore, now: () => number) {
    this.#store = store
    this.#now = now
  }

  schedule(arn: string, functionArn: string, rules: unknown): void {
    const { ScheduleExpression: expression } = (rules ?? {}) as Record<string, unknown>
    const intervalMilliseconds = rateMilliseconds(String(expression))
    if (intervalMilliseconds === undefined) {
      const message = 'The local Secrets Manager knows schedules of the form rate(90 days) only.'
      throw new AwsError('InvalidParameterException', message)
    }
    this.#rules.set(arn, { functionArn, expression: String(expression), intervalMilliseconds })
  }

  /** From now on functions can be invoked: what is due is rotated, and what was cut off is completed. */
  useFunctions(invoke: InvokeFunction): void {
    this.#invoke = invoke
    const look = () => {
      for (const record of this.#store.secrets()) if (this.#isDue(record)) void this.start(record.arn)
    }
    look()
    this.#timer = setInterval(look, lookEveryMilliseconds).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  describe(record: SecretRecord): object {
    const rule = this.#rules.get(record.arn)
    if (rule === undefined) return { RotationEnabled: false }
    return {
      RotationEnabled: true,
      RotationLambdaARN: rule.functionArn,
      RotationRules: { ScheduleExpression: rule.expression },
      LastRotatedDate: record.rotatedAt,
      NextRotationDate: this.#dueAt(record, rule) / 1000,
    }
  }

  /**
   * Begins a rotation, or goes on with the one that was begun.
   *
   * @returns the version that becomes the current one
   * @throws AwsError InvalidRequestException when the secret has no rotation
   */
  async start(arn: string): Promise<string> {
    const rule = this.#rules.get(arn)
    if (rule === undefined) {
      const message = "You can't rotate a secret that has no Lambda function ARN configured."
      throw new AwsError('InvalidRequestException', message)
    }
    let versionId = ''
    await this.#store.change(arn, record => {
      const begun = withStage(record, pending)
      if (begun !== undefined && !begun.stages.includes(current)) {
        versionId = begun.versionId
        return record
      }
      versionId = randomUUID()
      const version = { versionId, createdAt: this.#now() / 1000, stages: [] }
      return moveStage({ ...record, versions: [...record.versions, version] }, pending, versionId)
    })
    if (!this.#running.has(arn)) void this.#run(arn, rule.functionArn, versionId)
    return versionId
  }

  async #run(arn: string, functionArn: string, versionId: string): Promise<void> {
    this.#running.add(arn)
    try {
      for (let attempt = 0; attempt < attempts; attempt++) {
        if (!(await this.#takeSteps(arn, functionArn, versionId))) continue
        await this.#store.change(arn, record => ({ ...record, rotatedAt: this.#now() / 1000 }))
        return
      }
    } finally {
      this.#running.delete(arn)
    }
  }

  /** @returns whether all of them succeeded; the function has said in its log why one did not */
  async #takeSteps(arn: string, functionArn: string, versionId: string): Promise<boolean> {
    for (const Step of steps) {
      const event = JSON.stringify({ Step, SecretId: arn, ClientRequestToken: versionId })
      const outcome = await this.#invoke?.(functionArn, event)
      if (outcome === undefined || 'failure' in outcome) return false
    }
    return true
  }

  #isDue(record: SecretRecord): boolean {
    const rule = this.#rules.get(record.arn)
    if (rule === undefined) return false
    const begun = withStage(record, pending)
    const isCutOff = begun !== undefined && !begun.stages.includes(current)
    return isCutOff || this.#dueAt(record, rule) <= this.#now()
  }

  #dueAt(record: SecretRecord, { intervalMilliseconds }: RotationRule): number {
    return (record.rotatedAt ?? record.createdAt) * 1000 + intervalMilliseconds
  }
}
