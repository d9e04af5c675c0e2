import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { MalformedRecord } from '../oauth/unavailable.ts'

type Attributes = Record<string, AttributeValue>

/** Reads the attributes of a stored item, each with its type. @throws MalformedRecord naming the attribute, not its value */
export class Item {
  readonly #attributes: Attributes

  constructor(attributes: Attributes) {
    this.#attributes = attributes
  }

  string(name: string): string {
    const value = this.#attributes[name]?.S
    if (value === undefined) throw new MalformedRecord(`attribute ${name} is not a string`)
    return value
  }

  has(name: string): boolean {
    return this.#attributes[name] !== undefined
  }

  optionalString(name: string): string | undefined {
    return this.has(name) ? this.string(name) : undefined
  }

  number(name: string): number {
    const value = this.optionalNumber(name)
    if (value === undefined) throw new MalformedRecord(`attribute ${name} is missing`)
    return value
  }

  /** A whole number that is not negative, as every number of ours is. */
  optionalNumber(name: string): number | undefined {
    const attribute = this.#attributes[name]
    if (attribute === undefined) return undefined
    const value = Number(attribute.N ?? Number.NaN)
    if (!Number.isSafeInteger(value) || value < 0)
      throw new MalformedRecord(`attribute ${name} is not a number`)
    return value
  }

  binary(name: string): Uint8Array {
    const value = this.#attributes[name]?.B
    if (value === undefined) throw new MalformedRecord(`attribute ${name} is not binary`)
    return value
  }

  items(name: string): readonly Item[] {
    const list = this.#attributes[name]?.L
    if (list === undefined) throw new MalformedRecord(`attribute ${name} is not a list`)
    return list.map(element => {
      if (element.M === undefined) throw new MalformedRecord(`attribute ${name} is not a list of maps`)
      return new Item(element.M)
    })
  }

  item(name: string): Item {
    const map = this.#attributes[name]?.M
    if (map === undefined) throw new MalformedRecord(`attribute ${name} is not a map`)
    return new Item(map)
  }
}
