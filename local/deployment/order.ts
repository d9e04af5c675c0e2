import type { StackResource } from '../cloud-assembly.ts'

/**
 * The resources of a stack in the order in which they can be deployed: each after everything that it names
 * by `Ref`, `Fn::GetAtt` or `Fn::Sub` and after its `DependsOn`; otherwise in the template's order.
 *
 * @throws when resources depend on each other in a circle, which CloudFormation would refuse as well
 */
export function inDeploymentOrder(resources: readonly StackResource[]): StackResource[] {
  const byId = new Map(resources.map(resource => [resource.logicalId, resource]))
  const order: StackResource[] = []
  const done = new Set<string>()
  const visit = (resource: StackResource, trail: string[]) => {
    if (done.has(resource.logicalId)) return
    if (trail.includes(resource.logicalId))
      throw new Error(`circular dependency: ${[...trail, resource.logicalId].join(' -> ')}`)
    for (const name of new Set([...resource.dependsOn, ...referencedIds(resource.properties)])) {
      const dependency = byId.get(name)
      if (dependency !== undefined) visit(dependency, [...trail, resource.logicalId])
    }
    done.add(resource.logicalId)
    order.push(resource)
  }
  for (const resource of resources) visit(resource, [])
  return order
}

function referencedIds(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencedIds)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, argument]) => {
    if (name === 'Ref' && typeof argument === 'string') return [argument]
    if (name === 'Fn::GetAtt') {
      const [logicalId] = typeof argument === 'string' ? argument.split('.') : [argument].flat()
      return typeof logicalId === 'string' ? [logicalId] : []
    }
    if (name === 'Fn::Sub') {
      const [template] = [argument].flat()
      const named = typeof template === 'string' ? [...template.matchAll(/\$\{([^!}.][^}.]*)/g)] : []
      return [...named.map(match => (match[1] ?? '').trim()), ...referencedIds(argument)]
    }
    return referencedIds(argument)
  })
}
