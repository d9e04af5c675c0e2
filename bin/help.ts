import { commonFlags, type FlagName, flags } from './arguments.ts'
import { type Command, type CommandGroup, flagsOfEvery } from './command.ts'
import { exitCodes } from './failure.ts'

const exitCodeMeanings: Record<keyof typeof exitCodes, string> = {
  ok: 'done',
  failed: 'the server refused or failed',
  usage: 'the command is misspelt or incomplete',
  notFound: 'the client, the secret or the resource server does not exist',
  unreachable: 'no server was found, or it does not answer',
  credentialsRefused: 'the credentials were refused, or there are none',
}

export interface HelpGroup {
  summary: string
  commands: CommandGroup
}

/** `countersign --help` */
export function describeEverything(groups: Readonly<Record<string, HelpGroup>>): string {
  const commands = Object.entries(groups).flatMap(([group, { commands }]) =>
    Object.entries(commands).map(([name, command]): [string, string] => [
      [group, name, ...command.operands.map(word => `<${word}>`)].filter(Boolean).join(' '),
      command.summary,
    ]),
  )
  return [
    'countersign: OAuth 2.0 clients, resource servers, secrets and tokens',
    '',
    'Usage: countersign <command> [flags]',
    '',
    'Commands',
    ...columns(commands),
    '',
    'Flags of every command',
    ...flagLines([...commonFlags, 'version']),
    '',
    'The server is, in this order: --url; COUNTERSIGN_URL; the local server whose endpoints.json is in',
    'COUNTERSIGN_DATA_DIR or .countersign of this folder; the outputs of the CloudFormation stack.',
    '--stack, --region and --profile skip the local server.',
    '',
    'Exit codes',
    ...exitCodeLines(),
    '',
    'countersign <command> --help says more. COUNTERSIGN_DEBUG=1 shows where an error came from.',
    '',
  ].join('\n')
}

/** `countersign clients --help` */
export function describeGroup(name: string, { summary, commands }: HelpGroup): string {
  return [
    `countersign ${name}: ${summary}`,
    '',
    `Usage: countersign ${name} <command> [flags]`,
    '',
    'Commands',
    ...columns(
      Object.entries(commands).map(([word, command]) => [
        [word, ...command.operands.map(operand => `<${operand}>`)].join(' '),
        command.summary,
      ]),
    ),
    '',
  ].join('\n')
}

/** `countersign clients create --help` */
export function describeCommand(name: string, command: Command): string {
  const required = (command.required ?? []).map(wanted => {
    const choice = [wanted].flat().map(flag => `--${flag} ${placeholder(flag)}`)
    return choice.length === 1 ? choice[0] : `(${choice.join(' | ')})`
  })
  const operands = command.operands.map(word => `<${word}>`)
  return [
    `countersign ${name}: ${command.summary}`,
    '',
    `Usage: ${['countersign', name, ...operands, ...required, '[flags]'].join(' ')}`,
    ...(command.details ? ['', ...command.details] : []),
    ...(command.flags.length > 0 ? ['', 'Flags', ...flagLines(command.flags)] : []),
    '',
    'Flags of every command',
    ...flagLines(flagsOfEvery(command)),
    '',
    'Exit codes',
    ...exitCodeLines(),
    '',
    'Example',
    `  ${command.example}`,
    '',
  ].join('\n')
}

function flagLines(names: readonly FlagName[]): string[] {
  return columns(names.map(name => [`--${name} ${placeholder(name)}`.trim(), flags[name].help]))
}

function placeholder(name: FlagName): string {
  const flag = flags[name]
  return 'value' in flag ? flag.value : ''
}

function exitCodeLines(): string[] {
  return columns(
    (Object.keys(exitCodes) as (keyof typeof exitCodes)[]).map(name => [
      String(exitCodes[name]),
      exitCodeMeanings[name],
    ]),
  )
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
