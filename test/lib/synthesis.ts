import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, type Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { afterAll } from 'vitest'

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'))
const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/**
 * An app as the command line runs it: the feature flags of cdk.json, paths and assets in the metadata. CDK's own rules
 * take longer than all else, so they are for the test that asks for them.
 */
export function newApp({ defaultRules = false } = {}): App {
  process.env.CDK_VALIDATION = String(defaultRules)
  const outdir = mkdtempSync(join(tmpdir(), 'countersign-synthesis-'))
  folders.push(outdir)
  return new App({
    outdir,
    context: {
      ...context,
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
    },
  })
}

export interface TemplateResource {
  readonly logicalId: string
  readonly Type: string
  readonly Properties: Record<string, unknown>
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
  readonly DependsOn?: readonly string[]
  readonly Metadata: Record<string, string>
}

/** The parts of a construct's path that make its logical id. */
const namedPath = (path: string) => path.replace(/\/Resource$/, '').replace(/\/Default(?=\/|$)/g, '')

/** A stack's template, its resources found by their construct paths without the stack's id, `/Resource` and `/Default`. */
export class Synthesis {
  readonly template: Template
  readonly #byPath: ReadonlyMap<string, TemplateResource>

  constructor(stack: Stack) {
    this.template = Template.fromStack(stack)
    const resources: Record<string, Omit<TemplateResource, 'logicalId'>> = this.template.toJSON().Resources
    this.#byPath = new Map(
      Object.entries(resources).map(([logicalId, resource]) => [
        namedPath(resource.Metadata['aws:cdk:path'] ?? '').replace(`${stack.node.path}/`, ''),
        { logicalId, ...resource },
      ]),
    )
  }

  at(path: string): TemplateResource {
    const resource = this.#byPath.get(namedPath(path))
    if (resource === undefined) throw new Error(`no resource at ${path}`)
    return resource
  }

  ofType(type: string): ReadonlyMap<string, TemplateResource> {
    return new Map([...this.#byPath].filter(([, resource]) => resource.Type === type))
  }

  arn(path: string): { 'Fn::GetAtt': [string, string] } {
    return { 'Fn::GetAtt': [this.at(path).logicalId, 'Arn'] }
  }

  ref(path: string): { Ref: string } {
    return { Ref: this.at(path).logicalId }
  }

  environment(path: string): Record<string, unknown> {
    const { Environment } = this.at(path).Properties as {
      Environment: { Variables: Record<string, unknown> }
    }
    return Environment.Variables
  }

  /** The statements of a function's role, which must have this one policy and no other. */
  statements(functionPath: string): unknown {
    const { Policies, ManagedPolicyArns } = this.at(`${functionPath}Role`).Properties as {
      Policies: { PolicyDocument: { Statement: unknown } }[]
      ManagedPolicyArns?: unknown
    }
    if (Policies.length !== 1 || ManagedPolicyArns !== undefined)
      throw new Error(`${functionPath} has more policies`)
    return Policies[0]?.PolicyDocument.Statement
  }

  get outputs(): Record<string, { Value: unknown }> {
    return this.template.toJSON().Outputs
  }
}

const partition = { Ref: 'AWS::Partition' }
const region = { Ref: 'AWS::Region' }
const account = { Ref: 'AWS::AccountId' }

/** An ARN of this partition, Region and account, as CDK renders it; the rest may hold references. */
export function arn(service: string, ...rest: unknown[]): unknown {
  const [first, ...others] = rest
  return {
    'Fn::Join': [
      '',
      [
        'arn:',
        partition,
        `:${service}:`,
        region,
        ':',
        account,
        ...(typeof first === 'string' ? [`:${first}`] : [':', first]),
        ...others,
      ],
    ],
  }
}
