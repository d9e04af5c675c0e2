import type { AwsRequest } from '../aws-json-server.ts'
import { KmsError } from './kms-error.ts'

export type KmsRequest = AwsRequest

export function optionalString(request: KmsRequest, name: string): string | undefined {
  const value = request[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(name, 'is not a string')
  return value
}

export function requiredString(request: KmsRequest, name: string): string {
  const value = optionalString(request, name)
  if (value === undefined || value === '') throw invalid(name, 'must not be null or empty')
  return value
}

/** One value of a closed set, such as a key spec. */
export function oneOf<Value extends string>(
  request: KmsRequest,
  name: string,
  values: readonly Value[],
  whenAbsent?: Value,
): Value {
  const value = optionalString(request, name) ?? whenAbsent
  const found = values.find(candidate => candidate === value)
  if (found === undefined) throw invalid(name, `must be one of [${values.join(', ')}]`)
  return found
}

/** Octets, which JSON carries in base64. `atMost` and `atLeast` are in octets. */
export function blob(request: KmsRequest, name: string, size: { atLeast?: number; atMost: number }): Buffer {
  const value = Buffer.from(requiredString(request, name), 'base64')
  if (value.length < (size.atLeast ?? 1)) throw invalid(name, `has fewer than ${size.atLeast ?? 1} octets`)
  if (value.length > size.atMost) throw invalid(name, `has more than ${size.atMost} octets`)
  return value
}

export function optionalInteger(
  request: KmsRequest,
  name: string,
  range: { from: number; to: number },
): number | undefined {
  const value = request[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < range.from || value > range.to) {
    throw invalid(name, `must be a whole number from ${range.from} to ${range.to}`)
  }
  return value
}

export function stringMap(request: KmsRequest, name: string): Record<string, string> {
  const value = request[name] ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(name, 'is not a map')
  const entries = Object.entries(value).map(([key, entry]): [string, string] => {
    if (typeof entry !== 'string') throw invalid(`${name}.${key}`, 'is not a string')
    return [key, entry]
  })
  return Object.fromEntries(entries)
}

export function optionalList(request: KmsRequest, name: string): readonly unknown[] {
  const value = request[name] ?? []
  if (!Array.isArray(value)) throw invalid(name, 'is not a list')
  return value
}

export function invalid(name: string, why: string): KmsError {
  return new KmsError('ValidationException', `1 validation error detected: value at '${name}' ${why}`)
}
