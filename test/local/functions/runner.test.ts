import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FunctionConfiguration } from '../../../local/functions/configuration.ts'
import { FunctionPool } from '../../../local/functions/pool.ts'
import { localCredentials } from '../../../local/local-credentials.ts'

const account = {
  accountId: '000000000000',
  region: 'eu-west-1',
  aws: {
    dynamodb: 'http://127.0.0.1:8000',
    kms: 'http://127.0.0.1:8001',
    secretsmanager: 'http://127.0.0.1:8002',
    apigateway: 'http://127.0.0.1:8003',
  },
}
const name = 'Stack-Function'
const arn = `arn:aws:lambda:eu-west-1:000000000000:function:${name}`
let folder: string
let pool: FunctionPool | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runner-'))
})

afterEach(async () => {
  await pool?.close()
  pool = undefined
  rmSync(folder, { recursive: true })
})

function start(source: string, changes: Partial<FunctionConfiguration> & { concurrency?: number } = {}) {
  const { concurrency = 4, ...configuration } = changes
  const codeFolder = join(folder, 'code')
  const moduleFile = join(codeFolder, 'index.mjs')
  mkdirSync(codeFolder)
  writeFileSync(moduleFile, source)
  pool = new FunctionPool(
    {
      name,
      arn,
      codeFolder,
      moduleFile,
      handler: 'index.handler',
      exportName: 'handler',
      runtime: 'nodejs24.x',
      timeoutSeconds: 5,
      memoryMegabytes: 256,
      variables: { TABLE: 'Clients' },
      logGroupName: '/aws/lambda/function',
      ...configuration,
    },
    account,
    { logPath: join(folder, 'function.log'), concurrency },
  )
  return pool
}

async function result(event: unknown = {}) {
  const outcome = await pool?.invoke(JSON.stringify(event))
  if (outcome === undefined || !('payload' in outcome)) throw new Error(JSON.stringify(outcome))
  return JSON.parse(outcome.payload)
}

async function failure(event: unknown = {}) {
  const outcome = await pool?.invoke(JSON.stringify(event))
  if (outcome === undefined || !('failure' in outcome)) throw new Error('the function did not fail')
  return outcome.failure
}

function logged(): Record<string, unknown>[] {
  const file = join(folder, 'function.log')
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line))
    : []
}

function isRunning(pid: number) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('an invocation', () => {
  it('hands the event over and the result back as JSON', async () => {
    start('export const handler = async event => ({ got: event, lost: undefined, date: new Date(0) })')
    expect(await result({ a: [1, 'ü'] })).toEqual({ got: { a: [1, 'ü'] }, date: '1970-01-01T00:00:00.000Z' })
  })

  it('is null for a function that returns nothing', async () => {
    start('export const handler = async () => {}')
    expect(await result()).toBeNull()
  })

  it('has the context of Lambda', async () => {
    start('export const handler = async (_, c) => ({ ...c, left: c.getRemainingTimeInMillis() })')
    const { left, awsRequestId, logStreamName, ...context } = await result()
    expect(left).toBeGreaterThan(3_000)
    expect(left).toBeLessThanOrEqual(5_000)
    expect(awsRequestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(logStreamName).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
    expect(context).toEqual({
      callbackWaitsForEmptyEventLoop: true,
      functionVersion: '$LATEST',
      functionName: name,
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/function',
      invokedFunctionArn: arn,
    })
  })

  it('has an environment of the template, Lambda and the local services, and nothing else', async () => {
    start('export const handler = async () => process.env')
    const { AWS_LAMBDA_LOG_STREAM_NAME: stream, PATH, ...environment } = await result()
    expect(stream).toMatch(/\[\$LATEST\]/)
    expect(PATH).toBe(process.env.PATH)
    expect(environment).toEqual({
      TABLE: 'Clients',
      _HANDLER: 'index.handler',
      AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
      AWS_SESSION_TOKEN: 'countersign-local-session',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:8001',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:8002',
      AWS_ENDPOINT_URL_API_GATEWAY: 'http://127.0.0.1:8003',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/function',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      LAMBDA_TASK_ROOT: join(folder, 'code'),
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
    })
  })

  it('runs in the code folder, without a channel to the parent', async () => {
    start('export const handler = async () => [process.cwd(), typeof process.send, process.argv.length]')
    expect(await result()).toEqual([join(folder, 'code'), 'undefined', 2])
  })
})

describe('a failing invocation', () => {
  it('answers a thrown error with errorType, errorMessage and trace; the process goes on', async () => {
    start(
      'let n = 0; export const handler = async () => { n += 1; if (n < 2) throw new TypeError("no"); return n }',
    )
    const { errorType, errorMessage, trace } = await failure()
    expect([errorType, errorMessage, trace?.[0]]).toEqual(['TypeError', 'no', 'TypeError: no'])
    expect(await result()).toBe(2)
  })

  it('answers a result that is no JSON with the error', async () => {
    start('export const handler = async () => { const a = {}; a.a = a; return a }')
    expect((await failure()).errorType).toBe('TypeError')
  })

  it('answers a timeout, kills the process, and runs the next invocation in a fresh one', async () => {
    start('export const handler = async e => { while (e.spin) {} return process.pid }', {
      timeoutSeconds: 0.3,
    })
    const pid = await result()
    const { errorType, errorMessage } = await failure({ spin: true })
    expect(errorType).toBe('Sandbox.Timedout')
    expect(errorMessage).toMatch(/^RequestId: [0-9a-f-]{36} Error: Task timed out after 0\.30 seconds$/)
    expect(await result()).not.toBe(pid)
    await expect.poll(() => isRunning(pid)).toBe(false)
    expect(logged()[0]).toMatchObject({ level: 'ERROR', errorType: 'Sandbox.Timedout' })
  })

  it('answers a process that exits with Runtime.ExitError, and runs the next one in a fresh process', async () => {
    start('export const handler = async e => { if (e.exit) process.exit(7); return "fresh" }')
    expect(await failure({ exit: true })).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Runtime exited with error: exit status 7',
    })
    expect(await result()).toBe('fresh')
  })

  it('answers a killed process with Runtime.ExitError', async () => {
    start(
      'export const handler = async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}) }',
    )
    expect((await failure()).errorMessage).toBe('Runtime exited with error: signal: SIGKILL')
  })

  it.each([
    ['an uncaught exception', 'setTimeout(() => { throw new RangeError("late") })', 'RangeError'],
    ['an unhandled rejection', 'Promise.reject(new Error("late"))', 'Runtime.UnhandledPromiseRejection'],
  ])('answers %s and never uses the process again', async (_, statement, errorType) => {
    start(
      `export const handler = async e => { if (e.fail) { ${statement}; await new Promise(() => {}) } return process.pid }`,
    )
    const pid = await result()
    expect(await failure({ fail: true })).toMatchObject({ errorType, errorMessage: 'late' })
    expect(await result()).not.toBe(pid)
  })

  it('answers an error at init, for each invocation anew', async () => {
    start('throw new Error("no table")')
    expect(await failure()).toMatchObject({ errorType: 'Error', errorMessage: 'no table' })
    expect(await failure()).toMatchObject({ errorMessage: 'no table' })
    expect(logged()[0]).toMatchObject({ level: 'ERROR', message: 'Init Error', errorMessage: 'no table' })
  })

  it('answers an exit at init', async () => {
    start('process.exit(3)')
    expect(await failure()).toMatchObject({ errorType: 'Runtime.ExitError' })
  })

  it('answers a handler that is not exported', async () => {
    start('export const other = 1')
    expect(await failure()).toMatchObject({
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: 'index.handler is undefined or not exported',
    })
  })

  it('refuses a handler with a callback, as the Node.js 24 runtime does', async () => {
    start('export const handler = (event, context, callback) => callback(null, 1)')
    expect((await failure()).errorType).toBe('Runtime.CallbackHandlerDeprecated')
  })
})

describe('the pool of a function', () => {
  it('runs one invocation at a time in a process, and up to its limit side by side', async () => {
    const source = `let busy = 0
      export const handler = async () => {
        busy += 1
        await new Promise(resolve => setTimeout(resolve, 200))
        return [process.pid, busy--]
      }`
    start(source, { concurrency: 2 })
    const results = await Promise.all([result(), result(), result(), result()])
    expect(results.map(([, busy]) => busy)).toEqual([1, 1, 1, 1])
    expect(new Set(results.map(([pid]) => pid)).size).toBe(2)
    expect(pool?.processIds()).toHaveLength(2)
  })

  it('uses a warm process again', async () => {
    start('let n = 0; export const handler = async () => ++n')
    expect([await result(), await result(), await result()]).toEqual([1, 2, 3])
  })

  it('never has more processes than ReservedConcurrentExecutions', async () => {
    start('export const handler = async () => process.pid', { reservedConcurrency: 1 })
    expect(new Set(await Promise.all([result(), result(), result()])).size).toBe(1)
  })

  it('starts one ahead of the first invocation', async () => {
    start('export const handler = async () => process.pid')
    expect(await pool?.warm()).toBeUndefined()
    expect(pool?.processIds()).toEqual([await result()])
  })

  it('says why it could not start one ahead', async () => {
    start('throw new Error("no")')
    expect(await pool?.warm()).toMatchObject({ errorMessage: 'no' })
  })

  it('leaves no process behind when it closes, a busy one included', async () => {
    start('export const handler = async e => { if (e.spin) while (true) {} return process.pid }')
    const pid = await result()
    const spinning = pool?.invoke('{"spin":true}')
    await pool?.close()
    expect(isRunning(pid)).toBe(false)
    expect(await spinning).toMatchObject({ failure: { errorType: 'Runtime.ExitError' } })
    expect(pool?.processIds()).toEqual([])
  })

  it('leaves no process behind when the parent is killed', async () => {
    const code = join(folder, 'index.mjs')
    writeFileSync(code, 'export const handler = async () => {}')
    const bootstrap = fileURLToPath(new URL('../../../local/functions/bootstrap.mjs', import.meta.url))
    const parent = `import { fork } from 'node:child_process'
      const child = fork(${JSON.stringify(bootstrap)}, [${JSON.stringify(code)}, 'handler', 'arn'], { execArgv: [] })
      child.on('message', () => console.log(child.pid))`
    const killed = spawn(process.execPath, ['--input-type=module', '-e', parent])
    const [output] = await once(killed.stdout, 'data')
    const pid = Number(String(output))
    expect(isRunning(pid)).toBe(true)
    killed.kill('SIGKILL')
    await expect.poll(() => isRunning(pid), { timeout: 5_000 }).toBe(false)
  })
})

describe('what a function prints', () => {
  it('is wrapped as the JSON log format of Lambda does', async () => {
    start(`export const handler = async (_, context) => {
      console.log('a %s', 'b', { c: 1 })
      console.warn({ d: 2 })
      console.error('failed', new RangeError('bad'))
      process.stdout.write('{"own":"line"}\\n')
      process.stdout.write('plain\\n')
      return context.awsRequestId
    }`)
    const requestId = await result()
    await expect.poll(() => logged().length).toBe(5)
    const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    const [log, warn, error, own, plain] = logged()
    expect(log).toEqual({ timestamp, level: 'INFO', requestId, message: 'a b { c: 1 }' })
    expect(warn).toEqual({ timestamp, level: 'WARN', requestId, message: { d: 2 } })
    expect(error).toMatchObject({
      level: 'ERROR',
      requestId,
      message: 'failed bad',
      errorType: 'RangeError',
      errorMessage: 'bad',
      stackTrace: expect.arrayContaining([expect.stringContaining('index.mjs')]),
    })
    expect(own).toEqual({ own: 'line' })
    expect(plain).toMatchObject({ timestamp, level: 'INFO', message: 'plain' })
  })

  it('stays one line for an error with a stack that fails the invocation, and has no event in it', async () => {
    start('export const handler = async () => { throw new Error("two\\nlines") }')
    await failure({ password: 'hunter2' })
    await expect.poll(() => logged().length).toBe(1)
    expect(logged()[0]).toMatchObject({ message: 'Invoke Error', errorMessage: 'two\nlines' })
    expect(JSON.stringify(logged())).not.toContain('hunter2')
  })

  it('stays JSON when the process crashes', async () => {
    start('export const handler = async () => { process.stderr.write("FATAL\\n at x\\n"); process.abort() }')
    expect((await failure()).errorType).toBe('Runtime.ExitError')
    await pool?.close()
    const messages = logged().map(({ message }) => String(message))
    expect(messages.some(message => message.startsWith('FATAL\n at x'))).toBe(true)
  })

  it('takes what has no JSON form', async () => {
    start(`export const handler = async () => {
      const circular = {}
      circular.self = circular
      console.log(circular)
      console.log({ big: 1n })
      console.log(undefined, Symbol('s'))
    }`)
    await result()
    await expect.poll(() => logged().length).toBe(3)
    expect(logged()[1]?.message).toEqual({ big: '1' })
  })

  it('is filtered by ApplicationLogLevel', async () => {
    start('export const handler = async () => { console.info("quiet"); console.error("loud") }', {
      applicationLogLevel: 'WARN',
    })
    await result()
    await expect.poll(() => logged().map(({ message }) => message)).toEqual(['loud'])
  })
})
