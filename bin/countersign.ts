import { createRequire } from 'node:module'
import { type FlagName, nearest, type ParsedArguments, parseArguments } from './arguments.ts'
import { type Command, type CommandResult, flagsOfEvery } from './command.ts'
import { CommandFailure, exitCodes, usageFailure } from './failure.ts'
import { describeCommand, describeEverything, describeGroup, type HelpGroup } from './help.ts'
import type { CommandLineIo } from './io.ts'
import { jsonDocument, printable, styleFor } from './output.ts'

interface Group {
  summary: string
  load: () => Promise<HelpGroup['commands']>
}

/** The name of a command that is a whole group. */
const soleCommand = ''

// Loaded when asked for: a command pays for its own group only.
const groups: Readonly<Record<string, Group>> = {
  clients: {
    summary: 'register machine clients, change them, shut them out',
    load: async () => (await import('./commands/clients.ts')).clientCommands,
  },
  cost: {
    summary: 'what a month costs',
    load: async () => ({ [soleCommand]: (await import('./commands/cost.ts')).cost }),
  },
  doctor: {
    summary: 'check a deployment',
    load: async () => ({ [soleCommand]: (await import('./commands/doctor.ts')).doctor }),
  },
  keys: {
    summary: 'list, rotate and revoke the keys that sign tokens',
    load: async () => (await import('./commands/keys.ts')).keyCommands,
  },
  local: {
    summary: 'run the CDK app of this folder on this machine',
    load: async () => ({ [soleCommand]: (await import('./commands/local.ts')).local }),
  },
  'resource-servers': {
    summary: 'register the APIs that tokens are for, and their scopes',
    load: async () => (await import('./commands/resource-servers.ts')).resourceServerCommands,
  },
  'revoke-all': {
    summary: 'refuse every token of every client issued up to now',
    load: async () => ({ [soleCommand]: (await import('./commands/revoke-all.ts')).revokeAll }),
  },
  secrets: {
    summary: "rotate and remove a client's secrets",
    load: async () => (await import('./commands/secrets.ts')).secretCommands,
  },
  tokens: {
    summary: 'get, inspect, introspect and revoke access tokens',
    load: async () => (await import('./commands/tokens.ts')).tokenCommands,
  },
}

/**
 * The command line `countersign`: runs one command and resolves to its exit code (see `exitCodes`). Never
 * throws for anything that was typed or answered.
 */
export async function main(args: readonly string[], io: CommandLineIo): Promise<number> {
  try {
    const parsed = parseArguments(args)
    return (await showHelp(parsed, io)) ?? (await runCommand(parsed, io))
  } catch (error) {
    return report(error, args, io)
  }
}

async function runCommand(parsed: ParsedArguments, io: CommandLineIo): Promise<number> {
  const { name, command, operands } = await chooseCommand(parsed)
  checkFlags(name, command, parsed)
  checkOperands(name, command, operands)
  const result = await command.run({ io, operands, flags: parsed.flags })
  print(result, parsed.flags.has('json'), io)
  return result.exitCode ?? exitCodes.ok
}

function print({ document, text, notes = [] }: CommandResult, json: boolean, io: CommandLineIo): void {
  const output = json ? jsonDocument(document) : text(styleFor(io.stdout, io.env))
  if (output !== '') io.stdout.write(output)
  for (const note of notes) io.stderr.write(`${printable(note)}\n`)
}

async function showHelp({ words, flags }: ParsedArguments, io: CommandLineIo): Promise<number | undefined> {
  if (flags.has('version')) {
    const version = packageVersion()
    io.stdout.write(flags.has('json') ? jsonDocument({ version }) : `${version}\n`)
    return exitCodes.ok
  }
  const asked = flags.has('help') || words[0] === 'help'
  const [groupName, commandName] = words[0] === 'help' ? words.slice(1) : words
  if (asked) {
    io.stdout.write(await helpFor(groupName, commandName))
    return exitCodes.ok
  }
  if (commandName !== undefined || flags.has('json')) return undefined
  const group = groupOf(groupName)
  if (groupName !== undefined && (group === undefined || soleCommand in (await group.load())))
    return undefined
  io.stderr.write(await helpFor(groupName, undefined))
  return exitCodes.usage
}

async function helpFor(groupName: string | undefined, commandName: string | undefined): Promise<string> {
  const group = groupOf(groupName)
  if (groupName === undefined || group === undefined) {
    const entries = Object.entries(groups).map(
      async ([name, { summary, load }]) => [name, { summary, commands: await load() }] as const,
    )
    return describeEverything(Object.fromEntries(await Promise.all(entries)))
  }
  const commands = await group.load()
  const name = Object.hasOwn(commands, soleCommand) ? soleCommand : (commandName ?? '')
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return describeCommand(`${groupName} ${name}`.trim(), command)
  return describeGroup(groupName, { summary: group.summary, commands })
}

function groupOf(name: string | undefined): Group | undefined {
  return name !== undefined && Object.hasOwn(groups, name) ? groups[name] : undefined
}

async function chooseCommand({ words }: ParsedArguments) {
  const [groupName, ...others] = words
  if (groupName === undefined) throw usageFailure('no command is named', '"countersign --help" lists them.')
  const group = groupOf(groupName)
  if (!group) throw unknownWord(groupName, Object.keys(groups), '')
  const commands = await group.load()
  const sole = commands[soleCommand]
  if (sole) return { name: groupName, command: sole, operands: others }
  const [commandName, ...operands] = others
  if (commandName === undefined)
    throw usageFailure(`"${groupName}" needs a command`, `"countersign ${groupName} --help" lists them.`)
  const command = Object.hasOwn(commands, commandName) ? commands[commandName] : undefined
  if (!command) throw unknownWord(commandName, Object.keys(commands), `${groupName} `)
  return { name: `${groupName} ${commandName}`, command, operands }
}

function unknownWord(word: string, known: readonly string[], prefix: string): CommandFailure {
  const meant = nearest(word, known)
  return usageFailure(
    `there is no command "${prefix}${word}"`,
    meant === undefined
      ? `"countersign ${prefix}--help" lists them.`
      : `Did you mean "countersign ${prefix}${meant}"?`,
  )
}

function checkFlags(name: string, command: Command, { flags, unknown }: ParsedArguments): void {
  const allowed: readonly FlagName[] = [...command.flags, ...flagsOfEvery(command)]
  const stray = unknown[0] ?? flags.names().find(flag => !allowed.includes(flag))
  if (stray !== undefined) {
    const word = stray.replace(/^-+/, '')
    const meant = nearest(word, allowed)
    throw usageFailure(
      `"countersign ${name}" has no flag --${word}`,
      meant === undefined ? `"countersign ${name} --help" lists them.` : `Did you mean --${meant}?`,
    )
  }
  const missing = (command.required ?? []).find(wanted => ![wanted].flat().some(flag => flags.has(flag)))
  if (missing !== undefined)
    throw usageFailure(
      `"countersign ${name}" needs ${alternatives([missing].flat())}`,
      `For example: ${command.example}`,
    )
  const [one, another] =
    (command.exclusive ?? [])
      .map(choice => choice.filter(flag => flags.has(flag)))
      .find(given => given.length > 1) ?? []
  if (one !== undefined)
    throw usageFailure(`--${one} and --${another} exclude each other`, 'Give one of them.')
}

function alternatives(names: readonly FlagName[]): string {
  return names.map(flag => `--${flag}`).join(' or ')
}

function checkOperands(name: string, command: Command, operands: readonly string[]): void {
  const missing = command.operands[operands.length]
  if (missing !== undefined)
    throw usageFailure(`"countersign ${name}" needs a <${missing}>`, `For example: ${command.example}`)
  const extra = operands[command.operands.length]
  if (extra !== undefined)
    throw usageFailure(
      `"countersign ${name}" does not take "${extra}"`,
      'A value with spaces in it needs quotes around it.',
    )
}

/** One line what was wrong, one what to do; with --json the one document on stdout says it too. */
function report(error: unknown, args: readonly string[], io: CommandLineIo): number {
  const failure = error instanceof CommandFailure ? error : unforeseen(error)
  io.stderr.write(`countersign: ${printable(failure.message)}\n${printable(failure.remedy)}\n`)
  if (io.env.COUNTERSIGN_DEBUG === '1' && error instanceof Error) io.stderr.write(`${traceOf(error)}\n`)
  // The arguments may be what could not be parsed.
  if (args.includes('--json'))
    io.stdout.write(jsonDocument({ error: failure.code, error_description: failure.message }))
  return failure.exitCode
}

function unforeseen(error: unknown): CommandFailure {
  return new CommandFailure(exitCodes.failed, {
    code: 'internal_error',
    message: `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    remedy: 'COUNTERSIGN_DEBUG=1 shows where; please report it.',
  })
}

function traceOf(error: Error): string {
  const trace = (error.stack ?? error.message).split('\n').map(printable).join('\n')
  return error.cause instanceof Error ? `${trace}\ncaused by ${traceOf(error.cause)}` : trace
}

function packageVersion(): string {
  // By name: the same from bin/ here and from dist/esm/bin once packed.
  const manifest: { version: string } = createRequire(import.meta.url)('countersign/package.json')
  return manifest.version
}
