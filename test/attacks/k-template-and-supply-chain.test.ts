import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from '../lib/synthesis.ts'
import { findSecrets } from '../support/canary.ts'

const envelope = { authorizationServer: { signingKeyCustody: 'envelope' } } as const
const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign', envelope))
const template = synthesis.template.toJSON()
const roles = [...synthesis.ofType('AWS::IAM::Role')]
const allowedTo = (action: string) =>
  roles.filter(([, role]) => JSON.stringify(role).includes(`"${action}"`)).map(([path]) => path)

describe('the template', () => {
  it('K8: has no secret in it, nor in outputs, parameters and environments', () => {
    const text = JSON.stringify(template)
    expect(findSecrets(text)).toEqual([])
    expect(text).not.toMatch(/GenerateSecretString|resolve:secretsmanager|resolve:ssm-secure|NoEcho/)
    expect(text).not.toMatch(/-----BEGIN|AKIA[0-9A-Z]{16}/)
    const names = [...synthesis.ofType('AWS::Lambda::Function').values()].flatMap(({ Properties }) =>
      Object.keys((Properties.Environment as { Variables: object } | undefined)?.Variables ?? {}),
    )
    for (const name of names) expect(name).not.toMatch(/SECRET|PASSWORD|TOKEN$|CREDENTIAL/)
  })

  it('K9: traces nothing, and keeps logs for a time that somebody chose', () => {
    expect(JSON.stringify(template)).not.toMatch(/TracingConfig|xray/i)
    const groups = [...synthesis.ofType('AWS::Logs::LogGroup').values()]
    for (const { Properties } of groups) expect(Properties.RetentionInDays).toBeGreaterThan(0)
    expect(groups.length).toBeGreaterThan(5)
  })

  it('K10: lets one function sign and unwrap, one make and end keys, and nobody disable them', () => {
    expect(allowedTo('kms:Sign')).toEqual(['AuthorizationServer/TokenRole'])
    expect(allowedTo('kms:Decrypt')).toEqual(['AuthorizationServer/TokenRole'])
    for (const action of [
      'kms:CreateKey',
      'kms:GenerateDataKeyPairWithoutPlaintext',
      'kms:ScheduleKeyDeletion',
    ])
      expect(allowedTo(action)).toEqual(['AuthorizationServer/KeeperRole'])
    expect(roles.filter(([, role]) => JSON.stringify(role).includes('kms:'))).toHaveLength(2)
    for (const action of ['kms:DisableKey', 'kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:*'])
      expect(allowedTo(action)).toEqual([])
  })

  it('K10: ends a key that signs only, with the longest wait there is', () => {
    const statements = synthesis.statements('AuthorizationServer/Keeper') as {
      Sid: string
      Condition: unknown
    }[]
    expect(statements.find(({ Sid }) => Sid === 'EndKeysOfRing')?.Condition).toMatchObject({
      StringEquals: { 'kms:KeyUsage': 'SIGN_VERIFY' },
      NumericEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': 30 },
    })
    const [wrappingKey] = synthesis.ofType('AWS::KMS::Key').values()
    expect(wrappingKey).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true },
    })
  })

  it('K11: lets no authorizer write, the token function write no client, and nobody delete one', () => {
    const writes = /dynamodb:(Put|Update|Delete|BatchWrite)/
    for (const [path, role] of roles)
      if (path.includes('Authorizer')) expect(JSON.stringify(role)).not.toMatch(writes)
    const clients = JSON.stringify(synthesis.arn('AuthorizationServer/Clients'))
    for (const [path, role] of roles) {
      const { Policies = [] } = role.Properties as {
        Policies?: { PolicyDocument: { Statement: object[] } }[]
      }
      const onClients = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .map(statement => JSON.stringify(statement))
        .filter(text => text.includes(clients))
      if (path !== 'AuthorizationServer/AdminRole') expect(onClients.join('')).not.toMatch(writes)
      expect(onClients.join('')).not.toContain('dynamodb:DeleteItem')
    }
  })

  it('K12: protects what must not be lost: tables stay, cannot be deleted, and can be restored', () => {
    const tables = [...synthesis.ofType('AWS::DynamoDB::GlobalTable')].filter(
      ([path]) => !path.endsWith('SingleUse'),
    )
    expect(tables).toHaveLength(4)
    for (const [, table] of tables) {
      expect([table.DeletionPolicy, table.UpdateReplacePolicy]).toEqual(['Retain', 'Retain'])
      expect(JSON.stringify(table.Properties)).toContain('"DeletionProtectionEnabled":true')
      expect(JSON.stringify(table.Properties)).toContain('"PointInTimeRecoveryEnabled":true')
    }
  })
})

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly inBundle?: boolean
  readonly hasInstallScript?: boolean
}

const root = new URL('../../', import.meta.url)
const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as {
  packages: Record<string, LockedPackage>
}
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Record<
  string,
  Record<string, string>
>

describe('the packages that this is built of', () => {
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')

  it('K13: are locked by what is in them, and come from no address of somebody’s own', () => {
    for (const [path, { integrity, resolved, link, inBundle }] of packages) {
      // What a package brings along is in its own digest.
      if (!inBundle) expect([path, integrity?.startsWith('sha512-')]).toEqual([path, true])
      expect([path, resolved, link]).toEqual([path, undefined, undefined])
    }
  })

  it('K13: are of one version each', () => {
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/)])
  })

  it('K13: are installed without running anything of theirs, and one alone would', () => {
    const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)
    // It checks its binary, which is an optional package of its own, and fetches nothing where that is there.
    expect(scripts).toEqual(['node_modules/esbuild'])
    for (const file of ['.ci/run', 'scripts/setup.mjs'])
      expect(readFileSync(new URL(file, root), 'utf8')).toContain('--ignore-scripts')
  })
})
