import { describe, expect, it, vi } from 'vitest'
import type { FunctionConfiguration } from '../../../local/functions/configuration.ts'
import { functionEnvironment, type LocalAccount } from '../../../local/functions/environment.ts'

const account: LocalAccount = {
  accountId: '000000000000',
  region: 'eu-west-1',
  aws: {
    dynamodb: 'http://127.0.0.1:8000',
    kms: 'http://127.0.0.1:8001',
    secretsmanager: 'http://127.0.0.1:8002',
    apigateway: 'http://127.0.0.1:8003',
  },
}
const jwksUriAllow = 'http://127.0.0.1:5000'

function variableOf(SERVICE: string | undefined, changes: Partial<LocalAccount>): string | undefined {
  const configuration: FunctionConfiguration = {
    name: 'Function',
    arn: 'arn:aws:lambda:eu-west-1:000000000000:function:Function',
    codeFolder: '/code',
    moduleFile: '/code/index.mjs',
    handler: 'index.handler',
    exportName: 'handler',
    runtime: 'nodejs24.x',
    timeoutSeconds: 5,
    memoryMegabytes: 256,
    variables: SERVICE === undefined ? {} : { SERVICE },
    logGroupName: '/aws/lambda/function',
  }
  return functionEnvironment(configuration, { ...account, ...changes }, 'stream').COUNTERSIGN_JWKS_URI_ALLOW
}

describe('the origin that a jwks_uri may have in the local run', () => {
  it.each(['token', 'revoke', 'introspect', 'admin'])('is in the environment of %s', service => {
    expect(variableOf(service, { jwksUriAllow })).toBe(jwksUriAllow)
  })

  it.each(['metadata', 'authorizer', 'keeper', 'example', undefined])('is not in that of %s', service => {
    expect(variableOf(service, { jwksUriAllow })).toBeUndefined()
  })

  it('is there only where the run has one, whatever the environment of this process says', () => {
    vi.stubEnv('COUNTERSIGN_JWKS_URI_ALLOW', jwksUriAllow)
    expect(variableOf('token', {})).toBeUndefined()
  })
})
