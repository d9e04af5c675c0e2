/** Time, passed in everywhere. */
export interface Clock {
  /** Epoch milliseconds; may jump either way. */
  now(): number
  /** Milliseconds since some start; never goes back, but may stand still while the environment is frozen. */
  monotonic(): number
}

export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

export function instant(clock: Clock): Instant {
  return { wall: clock.now(), monotonic: clock.monotonic() }
}

/** Milliseconds since an instant by the clock that says more: neither a jump back nor a freeze makes things younger. */
export function elapsedSince(start: Instant, clock: Clock): number {
  return Math.max(clock.now() - start.wall, clock.monotonic() - start.monotonic)
}

export function epochSeconds(clock: Pick<Clock, 'now'>): number {
  return Math.floor(clock.now() / 1000)
}
