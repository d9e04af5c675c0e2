import { commonFlags, type FlagName, flagsWithoutServer, type GivenFlags } from './arguments.ts'
import type { ExitCode } from './failure.ts'
import type { CommandLineIo } from './io.ts'
import type { Style } from './output.ts'

export interface CommandCall {
  io: CommandLineIo
  operands: readonly string[]
  flags: GivenFlags
}

export interface CommandResult {
  /** What `--json` prints. */
  document: unknown
  /** What people read on standard output: whole lines, made printable. */
  text: (style: Style) => string
  /** Lines for stderr, with `--json` too. */
  notes?: readonly string[]
  /** @default 0 */
  exitCode?: ExitCode
}

export interface Command {
  summary: string
  /** Names of the operands, all of them required. */
  operands: readonly string[]
  /** The flags beside the common ones. */
  flags: readonly FlagName[]
  /** Whether it asks a server, which flags then can name. @default true */
  asksServer?: boolean
  /** Flags that must be there; of a list, at least one. */
  required?: readonly (FlagName | readonly FlagName[])[]
  /** Flags of which one at most may be there. */
  exclusive?: readonly (readonly FlagName[])[]
  /** Further lines of its help. */
  details?: readonly string[]
  example: string
  run(call: CommandCall): Promise<CommandResult>
}

export type CommandGroup = Readonly<Record<string, Command>>

/** The common flags that the command takes. */
export function flagsOfEvery({ asksServer = true }: Command): readonly FlagName[] {
  return asksServer ? commonFlags : flagsWithoutServer
}

/** The operand at that place; how many there are was checked before the command runs. */
export function operand(call: CommandCall, at: number): string {
  return call.operands[at] ?? ''
}
