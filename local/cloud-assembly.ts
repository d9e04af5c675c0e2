import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** One resource of a synthesised template, its properties still holding CloudFormation intrinsics. */
export interface StackResource {
  logicalId: string
  type: string
  properties: Record<string, unknown>
  /** The construct's path without the stack's name and a trailing `/Resource`: `AuthorizationServer/Clients`. */
  path: string
  dependsOn: string[]
  /** What becomes of it when a template no longer has it. */
  deletionPolicy?: string
  /** Name of the template condition without which the resource does not exist. */
  condition?: string
}

/** One stack of a cloud assembly: its template, taken apart, and where its assets lie. */
export interface StackTemplate {
  stackName: string
  /** `aws://<account>/<Region>`; where the app leaves one open, `unknown-account` and `unknown-region`. */
  environment?: string
  /** Absolute path of the assembly: asset folders are below it. */
  directory: string
  resources: StackResource[]
  parameters: Record<string, unknown>
  outputs: Record<string, { value: unknown; exportName?: unknown; condition?: string }>
  conditions: Record<string, unknown>
  /** S3 object key of an asset (`<hash>.zip`) to the folder whose content it is. */
  assets: Map<string, string>
}

interface Manifest {
  artifacts?: Record<string, Artifact>
}

interface Artifact {
  type: string
  environment?: string
  dependencies?: string[]
  properties?: { templateFile?: string; stackName?: string; file?: string }
  metadata?: Record<string, MetadataEntry[]>
  additionalMetadataFile?: string
}

interface MetadataEntry {
  type: string
  data?: unknown
}

interface Template {
  [section: string]: unknown
  Resources?: Record<string, TemplateResource>
  Parameters?: Record<string, unknown>
  Outputs?: Record<string, { Value: unknown; Export?: { Name?: unknown }; Condition?: string }>
  Conditions?: Record<string, unknown>
}

interface TemplateResource {
  [attribute: string]: unknown
  Type: string
  Properties?: Record<string, unknown>
  DependsOn?: string | string[]
  DeletionPolicy?: string
  Condition?: string
  Metadata?: Record<string, unknown>
}

interface AssetManifest {
  files?: Record<
    string,
    { source: { path?: string; packaging?: string }; destinations: Record<string, Destination> }
  >
  dockerImages?: Record<string, unknown>
}

interface Destination {
  objectKey: string
}

/** Artifacts that say something about the assembly and deploy nothing. */
const descriptiveArtifacts = new Set(['cdk:tree', 'cdk:feature-flag-report', 'none'])

// `Rules` holds nothing but CDK's check of the bootstrap version, which is about a real account.
const knownSections = new Set([
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules',
])

// Of what a template leaves out a local run deletes custom resources alone.
const knownAttributes = new Set([
  'Condition',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
])

/**
 * Reads a synthesised cloud assembly (`cdk.out`): its stacks, each after the stacks it depends on.
 *
 * @param stackName the one stack to read, with those it depends on; without it, all of them
 * @throws when there is no assembly or no such stack, or it holds something this reader does not know (nested
 * assemblies, container images, template sections such as `Transform`): the error names it.
 */
export function readCloudAssembly(directory: string, stackName?: string): StackTemplate[] {
  const manifestFile = join(directory, 'manifest.json')
  if (!existsSync(manifestFile))
    throw new Error(`no cloud assembly in ${directory}: synthesise the app first`)
  const artifacts = readJson<Manifest>(manifestFile).artifacts ?? {}
  for (const [id, artifact] of Object.entries(artifacts)) {
    if (artifact.type === 'aws:cloudformation:stack' || artifact.type === 'cdk:asset-manifest') continue
    if (!descriptiveArtifacts.has(artifact.type))
      throw new Error(
        `cloud assembly: artifact ${id} has the type ${artifact.type}, which the local run does not know`,
      )
  }
  const roots = stackName === undefined ? Object.keys(artifacts) : [findStack(artifacts, stackName)]
  return inDependencyOrder(artifacts, roots).map(id => readStack(directory, id, artifacts))
}

function findStack(artifacts: Record<string, Artifact>, stackName: string): string {
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack')
  const names = stacks.map(([id, { properties }]): [string, string] => [id, properties?.stackName ?? id])
  const found = names.find(([, name]) => name === stackName)
  if (found !== undefined) return found[0]
  throw new Error(`the app has no stack ${stackName}, but ${names.map(([, name]) => name).join(', ')}`)
}

function inDependencyOrder(artifacts: Record<string, Artifact>, roots: readonly string[]): string[] {
  const order: string[] = []
  const visited = new Set<string>()
  const visit = (id: string) => {
    const artifact = artifacts[id]
    if (artifact === undefined || visited.has(id)) return
    visited.add(id)
    for (const dependency of artifact.dependencies ?? []) visit(dependency)
    if (artifact.type === 'aws:cloudformation:stack') order.push(id)
  }
  for (const id of roots) visit(id)
  return order
}

function readStack(directory: string, id: string, artifacts: Record<string, Artifact>): StackTemplate {
  const artifact = artifacts[id]
  const templateFile = artifact?.properties?.templateFile
  if (artifact === undefined || templateFile === undefined)
    throw new Error(`cloud assembly: stack ${id} has no template`)
  const template = readJson<Template>(join(directory, templateFile))
  for (const section of Object.keys(template))
    if (!knownSections.has(section))
      throw new Error(`${templateFile}: the local run does not know the template section ${section}`)
  const paths = pathsOfLogicalIds(directory, artifact)
  return {
    stackName: artifact.properties?.stackName ?? id,
    environment: artifact.environment,
    directory,
    resources: Object.entries(template.Resources ?? {}).map(([logicalId, resource]) =>
      readResource(logicalId, resource, paths.get(logicalId)),
    ),
    parameters: template.Parameters ?? {},
    outputs: Object.fromEntries(
      Object.entries(template.Outputs ?? {}).map(([name, output]) => [
        name,
        { value: output.Value, exportName: output.Export?.Name, condition: output.Condition },
      ]),
    ),
    conditions: template.Conditions ?? {},
    assets: readAssets(directory, artifact, artifacts),
  }
}

function readResource(
  logicalId: string,
  resource: TemplateResource,
  path: string | undefined,
): StackResource {
  for (const attribute of Object.keys(resource))
    if (!knownAttributes.has(attribute))
      throw new Error(`${resource.Type} ${logicalId}: the local run does not know the attribute ${attribute}`)
  const pathInTemplate = resource.Metadata?.['aws:cdk:path']
  return {
    logicalId,
    type: resource.Type,
    properties: resource.Properties ?? {},
    path: relativePath(typeof pathInTemplate === 'string' ? pathInTemplate : path, logicalId),
    dependsOn: [resource.DependsOn ?? []].flat(),
    condition: resource.Condition,
    deletionPolicy: resource.DeletionPolicy,
  }
}

function relativePath(path: string | undefined, logicalId: string): string {
  if (path === undefined) return logicalId
  const segments = path.split('/').slice(1)
  // An L2 construct's resource is its child `Resource`, or `Default` where it is the only one.
  if (segments.length > 1 && /^(Resource|Default)$/.test(segments.at(-1) ?? '')) segments.pop()
  return segments.join('/') || logicalId
}

/** Paths as the assembly's metadata tells them, for templates synthesised without path metadata. */
function pathsOfLogicalIds(directory: string, artifact: Artifact): Map<string, string> {
  const additional =
    artifact.additionalMetadataFile === undefined
      ? {}
      : readJson<Record<string, MetadataEntry[]>>(join(directory, artifact.additionalMetadataFile))
  const paths = new Map<string, string>()
  for (const [path, entries] of Object.entries({ ...artifact.metadata, ...additional }))
    for (const entry of entries)
      if (entry.type === 'aws:cdk:logicalId' && typeof entry.data === 'string')
        paths.set(entry.data, path.replace(/^\//, ''))
  return paths
}

function readAssets(
  directory: string,
  stack: Artifact,
  artifacts: Record<string, Artifact>,
): Map<string, string> {
  const assets = new Map<string, string>()
  for (const dependency of stack.dependencies ?? []) {
    const artifact = artifacts[dependency]
    if (artifact?.type !== 'cdk:asset-manifest' || artifact.properties?.file === undefined) continue
    const manifest = readJson<AssetManifest>(join(directory, artifact.properties.file))
    const images = Object.keys(manifest.dockerImages ?? {})
    if (images.length > 0)
      throw new Error(`the local run does not know container image assets (${images.join(', ')})`)
    for (const { source, destinations } of Object.values(manifest.files ?? {})) {
      if (source.path === undefined) continue
      const folder = join(directory, source.path)
      if (!existsSync(folder) || !statSync(folder).isDirectory()) continue
      for (const { objectKey } of Object.values(destinations)) assets.set(objectKey, folder)
    }
  }
  return assets
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}
