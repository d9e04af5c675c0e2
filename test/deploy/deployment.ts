import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const projectDir = fileURLToPath(new URL('../..', import.meta.url))

/** The app as `npm run test:deploy` has deployed it. */
export interface Deployment {
  /** Where all AWS services are. */
  readonly awsEndpoint: string
  /** For assemblies, logs and what the CDK command line writes; gone when the run is over. */
  readonly folder: string
  /** Of the stack. */
  readonly outputs: Readonly<Record<string, string>>
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Absent where every stack is one of the local gateway. */
    deployment?: Deployment
    /** What the app was last deployed with. */
    accessTokenLifetimeSeconds?: number
  }
}

/** MiniStack takes any: these are its account's root user. */
export const deployedCredentials = { accessKeyId: 'test', secretAccessKey: 'test' } as const
export const deployedActor = 'arn:aws:iam::000000000000:root'
export const deployedRegion = 'us-east-1'

/** Environment of AWS's tools in which nothing but this endpoint can be reached: no profile, no real credentials. */
export function awsEnvironment(awsEndpoint: string): Record<string, string> {
  const others = Object.entries(process.env).filter(([name]) => !/^(AWS|CDK)_/.test(name))
  return {
    ...(Object.fromEntries(others) as Record<string, string>),
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_ACCESS_KEY_ID: deployedCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: deployedCredentials.secretAccessKey,
    AWS_REGION: deployedRegion,
    AWS_CONFIG_FILE: '/nowhere',
    AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}

/** Runs the CDK command line of this project. @returns what it printed @throws Error with it when it fails */
export function runCdk(deployment: Omit<Deployment, 'outputs'>, args: readonly string[]): Promise<string> {
  const output = join(deployment.folder, 'cdk.out')
  const all = ['node_modules/aws-cdk/bin/cdk', ...args, '--ci', '--output', output]
  const options = { cwd: projectDir, env: awsEnvironment(deployment.awsEndpoint), maxBuffer: 2 ** 26 }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, all, options, (error, out, err) => {
      if (error === null) resolve(out + err)
      else reject(new Error(`cdk ${args.join(' ')} failed:\n${(out + err).slice(-5000)}`))
    })
  })
}

/** `cdk deploy` of the stack, as an operator would. @returns the stack's outputs */
export async function deploy(
  deployment: Omit<Deployment, 'outputs'>,
  args: readonly string[] = [],
): Promise<Record<string, string>> {
  const outputsFile = join(deployment.folder, 'outputs.json')
  await runCdk(deployment, [
    ...['deploy', 'Countersign', '--require-approval', 'never', '--progress', 'events'],
    ...['--outputs-file', outputsFile, ...args],
  ])
  return JSON.parse(await readFile(outputsFile, 'utf8')).Countersign
}
