const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const
type Unit = keyof typeof secondsPerUnit

/** `3600`, `30m`, `24h` or `7d` in seconds; undefined when it is none of these. */
export function parseDurationSeconds(text: string): number | undefined {
  const [, digits, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * secondsPerUnit[unit as Unit]
}

/** The two largest units of a duration: `9 min 12 s`, `23 h 59 min`, `6 d`. */
export function describeDuration(seconds: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.floor(seconds))
  for (const [unit, name] of [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const) {
    const count = Math.floor(rest / unit)
    rest -= count * unit
    if (count > 0) parts.push(`${count} ${name}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ') || '0 s'
}

/** A moment as people read it, always in UTC: `2026-11-21 04:00:07 UTC`. */
export function describeMoment(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000)
  if (Number.isNaN(date.getTime())) return String(epochSeconds)
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
