import { inject } from 'vitest'
import { type Endpoints, writeEndpoints } from '../../local/endpoints.ts'
import type { StackRun } from '../flow/local-stack.ts'
import { type Deployment, deploy, deployedActor, deployedCredentials, deployedRegion } from './deployment.ts'
import { readFunctionLogs } from './function-logs.ts'

/**
 * The stack of this run's deployment, as the flow tests see it from now on.
 *
 * @param dataDir where the command line finds the server, as it finds one of the local gateway
 */
export async function deployedRun(dataDir: string): Promise<StackRun> {
  const { outputs, awsEndpoint } = deploymentOfRun()
  const named = (suffix: RegExp) =>
    Object.entries(outputs).flatMap(([name, value]) => (suffix.test(name) ? [[name, value] as const] : []))
  const tables = named(/Table$/).map(([name, value]) => [name.replace('Table', ''), value])
  const apis = named(/^(Orders|Payments)Endpoint$/).map(([name, value]) => [
    name.replace('Endpoint', '').toLowerCase(),
    value,
  ])
  const output = (name: string) => {
    const value = outputs[name]
    if (value === undefined) throw new Error(`the deployment has no output ${name}`)
    return value
  }
  const endpoints: Required<Endpoints> = {
    issuer: output('Issuer'),
    tokenEndpoint: output('TokenEndpoint'),
    revocationEndpoint: output('RevocationEndpoint'),
    introspectionEndpoint: output('IntrospectionEndpoint'),
    jwksUri: output('JwksUri'),
    admin: output('AdminEndpoint'),
    apis: Object.fromEntries(apis),
    aws: { dynamodb: awsEndpoint, kms: awsEndpoint, secretsmanager: awsEndpoint, apigateway: awsEndpoint },
    tables: Object.fromEntries(tables),
    region: deployedRegion,
    pid: process.pid,
  }
  await writeEndpoints(dataDir, endpoints)
  const startedAt = Date.now()
  return {
    endpoints,
    credentials: deployedCredentials,
    actor: deployedActor,
    accessTokenLifetimeSeconds: inject('accessTokenLifetimeSeconds') ?? 600,
    functionLogs: () => readFunctionLogs(awsEndpoint, startedAt),
    close: async () => undefined,
  }
}

/** Updates the deployment to the app one release later. @returns the stack's outputs */
export function deployUpdate(args: readonly string[] = []): Promise<Record<string, string>> {
  return deploy(deploymentOfRun(), [
    ...['--app', 'node --import tsx test/deploy/updated-app.ts'],
    ...['--context', 'accessTokenLifetimeSeconds=900', ...args],
  ])
}

function deploymentOfRun(): Deployment {
  const deployment = inject('deployment')
  if (deployment === undefined) throw new Error('this run has deployed nothing: use `npm run test:deploy`')
  return deployment
}
