import { createHash } from 'node:crypto'

/** What a deployed resource answers to `Ref` and `Fn::GetAtt`. */
export interface DefinedResource {
  ref: string
  attributes?: Record<string, string>
}

/** Outputs by name, by the stack's name. */
export type StackOutputs = ReadonlyMap<string, Readonly<Record<string, string>>>

type IntrinsicFunction = (argument: unknown) => unknown

const noValue = Symbol('AWS::NoValue')

/**
 * Resolves the CloudFormation intrinsics of one stack: `Ref`, `Fn::GetAtt`, `Fn::Join`, `Fn::Sub`,
 * `Fn::Select`, `Fn::Split`, `Fn::If` with its conditions, `Fn::ImportValue`, `Fn::GetStackOutput` and the pseudo
 * parameters.
 *
 * Anything else, and any name that is not defined, throws an error that names it.
 */
export class Intrinsics {
  readonly #resources = new Map<string, DefinedResource>()
  readonly #pseudoParameters: Map<string, unknown>
  readonly #conditions = new Map<string, unknown>()
  readonly #exports: ReadonlyMap<string, string>
  readonly #outputs: StackOutputs
  readonly #functions: Record<string, IntrinsicFunction> = {
    Ref: argument => this.#ref(text('Ref', argument)),
    'Fn::GetAtt': argument => this.#attribute(argument),
    'Fn::Join': argument => this.#join(argument),
    'Fn::Sub': argument => this.#substitute(argument),
    'Fn::Select': argument => this.#select(argument),
    'Fn::Split': argument => this.#split(argument),
    'Fn::If': argument => this.#if(argument),
    'Fn::ImportValue': argument => this.#import(argument),
    'Fn::GetStackOutput': argument => this.#stackOutput(argument),
  }

  /** `exports`: what stacks deployed before this one export, by export name; `outputs`: all that they put out. */
  constructor(
    pseudo: { accountId: string; region: string; stackName: string },
    exports: ReadonlyMap<string, string> = new Map(),
    outputs: StackOutputs = new Map(),
  ) {
    this.#exports = exports
    this.#outputs = outputs
    this.#pseudoParameters = new Map<string, unknown>([
      ['AWS::AccountId', pseudo.accountId],
      ['AWS::NoValue', noValue],
      ['AWS::NotificationARNs', []],
      ['AWS::Partition', 'aws'],
      ['AWS::Region', pseudo.region],
      ['AWS::StackId', stackId(pseudo)],
      ['AWS::StackName', pseudo.stackName],
      ['AWS::URLSuffix', 'amazonaws.com'],
    ])
  }

  /** States what a resource (or a template parameter: `ref` alone) answers from now on. */
  define(logicalId: string, values: DefinedResource): void {
    this.#resources.set(logicalId, values)
  }

  /** Takes over the template's `Conditions` section. */
  defineConditions(conditions: Record<string, unknown>): void {
    for (const [name, expression] of Object.entries(conditions)) this.#conditions.set(name, expression)
  }

  /** Whether a condition of the template holds. */
  holds(condition: string): boolean {
    if (!this.#conditions.has(condition)) throw new Error(`condition ${condition} is not defined`)
    return this.#evaluate(this.#conditions.get(condition))
  }

  /** The value with every intrinsic in it resolved. Members that are `AWS::NoValue` are left out. */
  resolve(value: unknown): unknown {
    const resolved = this.#resolve(value)
    return resolved === noValue ? undefined : resolved
  }

  #resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(item => this.#resolve(item)).filter(item => item !== noValue)
    if (typeof value !== 'object' || value === null) return value
    const members = Object.entries(value)
    const [first] = members
    if (members.length === 1 && first !== undefined && isIntrinsicName(first[0])) {
      const intrinsic = this.#functions[first[0]]
      if (intrinsic === undefined) throw new Error(`the local run does not know the intrinsic ${first[0]}`)
      return intrinsic(first[1])
    }
    return Object.fromEntries(
      members
        .map(([name, member]) => [name, this.#resolve(member)])
        .filter(([, member]) => member !== noValue),
    )
  }

  #ref(name: string): unknown {
    if (this.#pseudoParameters.has(name)) return this.#pseudoParameters.get(name)
    const resource = this.#resources.get(name)
    if (resource === undefined) throw new Error(`Ref to ${name}: it is not deployed (yet)`)
    return resource.ref
  }

  #attribute(argument: unknown): string {
    const resolved =
      typeof argument === 'string' ? splitOnce(argument, '.') : this.#list('Fn::GetAtt', argument)
    const logicalId = text('Fn::GetAtt', resolved[0])
    const name = text('Fn::GetAtt', resolved[1])
    const resource = this.#resources.get(logicalId)
    if (resource === undefined)
      throw new Error(`Fn::GetAtt ${logicalId}.${name}: ${logicalId} is not deployed (yet)`)
    const value = resource.attributes?.[name]
    if (value === undefined)
      throw new Error(`Fn::GetAtt ${logicalId}.${name}: the local run does not know that attribute`)
    return value
  }

  #join(argument: unknown): string {
    const [delimiter, parts] = this.#list('Fn::Join', argument)
    const list = this.#list('Fn::Join', parts).map(part => text('Fn::Join', part))
    return list.join(text('Fn::Join', delimiter))
  }

  #substitute(argument: unknown): string {
    const [template, variables] = Array.isArray(argument) ? argument : [argument, {}]
    const own = this.#resolve(variables) as Record<string, unknown>
    return text('Fn::Sub', template).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal === '!') return `\${${name}}`
      const key = name.trim()
      if (Object.hasOwn(own, key)) return text('Fn::Sub', own[key])
      return text('Fn::Sub', key.includes('.') ? this.#attribute(key) : this.#ref(key))
    })
  }

  #select(argument: unknown): unknown {
    const [index, values] = this.#list('Fn::Select', argument)
    const list = this.#list('Fn::Select', values)
    const position = Number(index)
    if (!Number.isInteger(position) || position < 0 || position >= list.length)
      throw new Error(`Fn::Select: there is no element ${String(index)} in a list of ${list.length}`)
    return list[position]
  }

  #split(argument: unknown): string[] {
    const [delimiter, value] = this.#list('Fn::Split', argument)
    return text('Fn::Split', value).split(text('Fn::Split', delimiter))
  }

  // Only the chosen branch is resolved: the other one may name what does not exist under this condition.
  #if(argument: unknown): unknown {
    if (!Array.isArray(argument)) throw new Error('Fn::If: expected a list')
    const [condition, whenTrue, whenFalse] = argument
    return this.#resolve(this.holds(text('Fn::If', condition)) ? whenTrue : whenFalse)
  }

  #import(argument: unknown): string {
    const name = text('Fn::ImportValue', this.#resolve(argument))
    const value = this.#exports.get(name)
    if (value === undefined) throw new Error(`Fn::ImportValue ${name}: no stack exports it`)
    return value
  }

  /** An output of another stack in this account and Region. */
  #stackOutput(argument: unknown): string {
    const { StackName, OutputName, Region, ...others } = this.#resolve(argument) as Record<string, unknown>
    const stackName = text('Fn::GetStackOutput', StackName)
    const outputName = text('Fn::GetStackOutput', OutputName)
    const from = `Fn::GetStackOutput ${stackName}.${outputName}`
    const elsewhere = [
      ...([undefined, this.#pseudoParameters.get('AWS::Region')].includes(Region) ? [] : ['Region']),
      ...Object.keys(others),
    ]
    if (elsewhere.length > 0)
      throw new Error(`${from}: the local run knows this account and Region alone (${elsewhere.join(', ')})`)
    const value = this.#outputs.get(stackName)?.[outputName]
    if (value === undefined) throw new Error(`${from}: there is no such output (yet)`)
    return value
  }

  #evaluate(expression: unknown): boolean {
    const [name, argument] = Object.entries((expression ?? {}) as object)[0] ?? []
    const operands = () => (Array.isArray(argument) ? argument : [])
    switch (name) {
      case 'Fn::Equals': {
        const [left, right] = this.#list(name, argument)
        return left === right
      }
      case 'Fn::And':
        return operands().every(operand => this.#evaluate(operand))
      case 'Fn::Or':
        return operands().some(operand => this.#evaluate(operand))
      case 'Fn::Not':
        return !this.#evaluate(operands()[0])
      case 'Condition':
        return this.holds(text(name, argument))
      default:
        throw new Error(`the local run does not know the condition function ${name}`)
    }
  }

  #list(intrinsic: string, argument: unknown): unknown[] {
    const resolved = this.#resolve(argument)
    if (!Array.isArray(resolved)) throw new Error(`${intrinsic}: expected a list`)
    return resolved
  }
}

/** The identifier of a stack: like CloudFormation's, and the same at every start. */
export function stackId(pseudo: { accountId: string; region: string; stackName: string }): string {
  const { accountId, region, stackName } = pseudo
  const digest = createHash('sha256').update(`${accountId}/${region}/${stackName}`).digest('hex')
  const uuid = [8, 4, 4, 4, 12].map((length, index, lengths) => {
    const start = lengths.slice(0, index).reduce((sum, each) => sum + each, 0)
    return digest.slice(start, start + length)
  })
  return `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/${uuid.join('-')}`
}

function isIntrinsicName(name: string): boolean {
  return name === 'Ref' || name.startsWith('Fn::')
}

function splitOnce(value: string, separator: string): [string, string] {
  const at = value.indexOf(separator)
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)]
}

function text(intrinsic: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new Error(`${intrinsic}: expected text, found ${value === noValue ? 'AWS::NoValue' : typeof value}`)
}
