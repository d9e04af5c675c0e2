import { RemovalPolicy, Stack } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from './synthesis.ts'

const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign', { examples: false }))
const table = (name: string) => synthesis.at(`AuthorizationServer/${name}`)
const kept = ['Clients', 'Revocations', 'SigningKeys']

describe('tables', () => {
  // A changed logical id is an empty table: clients gone, revoked tokens accepted again.
  it.each([
    ['Clients', 'AuthorizationServerClients1356FB55'],
    ['Revocations', 'AuthorizationServerRevocationsFDE67F7B'],
    ['SigningKeys', 'AuthorizationServerSigningKeys1509C39E'],
    ['SingleUse', 'AuthorizationServerSingleUse9873ED7D'],
  ])('keeps the logical id of %s', (name, logicalId) => {
    expect(table(name).logicalId).toBe(logicalId)
  })

  it('are five', () => {
    expect([...synthesis.ofType('AWS::DynamoDB::GlobalTable').keys()].sort()).toEqual(
      ['Clients', 'ResourceServers', 'Revocations', 'SigningKeys', 'SingleUse'].map(
        name => `AuthorizationServer/${name}`,
      ),
    )
    synthesis.template.resourceCountIs('AWS::DynamoDB::Table', 0)
  })

  it.each([...kept, 'SingleUse'])(
    'encrypts %s under the KMS key of DynamoDB, on demand, in the Region of the stack',
    name => {
      expect(table(name).Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
        Replicas: [{ Region: { Ref: 'AWS::Region' } }],
      })
    },
  )

  it.each(kept)('retains %s, protects it from deletion and recovers it to a point in time', name => {
    expect(table(name)).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        Replicas: [
          {
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
            Region: { Ref: 'AWS::Region' },
          },
        ],
      },
    })
  })

  it('keeps clients and signing keys for ever', () => {
    expect(table('Clients').Properties.TimeToLiveSpecification).toBeUndefined()
    expect(table('SigningKeys').Properties.TimeToLiveSpecification).toBeUndefined()
  })

  it.each(['Revocations', 'SingleUse'])('lets rows of %s expire at expires_at', name => {
    expect(table(name).Properties.TimeToLiveSpecification).toEqual({
      AttributeName: 'expires_at',
      Enabled: true,
    })
  })

  it.each([
    ['Clients', [{ AttributeName: 'client_id', KeyType: 'HASH' }]],
    [
      'Revocations',
      [
        { AttributeName: 'shard', KeyType: 'HASH' },
        { AttributeName: 'subject', KeyType: 'RANGE' },
      ],
    ],
    [
      'SigningKeys',
      [
        { AttributeName: 'ring', KeyType: 'HASH' },
        { AttributeName: 'kid', KeyType: 'RANGE' },
      ],
    ],
    ['SingleUse', [{ AttributeName: 'id', KeyType: 'HASH' }]],
  ])('keys %s', (name, keySchema) => {
    expect(table(name).Properties.KeySchema).toEqual(keySchema)
  })

  it('reads revocations by time from a local index, which alone can be read consistently', () => {
    expect(table('Revocations').Properties).toMatchObject({
      AttributeDefinitions: [
        { AttributeName: 'shard', AttributeType: 'S' },
        { AttributeName: 'subject', AttributeType: 'S' },
        { AttributeName: 'revoked_at', AttributeType: 'N' },
      ],
      LocalSecondaryIndexes: [
        {
          IndexName: 'by_revoked_at',
          KeySchema: [
            { AttributeName: 'shard', KeyType: 'HASH' },
            { AttributeName: 'revoked_at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    })
    expect(table('Revocations').Properties.GlobalSecondaryIndexes).toBeUndefined()
  })

  it('lets single use go with the stack', () => {
    expect(table('SingleUse').DeletionPolicy).toBe('Delete')
  })

  it('go with the stack where the owner says so', () => {
    const stack = new Stack(newApp(), 'Trial')
    new AuthorizationServer(stack, 'Server', {
      removalPolicy: RemovalPolicy.DESTROY,
      deletionProtection: false,
    })
    const trial = new Synthesis(stack)
    for (const name of kept) {
      const { DeletionPolicy, Properties } = trial.at(`Server/${name}`)
      expect(DeletionPolicy).toBe('Delete')
      expect(Properties.Replicas).toEqual([
        {
          DeletionProtectionEnabled: false,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          Region: { Ref: 'AWS::Region' },
        },
      ])
    }
  })
})
