// The tests that need more than Node and npm; where that cannot be had, they say that they did not run, and why.
// `npm run test:deploy`: deploys the app as it is, with the CDK command line of package.json, to MiniStack on this
// machine, and runs the flow tests against it, then again after an update. Nothing of it can reach an AWS account.
// `npm run test:runtime`: one event for every bundled function, under Lambda's own runtime client and Node.js.
// `npm run test:node24 [-- filter]`: what `npm test` runs, on the Node.js of Lambda.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { lambdaRuntimeClient, miniStack, nodeOfLambda, withNode } from './optional-tools.mjs'
import { ensureDependencies } from './setup.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What each runs: arguments of scripts/test.mjs, its environment, and the Node.js that it runs on. */
const runs = {
  async deploy() {
    const env = { MINISTACK_PYTHON: await miniStack(), LAMBDA_NODE: await nodeOfLambda() }
    return { args: ['--config', 'vitest.deploy.config.ts'], env }
  },
  async runtime() {
    const { node, program } = await lambdaRuntimeClient()
    const env = { LAMBDA_NODE: node, LAMBDA_RUNTIME_CLIENT: program }
    return { args: ['--config', 'vitest.runtime.config.ts'], env }
  },
  async node24() {
    const node = await nodeOfLambda()
    return { args: [], env: withNode(node), node }
  },
}

const [name, ...filters] = process.argv.slice(2)
ensureDependencies()
try {
  const { args, env, node = process.execPath } = await runs[name]()
  const child = spawn(node, ['scripts/test.mjs', ...args, ...filters], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  // Ctrl-C reaches the tests as well, which end what they have started.
  process.on('SIGINT', () => {})
  child.on('exit', code => {
    process.exitCode = code ?? 1
  })
} catch (error) {
  console.log(`test:${name} did not run: ${error.message}\n0 passed, 0 failed`)
}
