import { describe, expect, it } from 'vitest'
import { MalformedRecord, Unavailable } from '../../../lambda/oauth/unavailable.ts'

describe('an error of a dependency', () => {
  it('is known in a log line by its name, whatever minifying makes of its class', () => {
    const cause = new Error('x')
    const error = new Unavailable('kms', { cause })
    expect([error.name, error.message, error.dependency]).toEqual(['Unavailable', 'kms unavailable', 'kms'])
    expect(error.cause).toBe(cause)
    expect(new MalformedRecord('x').name).toBe('MalformedRecord')
  })
})
