import fc from 'fast-check'
import { playSchedule, schedule } from '../properties/key-rotation-schedule.ts'

export interface RotationFigures {
  readonly seed: number
  readonly schedules: number
  readonly validAsked: number
  readonly endedAsked: number
  readonly wrong: readonly string[]
}

/** Plays random schedules of rotations, crashes and outages in virtual time. */
export async function measureRotations(schedules: number, seed: number): Promise<RotationFigures> {
  const figures = { seed, schedules, validAsked: 0, endedAsked: 0, wrong: [] as string[] }
  for (const events of fc.sample(schedule, { numRuns: schedules, seed })) {
    const { validAsked, endedAsked, wrong } = await playSchedule(events)
    figures.validAsked += validAsked
    figures.endedAsked += endedAsked
    figures.wrong.push(...wrong)
  }
  return figures
}
