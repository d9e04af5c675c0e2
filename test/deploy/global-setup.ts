import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { deploy, runCdk } from './deployment.ts'
import { type MiniStack, startMiniStack } from './ministack.ts'
import { describeLeftOut, notOnMiniStack } from './not-on-ministack.ts'

/** Deploys the app as it is, for every test of this run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { MINISTACK_PYTHON: python, LAMBDA_NODE: node } = process.env
  if (!python || !node) throw new Error('these tests are run by `npm run test:deploy`')
  const folder = await mkdtemp(join(tmpdir(), 'countersign-deploy-'))
  let miniStack: MiniStack | undefined
  const end = async (hasFailed: boolean) => {
    await miniStack?.close()
    await removeAll(folder, hasFailed ? ['ministack.log'] : [])
    if (hasFailed) console.error(`MiniStack's log: ${join(folder, 'ministack.log')}`)
  }
  try {
    miniStack = await startMiniStack({ python, node, folder })
    const { awsEndpoint } = miniStack
    await runCdk({ awsEndpoint, folder }, ['bootstrap'])
    project.provide('deployment', { awsEndpoint, folder, outputs: await deploy({ awsEndpoint, folder }) })
  } catch (error) {
    await end(true)
    throw error
  }
  console.log(['Left out on MiniStack:', ...notOnMiniStack.map(describeLeftOut)].join('\n  - '))
  return () => end(project.vitest.state.getCountOfFailedTests() > 0 || process.exitCode === 1)
}

async function removeAll(folder: string, kept: readonly string[]): Promise<void> {
  const names = kept.length === 0 ? [''] : (await readdir(folder)).filter(name => !kept.includes(name))
  await Promise.all(names.map(name => rm(join(folder, name), { recursive: true, force: true })))
}
