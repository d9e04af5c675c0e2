// Runs one Lambda function in this process: loads its handler, takes invocations from the parent over the
// IPC channel, one at a time, and answers each. Plain JavaScript, so that it starts as fast as Node does.
//
// From the parent: { requestId, event (JSON text), deadline (epoch milliseconds) }
// To the parent: { ready: true } once, then { requestId, payload (JSON text) } | { requestId, failure } for each;
// { fatal: failure } at any time, when the process is about to end.
import { pathToFileURL } from 'node:url'
import { formatWithOptions, types } from 'node:util'

const [moduleFile, exportName, functionArn] = process.argv.slice(2)
const send = process.send.bind(process)
let requestId

// The function must see a process as Lambda gives it one: no channel to a parent.
process.send = undefined
process.argv.length = 2

// A parent that ended, however it ended, closes the channel: nothing is left behind.
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole process group; the parent finishes what is under way and then disconnects.
process.on('SIGINT', () => {})

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const leastLevel = levels.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? 'TRACE').toUpperCase())

/** One line, as Lambda's JSON log format writes it. */
function writeLine(level, members) {
  if (levels.indexOf(level) < leastLevel) return
  const document = { timestamp: new Date().toISOString(), level, requestId, ...members }
  process.stdout.write(`${toJson(document)}\n`)
}

function toJson(document) {
  try {
    return JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? value.toString() : value))
  } catch {
    return JSON.stringify({ ...document, message: formatWithOptions({}, '%o', document.message) })
  }
}

function describeArguments(values) {
  const [first] = values
  if (values.length === 1 && typeof first === 'object' && first !== null && !types.isNativeError(first))
    return { message: first }
  const error = values.find(value => types.isNativeError(value))
  const message = formatWithOptions(
    {},
    ...values.map(value => (value === error && error ? error.message : value)),
  )
  if (error === undefined) return { message }
  const { errorType, errorMessage, trace } = describeError(error)
  return { message, errorType, errorMessage, stackTrace: trace.slice(1) }
}

/** An error as Lambda reports it to the one who invoked. */
function describeError(error) {
  if (types.isNativeError(error))
    return {
      errorType: error.name || 'Error',
      errorMessage: error.message,
      trace: (error.stack ?? '').split('\n'),
    }
  return { errorType: typeof error, errorMessage: String(error), trace: [] }
}

for (const [method, level] of Object.entries({
  trace: 'TRACE',
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  fatal: 'FATAL',
}))
  console[method] = (...values) => writeLine(level, describeArguments(values))

function logFailure(message, { errorType, errorMessage, trace }) {
  writeLine('ERROR', { message, errorType, errorMessage, stackTrace: trace.slice(1) })
}

/** The process is not to be used again: tell the parent, then end. */
function die(message, failure, exitCode) {
  logFailure(message, failure)
  send({ fatal: failure }, () => process.exit(exitCode))
}

process.on('uncaughtException', error => die('Uncaught Exception', describeError(error), 129))
process.on('unhandledRejection', reason => {
  const failure = { ...describeError(reason), errorType: 'Runtime.UnhandledPromiseRejection' }
  die('Unhandled Rejection', failure, 128)
})

async function loadHandler() {
  const module = await import(pathToFileURL(moduleFile).href)
  const handler = module[exportName] ?? module.default?.[exportName]
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    })
  // Since Node.js 24, Lambda takes no callback-style handler.
  if (handler.length > 2)
    throw Object.assign(new Error('a handler with a callback is not supported: make it async'), {
      name: 'Runtime.CallbackHandlerDeprecated',
    })
  return handler
}

function contextOf(invocation) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: functionArn,
    awsRequestId: invocation.requestId,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - Date.now()),
  }
}

async function answer(handler, invocation) {
  requestId = invocation.requestId
  let reply
  try {
    const result = await handler(JSON.parse(invocation.event), contextOf(invocation))
    reply = { requestId, payload: JSON.stringify(result) ?? 'null' }
  } catch (error) {
    const failure = describeError(error)
    logFailure('Invoke Error', failure)
    reply = { requestId, failure }
  }
  // What is printed between two invocations belongs to neither, but the process is no longer starting.
  send(reply)
}

try {
  const handler = await loadHandler()
  process.on('message', invocation => void answer(handler, invocation))
  send({ ready: true })
} catch (error) {
  die('Init Error', describeError(error), 1)
}
