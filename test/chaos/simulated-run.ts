import { check, type Verdict } from './checker.ts'
import type { Bounds } from './findings.ts'
import { Generator } from './generator.ts'
import { type Milliseconds, Recorder } from './history.ts'
import { Random } from './random.ts'
import { SimulatedKeys } from './simulated-keys.ts'
import { SimulatedStore } from './simulated-store.ts'
import { SimulatedSystem } from './simulated-system.ts'
import { VirtualTime } from './virtual-time.ts'
import { noWrappers, type Wrappers } from './wrappers.ts'

/** Short, so that what is past both is seen often. */
export const simulatedBounds: Bounds = { maxRevocationDelay: 5000, revocationOutageGrace: 10_000 }

/** 2026-01-02T03:04:05Z. */
const epoch = 1_767_323_045_000

export interface SimulationOptions {
  readonly seed: number
  readonly minutes: number
  /** @default - none: the system as it is */
  readonly wrappers?: Wrappers
  /** The longest pause of each of the generator's processes. @default 250 */
  readonly pause?: Milliseconds
}

/** Runs load and faults against the simulated system in virtual time, and judges what was recorded. */
export function simulate({
  seed,
  minutes,
  wrappers = noWrappers,
  pause = 250,
}: SimulationOptions): Promise<Verdict & { kills: number }> {
  const time = new VirtualTime()
  return time.run(async () => {
    const random = new Random(seed)
    const recorder = new Recorder(time, epoch)
    const clock = { now: () => Math.floor(epoch + time.now()), monotonic: () => time.now() }
    const store = new SimulatedStore(time, random.fork())
    const writeRevocation = wrappers.writeRevocation(revocation =>
      store.writeRevocation(revocation, clock.now()),
    )
    const keys = new SimulatedKeys(store, () => Math.floor(clock.now() / 1000), writeRevocation)
    const surroundings = { store, keys, clock, time, wrappers, bounds: simulatedBounds }
    const system = new SimulatedSystem(surroundings, random.fork(), writeRevocation)
    await system.start(3)
    const load = { system, recorder, owners: 3, callers: 2, pause, delay: simulatedBounds.maxRevocationDelay }
    const generator = new Generator({ ...load, random: random.fork() })
    generator.start()
    const kills = await disturb(system, store, recorder, random.fork(), minutes * 60_000)
    await generator.stop()
    await time.sleep(simulatedBounds.maxRevocationDelay + 1000)
    await generator.verify()
    return { kills, ...check(recorder.history, simulatedBounds) }
  })
}

/** Outages of the store, short and longer than anything may pass without it, and the ends of processes. */
async function disturb(
  system: SimulatedSystem,
  store: SimulatedStore,
  recorder: Recorder,
  random: Random,
  duration: Milliseconds,
): Promise<number> {
  const { time } = recorder
  const until = time.now() + duration
  let kills = 0
  const killing = async () => {
    while (time.now() < until) {
      await time.sleep(random.between(3000, 12_000))
      recorder.note('nemesis', { kind: 'fault', fault: 'a process ended', reaches: 'process' })
      await system.killAuthorizer()
      kills++
    }
  }
  const breaking = async () => {
    for (let round = 1; time.now() < until; round++) {
      await time.sleep(random.between(5000, 15_000))
      const { maxRevocationDelay, revocationOutageGrace } = simulatedBounds
      const isLong = round % 4 === 0
      const length = isLong ? maxRevocationDelay + revocationOutageGrace + 4000 : random.between(300, 4000)
      const from = time.now()
      store.state = isLong || random.chance(0.5) ? 'down' : 'lossy'
      await time.sleep(length)
      store.state = 'up'
      recorder.note('nemesis', { kind: 'fault', fault: 'the store is out of reach', reaches: 'store' }, from)
      await system.keepKeys()
    }
  }
  await Promise.all([killing(), breaking()])
  return kills
}
