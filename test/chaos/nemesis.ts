import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { localCredentials } from '../../local/local-credentials.ts'
import { storeClient } from '../lambda/support/local-store.ts'
import { storeFaults } from './fault-proxy.ts'
import type { Milliseconds, Reach, Recorder } from './history.ts'
import type { Random } from './random.ts'
import { type StackUnderTest, signal } from './stack-under-test.ts'

/** What is done beside the killing of functions, and how often. */
const mix = {
  storeFault: 10,
  pauseFunction: 8,
  storeOutage: 1,
  pauseStore: 3,
  killStore: 3,
  poisonRevocations: 2,
  disableKey: 2,
}

/** A time of faults, and one without any: what has to be there when nothing is broken can be checked only then. */
const disturbed: Milliseconds = 40_000
const calm: Milliseconds = 16_000

export interface NemesisOptions {
  readonly stack: StackUnderTest
  readonly recorder: Recorder
  readonly random: Random
  /** Longer than the delay and the grace: the longest that anything may pass without the store. */
  readonly outage: Milliseconds
  /** The `kid` and the ARN of the key that signs, where it can be found. */
  readonly signingKeyArn: () => Promise<string | undefined>
}

/** Breaks a local stack, seeded: what and when follows from the seed, what it meets does not. */
export class Nemesis {
  readonly #options: NemesisOptions
  readonly #stopped = new AbortController()
  #running: Promise<unknown> | undefined
  /** `kill -9` of anything. */
  kills = 0

  constructor(options: NemesisOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Ends when nothing is broken any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { random, recorder } = this.#options
    for (let round = 1; !this.#isStopped; round++) {
      const until = recorder.time.now() + disturbed
      const disturbing = this.#repeat(
        () => recorder.time.now() < until,
        random.fork(),
        [1000, 5000],
        each => this.#disturb(each),
      )
      let isDisturbed = true
      await Promise.all([
        disturbing.finally(() => {
          isDisturbed = false
        }),
        this.#repeat(
          () => isDisturbed,
          random.fork(),
          [400, 1200],
          each => this.#killFunction(each),
        ),
      ])
      if (this.#isStopped) return
      await this.#killEverything()
      if (round % 2 === 0) await this.#sleep(calm)
    }
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted
  }

  async #repeat(
    goesOn: () => boolean,
    random: Random,
    [least, most]: readonly [Milliseconds, Milliseconds],
    act: (random: Random) => Promise<void>,
  ): Promise<void> {
    while (!this.#isStopped && goesOn()) {
      await act(random)
      await this.#sleep(random.between(least, most))
    }
  }

  async #killFunction(random: Random): Promise<void> {
    const victim = random.pick(await this.#options.stack.functions())
    if (victim === undefined || !signal(victim.pid, 'SIGKILL')) return
    this.kills++
    this.#note(`kill -9 of ${victim.name}`, 'process')
  }

  async #disturb(random: Random): Promise<void> {
    const { stack, outage } = this.#options
    const what = random.weighted(mix)
    if (what === 'storeFault') await this.#hurtStore(random, random.between(500, 6000))
    else if (what === 'storeOutage') await this.#hurtStore(random, outage, 1)
    else if (what === 'pauseFunction') await this.#pauseFunction(random)
    else if (what === 'killStore') await this.#killStore(random)
    else if (what === 'poisonRevocations') await this.#poison(random)
    else if (what === 'disableKey') await this.#disableKey(random)
    else
      await this.#during('SIGSTOP of the store', 'store', async () => {
        stack.signalStore('SIGSTOP')
        await this.#sleep(random.between(200, 3000))
        stack.signalStore('SIGCONT')
      })
  }

  async #hurtStore(random: Random, duration: Milliseconds, probability = random.pick([0.3, 0.7, 1]) ?? 1) {
    const { proxy } = this.#options.stack
    const fault = random.pick(storeFaults) ?? 'reset'
    await this.#during(`store: ${fault}, ${probability}`, 'store', async () => {
      proxy.hurt(fault, probability)
      await this.#sleep(duration)
      proxy.heal()
    })
  }

  async #pauseFunction(random: Random): Promise<void> {
    const victim = random.pick(await this.#options.stack.functions())
    if (victim === undefined) return
    await this.#during(`SIGSTOP of ${victim.name}`, 'pause', async () => {
      signal(victim.pid, 'SIGSTOP')
      await this.#sleep(random.between(200, 3000))
      signal(victim.pid, 'SIGCONT')
    })
  }

  async #killStore(random: Random): Promise<void> {
    const { stack } = this.#options
    await this.#during('kill -9 of the store', 'store', async () => {
      await stack.killStore()
      this.kills++
      await this.#sleep(random.between(0, 2000))
      await stack.startStore()
    })
  }

  /** A row that cannot be trusted makes every reading of the revocations fail. */
  async #poison(random: Random): Promise<void> {
    const { stack } = this.#options
    if (stack.storeUrl === undefined) return
    const client = storeClient(stack.storeUrl)
    const TableName = stack.endpoints.tables.Revocations
    const Key = { shard: { S: '0' }, subject: { S: 'nonsense' } }
    const stamps = { revoked_at: { N: String(Date.now() + 60_000) }, expires_at: { N: '9999999999' } }
    await this.#during('a corrupt row in the revocations', 'store', async () => {
      await client.send(new PutItemCommand({ TableName, Item: { ...Key, ...stamps } }))
      await this.#sleep(random.between(500, 4000))
      await client.send(new DeleteItemCommand({ TableName, Key }))
    })
    client.destroy()
  }

  async #disableKey(random: Random): Promise<void> {
    const { stack, signingKeyArn } = this.#options
    const { aws, region } = stack.endpoints
    const KeyId = await signingKeyArn()
    if (KeyId === undefined) return
    const kms = new KMSClient({ endpoint: aws.kms, region, credentials: localCredentials })
    await this.#during('the signing key disabled', 'process', async () => {
      await kms.send(new DisableKeyCommand({ KeyId }))
      await this.#sleep(random.between(500, 4000))
      await kms.send(new EnableKeyCommand({ KeyId }))
    })
    kms.destroy()
  }

  /** `kill -9` of the gateway and the store, and with them of every function; then a start on the same data. */
  async #killEverything(): Promise<void> {
    const { stack } = this.#options
    await this.#during('kill -9 of everything', 'stack', async () => {
      await Promise.all([stack.killStack(), stack.killStore()])
      this.kills += 2
      await stack.startStore()
      await stack.startStack()
    })
  }

  async #during(fault: string, reaches: Reach, act: () => Promise<void>): Promise<void> {
    const from = this.#options.recorder.time.now()
    try {
      await act()
    } finally {
      this.#note(fault, reaches, from)
    }
  }

  #note(fault: string, reaches: Reach, from?: Milliseconds): void {
    this.#options.recorder.note('nemesis', { kind: 'fault', fault, reaches }, from)
  }

  /** Ends early when the run does. */
  #sleep(milliseconds: Milliseconds): Promise<void> {
    const { signal: stopped } = this.#stopped
    return new Promise(resolve => {
      if (stopped.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        stopped.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, milliseconds)
      stopped.addEventListener('abort', wake)
    })
  }
}
