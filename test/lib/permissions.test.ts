import { describe, expect, it } from 'vitest'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { arn, newApp, Synthesis } from './synthesis.ts'

const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign'))
const clients = synthesis.arn('AuthorizationServer/Clients')
const revocations = synthesis.arn('AuthorizationServer/Revocations')
const signingKeys = synthesis.arn('AuthorizationServer/SigningKeys')
const resourceServers = synthesis.arn('AuthorizationServer/ResourceServers')
const singleUse = synthesis.arn('AuthorizationServer/SingleUse')
const anyKey = arn('kms', 'key/*')
const ring = synthesis.environment('AuthorizationServer/Token').SIGNING_KEY_RING

const allow = (Sid: string, Action: string | string[], Resource: unknown, Condition?: unknown) => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
})
const writeLogs = (functionPath: string) =>
  allow('WriteLogs', ['logs:CreateLogStream', 'logs:PutLogEvents'], synthesis.arn(`${functionPath}Logs`))
const readSigningKeys = allow('ReadSigningKeys', 'dynamodb:Query', signingKeys)
const readClients = allow('ReadClients', ['dynamodb:BatchGetItem', 'dynamodb:GetItem'], clients)
const useOnce = allow(
  'UseOnce',
  ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
  singleUse,
)

const wrappedForRing = {
  StringEquals: {
    'aws:ResourceTag/countersign:ring': ring,
    'kms:EncryptionContext:countersign:ring': ring,
  },
}

describe('permissions', () => {
  it('lets the token function read clients and keys, sign with its ring, and write to the single-use table alone', () => {
    expect(synthesis.statements('AuthorizationServer/Token')).toEqual([
      readClients,
      allow('ReadResourceServers', 'dynamodb:GetItem', resourceServers),
      readSigningKeys,
      useOnce,
      allow('SignWithRing', 'kms:Sign', anyKey, {
        StringEquals: {
          'aws:ResourceTag/countersign:ring': ring,
          'kms:SigningAlgorithm': [
            'ECDSA_SHA_256',
            'RSASSA_PKCS1_V1_5_SHA_256',
            'RSASSA_PSS_SHA_256',
            'ED25519_SHA_512',
          ],
        },
      }),
      allow('UnwrapWithRing', 'kms:Decrypt', anyKey, wrappedForRing),
      writeLogs('AuthorizationServer/Token'),
    ])
  })

  it('lets the revocation function write revocations and uses, and no client', () => {
    expect(synthesis.statements('AuthorizationServer/Revoke')).toEqual([
      readClients,
      readSigningKeys,
      allow('Revoke', ['dynamodb:GetItem', 'dynamodb:UpdateItem'], revocations),
      useOnce,
      writeLogs('AuthorizationServer/Revoke'),
    ])
  })

  it('lets the introspection function read clients, keys and revocations, and write uses alone', () => {
    expect(synthesis.statements('AuthorizationServer/Introspect')).toEqual([
      readClients,
      readSigningKeys,
      allow('ReadRevocations', 'dynamodb:BatchGetItem', revocations),
      useOnce,
      writeLogs('AuthorizationServer/Introspect'),
    ])
  })

  it('lets the registrar look through clients without digests, and register resource servers', () => {
    const statements = (path: string) => synthesis.statements(path) as object[]
    const [read, neverDigests, neverWhole, ...others] = statements('AuthorizationServer/Registrar')
    const admin = statements('AuthorizationServer/Admin')
    expect([read, neverDigests, neverWhole]).toEqual(admin.slice(0, 3))
    expect(others).toEqual([
      allow(
        'RegisterResourceServers',
        ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Scan'],
        resourceServers,
      ),
      writeLogs('AuthorizationServer/Registrar'),
    ])
  })

  it('lets the metadata function read public keys', () => {
    expect(synthesis.statements('AuthorizationServer/Metadata')).toEqual([
      readSigningKeys,
      writeLogs('AuthorizationServer/Metadata'),
    ])
  })

  it('lets administration write the digests of secrets and never read them', () => {
    const reads = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan']
    expect(synthesis.statements('AuthorizationServer/Admin')).toEqual([
      allow('ReadClientsWithoutDigests', ['dynamodb:GetItem', 'dynamodb:Scan'], clients, {
        'ForAllValues:StringEquals': {
          'dynamodb:Attributes': [
            'client_id',
            'client_name',
            'token_endpoint_auth_method',
            'token_endpoint_auth_signing_alg',
            'jwks',
            'jwks_uri',
            'resource_server',
            'grants',
            'access_token_lifetime',
            'status',
            'version',
            'write_id',
            'created_at',
            'updated_at',
            'tokens_revoked_up_to',
            'secrets',
            'declaration',
          ],
        },
        Null: { 'dynamodb:Attributes': 'false' },
        StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      }),
      {
        Sid: 'NeverReadDigests',
        Effect: 'Deny',
        Action: reads,
        Resource: clients,
        Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:Attributes': 'secret_digests' } },
      },
      {
        Sid: 'NeverReadWholeClients',
        Effect: 'Deny',
        Action: reads,
        Resource: clients,
        Condition: { StringEquals: { 'dynamodb:Select': ['ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES'] } },
      },
      allow('WriteClients', ['dynamodb:PutItem', 'dynamodb:UpdateItem'], clients, {
        StringEqualsIfExists: { 'dynamodb:ReturnValues': 'NONE' },
      }),
      allow('Revoke', 'dynamodb:UpdateItem', revocations),
      readSigningKeys,
      allow(
        'AdministerResourceServers',
        [
          'dynamodb:BatchGetItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Scan',
        ],
        resourceServers,
      ),
      allow('ReadAndForgetUse', ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem'], singleUse),
      writeLogs('AuthorizationServer/Admin'),
    ])
  })

  it('lets the keeper make, tag, describe, wrap and end the keys of its ring, and sign with none', () => {
    expect(synthesis.statements('AuthorizationServer/Keeper')).toEqual([
      allow(
        'KeepSigningKeys',
        ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
        signingKeys,
      ),
      allow('Revoke', 'dynamodb:UpdateItem', revocations),
      allow('CreateKeyForRing', 'kms:CreateKey', '*', {
        StringEquals: {
          'aws:RequestTag/countersign:ring': ring,
          'kms:KeySpec': ['ECC_NIST_P256', 'RSA_2048', 'ECC_NIST_EDWARDS25519'],
          'kms:KeyUsage': 'SIGN_VERIFY',
        },
      }),
      allow('TagKeyForRing', 'kms:TagResource', anyKey, {
        StringEquals: { 'aws:RequestTag/countersign:ring': ring },
      }),
      allow('DescribeKeysOfRing', ['kms:DescribeKey', 'kms:GetPublicKey'], anyKey, {
        StringEquals: { 'aws:ResourceTag/countersign:ring': ring },
      }),
      allow('WrapNewKeys', 'kms:GenerateDataKeyPairWithoutPlaintext', anyKey, wrappedForRing),
      allow('EndKeysOfRing', 'kms:ScheduleKeyDeletion', anyKey, {
        StringEquals: { 'aws:ResourceTag/countersign:ring': ring, 'kms:KeyUsage': 'SIGN_VERIFY' },
        NumericEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': 30 },
      }),
      writeLogs('AuthorizationServer/Keeper'),
    ])
  })

  it.each(['Orders', 'Payments'])(
    'lets the authorizer of %s read revocations and keys, and nothing else',
    name => {
      const authorizer = `${name}/Api/CountersignAuthorizer/Function`
      expect(synthesis.statements(authorizer)).toEqual([
        allow('ReadRevocations', ['dynamodb:BatchGetItem', 'dynamodb:Query'], revocations),
        allow('ReadRevocationsByTime', 'dynamodb:Query', {
          'Fn::Join': ['', [revocations, '/index/by_revoked_at']],
        }),
        readSigningKeys,
        writeLogs(authorizer),
      ])
    },
  )

  it.each(['Orders', 'Payments'])('lets the handler of %s write its log', name => {
    expect(synthesis.statements(`${name}/Handler`)).toEqual([writeLogs(`${name}/Handler`)])
  })

  it('has no other role, no managed or separate policy, and roles that only Lambda can take', () => {
    const roles = synthesis.ofType('AWS::IAM::Role')
    expect([...roles.keys()].sort()).toEqual([
      'AuthorizationServer/AdminRole',
      'AuthorizationServer/IntrospectRole',
      'AuthorizationServer/KeeperRole',
      'AuthorizationServer/MetadataRole',
      'AuthorizationServer/RegistrarRole',
      'AuthorizationServer/RevokeRole',
      'AuthorizationServer/TokenRole',
      'Orders/Api/CountersignAuthorizer/FunctionRole',
      'Orders/Api/CountersignResourceMetadataRole',
      'Orders/HandlerRole',
      'Payments/Api/CountersignAuthorizer/FunctionRole',
      'Payments/Api/CountersignResourceMetadataRole',
      'Payments/HandlerRole',
    ])
    for (const { Properties } of roles.values()) {
      expect(Properties.AssumeRolePolicyDocument).toEqual({
        Version: '2012-10-17',
        Statement: [
          { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } },
        ],
      })
    }
    synthesis.template.resourceCountIs('AWS::IAM::Policy', 0)
    synthesis.template.resourceCountIs('AWS::IAM::ManagedPolicy', 0)
  })

  it('gives each function its own role', () => {
    for (const [path, { Properties }] of synthesis.ofType('AWS::Lambda::Function')) {
      expect(Properties.Role).toEqual(synthesis.arn(`${path}Role`))
    }
  })

  it('gives the deletion of a key to the keeper alone, and every wildcard of actions to nobody', () => {
    const policies = JSON.stringify([...synthesis.ofType('AWS::IAM::Role').values()])
    const ending = [...synthesis.ofType('AWS::IAM::Role')].filter(([, role]) =>
      JSON.stringify(role).includes('kms:ScheduleKeyDeletion"'),
    )
    expect(ending.map(([path]) => path)).toEqual(['AuthorizationServer/KeeperRole'])
    expect(policies).not.toContain('DisableKey')
    expect(policies).not.toMatch(/"[a-z0-9-]+:[A-Za-z]*\*"/)
    expect(policies).not.toContain('"Action":"*"')
  })

  it('lets only the token function sign', () => {
    const signers = [...synthesis.ofType('AWS::IAM::Role')].filter(([, role]) =>
      JSON.stringify(role).includes('kms:Sign"'),
    )
    expect(signers.map(([path]) => path)).toEqual(['AuthorizationServer/TokenRole'])
  })
})
