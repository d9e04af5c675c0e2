import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackResource, StackTemplate } from '../cloud-assembly.ts'
import { readProperties } from '../deployment/properties.ts'
import type { Intrinsics } from '../intrinsics.ts'

/** A Lambda function as its template describes it, every intrinsic resolved. */
export interface FunctionConfiguration {
  name: string
  arn: string
  /** Folder of the code asset, or of the code that the template holds itself. */
  codeFolder: string
  /** File of the handler's module and the name it exports the handler under. */
  handler: string
  moduleFile: string
  exportName: string
  runtime: string
  timeoutSeconds: number
  memoryMegabytes: number
  /** The template's own variables, without Lambda's. */
  variables: Record<string, string>
  logGroupName: string
  /** Least level of what `console` prints, e.g. `WARN`; absent: everything. */
  applicationLogLevel?: string
  /** Most execution environments at a time; absent: the setting of the local run alone limits them. */
  reservedConcurrency?: number
}

const properties = {
  used: [
    'Code',
    'Environment',
    'FunctionName',
    'Handler',
    'LoggingConfig',
    'MemorySize',
    'PackageType',
    'ReservedConcurrentExecutions',
    'Runtime',
    'Timeout',
  ],
  // IAM is not enforced locally, there is one processor architecture, and no tracer.
  withoutEffect: [
    'Architectures',
    'Description',
    'EphemeralStorage',
    'KmsKeyArn',
    'RecursiveLoop',
    'Role',
    'RuntimeManagementConfig',
    'Tags',
    'TracingConfig',
  ],
}

/** Runtimes whose only handler is an async function; the machine's own Node stands in for them. */
const runtimes = ['nodejs22.x', 'nodejs24.x']

/**
 * Reads an `AWS::Lambda::Function`.
 *
 * @param identity `inlineFolder` is where code goes that the template holds itself
 * @throws where it has a property or a runtime that the local run does not know, or its code is not in the assembly
 */
export function readFunction(
  resource: StackResource,
  stack: StackTemplate,
  intrinsics: Intrinsics,
  { inlineFolder, ...identity }: { name: string; arn: string; inlineFolder: string },
): FunctionConfiguration {
  const reader = readProperties(resource, intrinsics, properties)
  reader.expect('PackageType', [undefined, 'Zip'])
  reader.expect('Runtime', runtimes)
  const code = reader.group('Code', { used: ['S3Bucket', 'S3Key', 'ZipFile'] })
  const inline = code?.optionalText('ZipFile')
  const codeFolder =
    inline === undefined ? stack.assets.get(code?.text('S3Key') ?? '') : writeInline(inlineFolder, inline)
  if (codeFolder === undefined) throw reader.error('Code', 'names no folder among the assets of the assembly')
  const handler = reader.text('Handler')
  const logging = reader.group('LoggingConfig', {
    used: ['LogGroup', 'ApplicationLogLevel'],
    withoutEffect: ['LogFormat', 'SystemLogLevel'],
  })
  return {
    ...identity,
    ...findModule(codeFolder, handler),
    codeFolder,
    handler,
    runtime: reader.text('Runtime'),
    timeoutSeconds: reader.optionalNumber('Timeout') ?? 3,
    memoryMegabytes: reader.optionalNumber('MemorySize') ?? 128,
    variables: Object.fromEntries(
      (reader.group('Environment', { used: ['Variables'] })?.entries('Variables') ?? []).map(
        ([name, value]) => [name, String(value)],
      ),
    ),
    logGroupName: logging?.optionalText('LogGroup') ?? `/aws/lambda/${identity.name}`,
    applicationLogLevel: logging?.optionalText('ApplicationLogLevel'),
    reservedConcurrency: reader.optionalNumber('ReservedConcurrentExecutions'),
  }
}

/** As Lambda takes it: `index.js`, CommonJS whatever the folders around it are. */
function writeInline(folder: string, code: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.js'), code)
  writeFileSync(join(folder, 'package.json'), '{}')
  return folder
}

function findModule(codeFolder: string, handler: string): { moduleFile: string; exportName: string } {
  const dot = handler.lastIndexOf('.')
  const [module, exportName] = [handler.slice(0, dot), handler.slice(dot + 1)]
  const files = ['.mjs', '.js', '.cjs'].map(extension => join(codeFolder, `${module}${extension}`))
  const moduleFile = files.find(file => existsSync(file))
  if (dot < 1 || moduleFile === undefined)
    throw new Error(`handler ${handler}: there is no such module in ${codeFolder}`)
  return { moduleFile, exportName }
}
