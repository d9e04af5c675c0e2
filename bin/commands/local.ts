import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command, CommandCall } from '../command.ts'
import { CommandFailure, exitCodes } from '../failure.ts'

export const local: Command = {
  summary: 'run the CDK app of this folder on this machine, until Ctrl-C',
  operands: [],
  flags: ['app', 'stack', 'region'],
  asksServer: false,
  details: [
    'Synthesises the app by the command of cdk.json and runs what its templates say: the authorization server and the',
    'APIs, behind an API Gateway, DynamoDB and KMS of its own on 127.0.0.1. Prints a token request, a call that passes,',
    'a revocation and a call that is refused. With --stack it runs one stack and those that it depends on. PORT is the',
    "authorization server's port (4000), each API takes the next one; COUNTERSIGN_DATA_DIR is where the data lies",
    '(.countersign), DYNAMODB_ENDPOINT another DynamoDB to use. Other commands in the same folder find it by themselves.',
  ],
  example: 'countersign local --app "node bin/app.js"',
  async run(call) {
    // The servers and the AWS SDK: no other command pays for them.
    const [{ announcement }, { readSettings }, { runUntilStopped }] = await Promise.all([
      import('../../local/announcement.ts'),
      import('../../local/settings.ts'),
      import('../../local/run-until-stopped.ts'),
    ])
    const { io, flags } = call
    const say = (line: string) => io.stderr.write(`${line}\n`)
    try {
      const env = { ...io.env, ...(flags.has('region') ? { AWS_REGION: flags.value('region') } : {}) }
      const settings = readSettings(env, io.cwd)
      const stackName = flags.value('stack')
      const run = await runUntilStopped({ ...settings, ...appOf(call), stackName, print: say }, say)
      return { document: run.endpoints, text: () => `${announcement(run, settings.dataDir)}\n` }
    } catch (error) {
      throw new CommandFailure(
        exitCodes.failed,
        {
          code: 'local_run_failed',
          message: error instanceof Error ? error.message : String(error),
          remedy: 'Nothing runs. "countersign local --help" lists the settings.',
        },
        { cause: error },
      )
    }
  },
}

/** As with the CDK's own `--app`: a folder is a cloud assembly, anything else a command. */
function appOf({ io, flags }: CommandCall): { projectDir: string; app?: string; assemblyDir?: string } {
  const app = flags.value('app')
  if (app === undefined) return { projectDir: io.cwd }
  const folder = resolve(io.cwd, app)
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder ? { projectDir: io.cwd, assemblyDir: folder } : { projectDir: io.cwd, app }
}
