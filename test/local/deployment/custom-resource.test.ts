import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StackResource } from '../../../local/cloud-assembly.ts'
import { CustomResources } from '../../../local/deployment/custom-resource.ts'

let dataDir: string
let said: string[]
let events: Record<string, unknown>[]

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'custom-resources-'))
  said = []
  events = []
})
afterEach(() => rmSync(dataDir, { recursive: true }))

const resources = () =>
  new CustomResources(
    dataDir,
    'embedded',
    { accountId: '000000000000', region: 'us-east-1', stackName: 'Test' },
    0,
  )

function resource(logicalId: string, deletionPolicy?: string): StackResource {
  return { logicalId, type: 'Custom::Thing', properties: {}, path: logicalId, dependsOn: [], deletionPolicy }
}

/** A function that notes its event and answers with a status. */
const answering = (Status: string) => async (text: string) => {
  const event = JSON.parse(text)
  events.push(event)
  const body = JSON.stringify({ Status, Reason: 'no', PhysicalResourceId: 'thing-1' })
  await fetch(event.ResponseURL, { method: 'PUT', body })
  return { payload: 'null' }
}
const ServiceToken = 'arn:thing'
const deploy = (logicalId: string, deletionPolicy?: string) =>
  resources().deploy(resource(logicalId, deletionPolicy), { ServiceToken, a: 1 }, answering('SUCCESS'))
const deleteAbsent = (
  present: string[],
  invoke: ReturnType<typeof answering> | undefined = answering('SUCCESS'),
) =>
  resources().deleteAbsent(new Set(present), {
    invokerOf: () => invoke,
    onProgress: message => said.push(message),
  })

describe('a custom resource that a template no longer has', () => {
  it('is deleted, once, with the properties that it had', async () => {
    await deploy('Kept', 'Delete')
    await deploy('Gone', 'Delete')
    events = []
    await deleteAbsent(['Kept'])
    await deleteAbsent(['Kept'])
    expect([events, said]).toMatchObject([
      [
        {
          RequestType: 'Delete',
          LogicalResourceId: 'Gone',
          PhysicalResourceId: 'thing-1',
          ResourceType: 'Custom::Thing',
          ServiceToken,
          ResourceProperties: { ServiceToken, a: '1' },
        },
      ],
      [],
    ])
    const state = JSON.parse(readFileSync(join(dataDir, 'custom-resources.json'), 'utf8'))
    expect(Object.keys(state)).toEqual(['Test/Kept'])
  })

  it.each(['Retain', undefined])('stays with the deletion policy %s', async policy => {
    await deploy('Gone', policy)
    events = []
    await deleteAbsent([])
    expect([events, said]).toEqual([[], []])
  })

  it('is tried again at the next start when its function fails, and that is said', async () => {
    await deploy('Gone', 'Delete')
    await deleteAbsent([], answering('FAILED'))
    expect(said).toEqual(['warning: not deleted: Custom::Thing Gone: no'])
    await deleteAbsent([])
    expect(events.map(({ RequestType }) => RequestType)).toEqual(['Create', 'Delete', 'Delete'])
  })

  it('stays when the template has its function no longer either, and that is said', async () => {
    await deploy('Gone', 'Delete')
    await resources().deleteAbsent(new Set(), { invokerOf: () => undefined, onProgress: m => said.push(m) })
    expect(said).toEqual(['warning: not deleted: Custom::Thing Gone: its function is no longer there either'])
  })
})
