import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleOf, type FunctionName } from '../lambda/support/bundled-function.ts'
import { findSecrets } from '../support/canary.ts'
import { type Outcome, RuntimeApi } from './runtime-api.ts'

export interface LambdaFunction {
  /** Why it did not start; undefined when it did. */
  readonly initialisation: Outcome | undefined
  invoke(event: unknown): Promise<Outcome>
  /** Ends it. @throws Error when it has printed a secret, or what is not JSON */
  stop(): Promise<void>
}

/** Starts a bundled function under Lambda's own runtime client, with this environment and these files beside it. */
export async function startLambdaFunction(
  name: FunctionName,
  environment: Record<string, string>,
  files: Record<string, string> = {},
): Promise<LambdaFunction> {
  const { LAMBDA_NODE: node, LAMBDA_RUNTIME_CLIENT: runtimeClient } = process.env
  if (!node || !runtimeClient) throw new Error('these tests are run by `npm run test:runtime`')
  const folder = mkdtempSync(join(tmpdir(), 'countersign-runtime-'))
  copyFileSync(bundleOf(name), join(folder, 'index.mjs'))
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  const api = await RuntimeApi.listen()
  const child = spawn(node, [runtimeClient], {
    cwd: folder,
    env: {
      ...environment,
      SERVICE: name,
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: folder,
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      TZ: ':UTC',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      printed += chunk
    })
  const closed = once(child, 'close')
  const ended = closed.then(([code]): Outcome => {
    return { failure: { errorType: 'Runtime.ExitError', errorMessage: `exit status ${code}: ${printed}` } }
  })
  const initialisation = await Promise.race([api.initialisation, ended])
  return {
    initialisation,
    invoke: event => Promise.race([api.invoke(event), ended]),
    async stop() {
      child.kill('SIGKILL')
      await closed
      await api.close()
      rmSync(folder, { recursive: true, force: true })
      const found = findSecrets(printed)
      if (found.length > 0) throw new Error(`${found.join(' and ')} is in a line of the function ${name}`)
      // Of a function that does not start, the runtime client itself prints more.
      if (initialisation !== undefined) return
      for (const line of printed.split('\n').filter(text => text !== '')) JSON.parse(line)
    },
  }
}
