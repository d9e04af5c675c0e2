import { describe, expect, it } from 'vitest'
import { parseRouteTable, satisfies } from '../../../lambda/oauth/route-table.ts'

describe('the route table', () => {
  it('knows each route by its key and nothing else', () => {
    const table = parseRouteTable('{"GET /a":{"allOf":["x","y"]},"ANY /b/{proxy+}":{"anyOf":["z"]}}')
    expect([...table]).toEqual([
      ['GET /a', { allOf: ['x', 'y'] }],
      ['ANY /b/{proxy+}', { anyOf: ['z'] }],
    ])
    for (const other of ['get /a', 'GET /a/', 'GET /b', '$default', '', 'toString', '__proto__'])
      expect(table.get(other)).toBeUndefined()
  })

  it('may hold a route that is named like a member of every object', () => {
    expect(parseRouteTable('{"__proto__":{"anyOf":["x"]}}').get('__proto__')).toEqual({ anyOf: ['x'] })
  })

  it('of no routes refuses every route', () => {
    expect(parseRouteTable('{}').size).toBe(0)
  })

  it.each(['null', '[]', '"x"', '1', 'true'])('does not start as %s', json => {
    expect(() => parseRouteTable(json)).toThrow(new Error('routes.json is not an object'))
  })

  it.each(['', '{', 'undefined'])('does not start as the text %j', json => {
    expect(() => parseRouteTable(json)).toThrow(SyntaxError)
  })

  it.each([
    'null',
    '{}',
    '[]',
    '"x"',
    '1',
    '["x"]',
    '{"allOf":[]}',
    '{"anyOf":[]}',
    '{"allOf":"x"}',
    '{"allOf":null}',
    '{"allOf":{"0":"x","length":1}}',
    '{"allOf":[1]}',
    '{"allOf":[""]}',
    '{"allOf":["a b"]}',
    '{"allOf":["x",1]}',
    '{"anyOf":["x",""]}',
    '{"allOf":["a\\"b"]}',
    '{"allOf":["x"],"anyOf":["y"]}',
    '{"allOf":["x"],"anyOf":null}',
    '{"allOf":["x"],"public":true}',
    '{"scopes":["x"]}',
  ])('does not start with the requirement %s (RFC 6749 §3.3)', entry => {
    const message =
      'routes.json: GET /a needs a list of scopes, one an item, in exactly one of allOf and anyOf'
    expect(() => parseRouteTable(`{"GET /b":{"allOf":["x"]},"GET /a":${entry}}`)).toThrow(new Error(message))
  })
})

describe('a requirement', () => {
  it.each([
    [['x', 'y'], true],
    [['y', 'z', 'x'], true],
    [['x'], false],
    [['y'], false],
    [['X', 'y'], false],
    [['xy'], false],
    [[], false],
  ])('of all of x and y: %j satisfies it = %s (RFC 6750 §3.1)', (granted, expected) => {
    expect(satisfies(granted, { allOf: ['x', 'y'] })).toBe(expected)
  })

  it.each([
    [['x'], true],
    [['y'], true],
    [['z', 'y'], true],
    [['z'], false],
    [['x '], false],
    [[], false],
  ])('of any of x and y: %j satisfies it = %s', (granted, expected) => {
    expect(satisfies(granted, { anyOf: ['x', 'y'] })).toBe(expected)
  })
})
