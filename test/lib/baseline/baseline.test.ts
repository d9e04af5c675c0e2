import { type App, CfnOutput, Stack } from 'aws-cdk-lib'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../../lib/authorization-server.ts'
import { type Baseline, baselineOf, type StackTemplate } from './baseline.ts'
import { changesSince, describeChanges } from './changes.ts'
import { baselinesOf, deployments, readBaselines, synthesise } from './deployments.ts'

describe('an update of what is deployed', () => {
  it.each(Object.entries(deployments))('neither replaces nor deletes what has state: %s', (name, build) => {
    const before = readBaselines(name)
    const now = baselinesOf(synthesise(build))
    expect(Object.keys(now)).toEqual(Object.keys(before))
    const changes = Object.entries(before).flatMap(([stack, baseline]) =>
      changesSince(baseline, now[stack] ?? { resources: {}, outputs: {} }),
    )
    if (changes.length > 0) expect.fail(`The baseline ${name} no longer holds:\n${describeChanges(changes)}`)
  })
})

const server = (id: string) => (app: App) => {
  const stack = new Stack(app, 'Trial')
  const { issuer } = new AuthorizationServer(stack, id)
  new CfnOutput(stack, 'Issuer', { value: issuer })
}
const templateOf = (build: (app: App) => void): StackTemplate => {
  const template = synthesise(build).Trial
  if (template === undefined) throw new Error('there is no stack Trial')
  return template
}
const deployed = templateOf(server('Server'))

/** The baseline of the same deployment after an edit of its template. */
function edited(edit: (template: ReturnType<typeof copy>) => void): Baseline {
  const template = copy()
  edit(template)
  return baselineOf(template)
}
// biome-ignore lint/suspicious/noExplicitAny: a template to break at will
const copy = (): any => structuredClone(deployed)
const find = (path: string) =>
  Object.keys(deployed.Resources).find(id => deployed.Resources[id]?.Metadata?.['aws:cdk:path'] === path) ??
  ''
const clients = find('Trial/Server/Default/Clients/Resource')
const revocations = find('Trial/Server/Default/Revocations/Resource')
const ring = find('Trial/Server/SigningKeyRing/Default/Default')

const lossesOf = (now: Baseline) =>
  changesSince(baselineOf(deployed), now)
    .filter(({ isLoss }) => isLoss)
    .map(({ name, message }) => [name, message])

describe('the comparison with a baseline', () => {
  it('sees that a construct was renamed, and what into', () => {
    const changes = changesSince(baselineOf(deployed), baselineOf(templateOf(server('Renamed'))))
    const loss = changes.find(({ name }) => name === clients)
    expect(loss?.isLoss).toBe(true)
    expect(loss?.message).toMatch(
      /^Trial\/Server\/Clients \(AWS::DynamoDB::GlobalTable, logical id ServerClients\w{8}\) is gone: an update would leave it behind, unused, and what takes its place begins empty; was it renamed to Trial\/Renamed\/Clients/,
    )
    // All of them, the API whose address is the issuer too, and the output that names it.
    const lost = changes.filter(({ isLoss }) => isLoss).map(({ name }) => name)
    expect(lost.sort()).toEqual([...Object.keys(baselineOf(deployed).resources), 'Issuer'].sort())
  })

  it('sees a changed key schema', () => {
    const now = edited(({ Resources }) => {
      Resources[clients].Properties.KeySchema[0].AttributeName = 'id'
      Resources[clients].Properties.AttributeDefinitions[0].AttributeName = 'id'
    })
    expect(lossesOf(now)).toEqual([
      [
        clients,
        expect.stringContaining(
          ' would be replaced: KeySchema was [{"AttributeName":"client_id","KeyType":"HASH"}], and is [{"AttributeName":"id","KeyType":"HASH"}]',
        ),
      ],
      [clients, expect.stringContaining(' would be replaced: AttributeDefinitions was ')],
    ])
  })

  it('sees a local index that goes, a key of another type and a table that gets a name', () => {
    for (const edit of [
      { LocalSecondaryIndexes: undefined },
      { AttributeDefinitions: [{ AttributeName: 'shard', AttributeType: 'N' }] },
      { TableName: 'revocations' },
    ]) {
      const now = edited(({ Resources }) => Object.assign(Resources[revocations].Properties, edit))
      expect(lossesOf(now).map(([name]) => name)).toContain(revocations)
    }
  })

  it('sees a removed output, and one with another value', () => {
    expect(lossesOf(edited(template => delete template.Outputs.Issuer))).toEqual([
      ['Issuer', 'output Issuer is gone: commands and other stacks read it'],
    ])
    const now = edited(template => Object.assign(template.Outputs.Issuer, { Value: 'https://other.example' }))
    expect(lossesOf(now)).toEqual([
      ['Issuer', expect.stringContaining('and is {"value":"https://other.exam')],
    ])
  })

  it('sees a table that is no longer retained', () => {
    const now = edited(({ Resources }) => {
      Resources[clients].DeletionPolicy = 'Delete'
    })
    expect(lossesOf(now)).toEqual([
      [clients, expect.stringMatching(/deletionPolicy: it was Retain, and is Delete$/)],
    ])
  })

  it('sees a ring of another name, in which there are no keys', () => {
    const now = edited(({ Resources }) => {
      Resources[ring].Properties.Ring = 'another'
    })
    expect(lossesOf(now)).toEqual([
      [ring, expect.stringContaining(' would be replaced: Ring was "Trial-Server-')],
    ])
  })

  it('takes what is new for no loss, and what replaces nothing for no change', () => {
    const now = edited(({ Resources }) => {
      Resources[clients].Properties.TimeToLiveSpecification = { AttributeName: 'gone_at', Enabled: true }
      Resources[clients].Properties.AttributeDefinitions.push({ AttributeName: 'x', AttributeType: 'S' })
      Resources.More = { ...Resources[clients], Metadata: { 'aws:cdk:path': 'Trial/More/Resource' } }
    })
    expect(changesSince(baselineOf(deployed), now)).toEqual([
      {
        name: 'More',
        isLoss: false,
        message: 'Trial/More (AWS::DynamoDB::GlobalTable, logical id More) is new',
      },
    ])
  })

  it('says how to undo it, and how to accept it by name', () => {
    const losses = changesSince(
      baselineOf(deployed),
      edited(({ Resources }) => delete Resources[clients]),
    )
    expect(describeChanges(losses)).toMatch(
      /\nUndo it: .*\nIf the loss is meant, .* then run:\n {2}npm run baseline -- --accept-loss ServerClients\w{8}$/s,
    )
  })

  it('wants every type of resource to be judged once', () => {
    const withQueue = templateOf(app => {
      server('Server')(app)
      new Queue(app.node.findChild('Trial'), 'Queue')
    })
    expect(() => baselineOf(withQueue)).toThrow(
      /^Queue\w{8} is of type AWS::SQS::Queue, which is in neither list of test\/lib\/baseline\/baseline.ts: add it/,
    )
  })
})
