import type { StackResource } from '../cloud-assembly.ts'
import type { Intrinsics } from '../intrinsics.ts'

/** Names of a resource's properties that the local run acts on, and of those knowingly without local effect. */
export interface KnownProperties {
  used: readonly string[]
  withoutEffect?: readonly string[]
}

/** How a resource is called in messages: `AWS::Lambda::Function AuthorizationServer/Token`. */
export function nameOf(resource: Pick<StackResource, 'type' | 'path'>): string {
  return `${resource.type} ${resource.path}`
}

/**
 * The used properties of a resource, resolved, to be read with their types.
 *
 * @throws an error that names the type and the property where the template has one that is not known
 */
export function readProperties(
  resource: StackResource,
  intrinsics: Intrinsics,
  known: KnownProperties,
): PropertyReader {
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(resource.properties)) {
    if (known.withoutEffect?.includes(name)) continue
    if (!known.used.includes(name))
      throw new Error(`${nameOf(resource)}: the local run does not know the property ${name}`)
    try {
      values[name] = intrinsics.resolve(value)
    } catch (error) {
      throw new Error(`${nameOf(resource)}, property ${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  return new PropertyReader(nameOf(resource), values)
}

/** Reads resolved properties by type; a value of another type is an error that names it. */
export class PropertyReader {
  readonly #owner: string
  readonly #values: Record<string, unknown>

  constructor(owner: string, values: Record<string, unknown>) {
    this.#owner = owner
    this.#values = values
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value === undefined) throw this.error(name, 'is missing')
    return value
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name]
    if (value === undefined || typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw this.error(name, 'must be a string')
  }

  // CloudFormation takes numbers and booleans as text too.
  optionalNumber(name: string): number | undefined {
    const value = this.#values[name]
    if (value === undefined || typeof value === 'number') return value
    const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
    if (Number.isNaN(parsed)) throw this.error(name, 'must be a number')
    return parsed
  }

  boolean(name: string, whenAbsent = false): boolean {
    const value = this.#values[name]
    if (value === undefined) return whenAbsent
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw this.error(name, 'must be a boolean')
  }

  textList(name: string): string[] {
    const value = this.#values[name] ?? []
    if (!Array.isArray(value) || !value.every(item => typeof item === 'string'))
      throw this.error(name, 'must be a list of strings')
    return value
  }

  /** A nested object; its members are checked against `known` as a resource's properties are. */
  group(name: string, known: KnownProperties): PropertyReader | undefined {
    const value = this.#values[name]
    if (value === undefined) return undefined
    const members = this.#object(name, value)
    for (const member of Object.keys(members))
      if (!known.used.includes(member) && !known.withoutEffect?.includes(member))
        throw new Error(`${this.#owner}: the local run does not know the property ${name}.${member}`)
    return new PropertyReader(`${this.#owner}, ${name}`, members)
  }

  /** A list of nested objects; the members of each are checked as a resource's properties are. */
  groups(name: string, known: KnownProperties): PropertyReader[] {
    const value = this.#values[name] ?? []
    if (!Array.isArray(value)) throw this.error(name, 'must be a list')
    return value.map((item, index) => {
      const list = new PropertyReader(this.#owner, { [`${name}.${index}`]: item })
      return list.group(`${name}.${index}`, known) ?? list
    })
  }

  /** Tags as CloudFormation has them: a list of `Key` and `Value`. */
  tags(name: string): [string, string][] {
    return this.groups(name, { used: ['Key', 'Value'] }).map(tag => [tag.text('Key'), tag.text('Value')])
  }

  /** A nested object with names of the template's own choosing. */
  entries(name: string): [string, unknown][] {
    const value = this.#values[name]
    return value === undefined ? [] : Object.entries(this.#object(name, value))
  }

  /** Refuses a value that the local run does not implement. */
  expect(name: string, accepted: readonly (string | boolean | undefined)[]): void {
    const value = this.#values[name]
    if (!accepted.some(each => each === value))
      throw this.error(name, `has the value ${JSON.stringify(value)}, which the local run does not know`)
  }

  error(name: string, problem: string): Error {
    return new Error(`${this.#owner}: the property ${name} ${problem}`)
  }

  #object(name: string, value: unknown): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.error(name, 'must be an object')
    return value as Record<string, unknown>
  }
}
