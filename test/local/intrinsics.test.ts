// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of its own
import { describe, expect, it } from 'vitest'
import { Intrinsics } from '../../local/intrinsics.ts'

function intrinsics(exports?: Map<string, string>) {
  const stack = { accountId: '000000000000', region: 'eu-west-1', stackName: 'Countersign' }
  const made = new Intrinsics(stack, exports)
  made.define('Table', { ref: 'clients', attributes: { Arn: 'arn:table' } })
  made.defineConditions({
    Yes: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] },
    No: { 'Fn::Not': [{ Condition: 'Yes' }] },
    Both: { 'Fn::And': [{ Condition: 'Yes' }, { Condition: 'No' }] },
    Either: { 'Fn::Or': [{ Condition: 'No' }, { 'Fn::Equals': ['a', 'a'] }] },
    Odd: { 'Fn::Contains': [[], 'a'] },
  })
  return made
}

describe('intrinsics', () => {
  it.each<[string, unknown, unknown]>([
    ['Ref', { Ref: 'Table' }, 'clients'],
    ['Fn::GetAtt', { 'Fn::GetAtt': ['Table', 'Arn'] }, 'arn:table'],
    ['Fn::GetAtt as text', { 'Fn::GetAtt': 'Table.Arn' }, 'arn:table'],
    ['Fn::Join', { 'Fn::Join': ['-', ['a', { Ref: 'Table' }, 1]] }, 'a-clients-1'],
    [
      'Fn::Sub',
      { 'Fn::Sub': '${Table}/${Table.Arn}/${AWS::Region}/${!Literal}' },
      'clients/arn:table/eu-west-1/${Literal}',
    ],
    [
      'Fn::Sub with variables',
      { 'Fn::Sub': ['${x}-${Table}', { x: { Ref: 'AWS::Partition' } }] },
      'aws-clients',
    ],
    ['Fn::Select', { 'Fn::Select': [1, ['a', 'b']] }, 'b'],
    ['Fn::Select with text', { 'Fn::Select': ['0', { 'Fn::Split': ['/', 'a/b'] }] }, 'a'],
    ['Fn::Split', { 'Fn::Split': ['/', 'a/b/c'] }, ['a', 'b', 'c']],
    ['Fn::If', { 'Fn::If': ['Yes', 'a', { Ref: 'Unknown' }] }, 'a'],
    ['Fn::If of another condition', { 'Fn::If': ['Both', 'a', 'b'] }, 'b'],
    ['AWS::AccountId', { Ref: 'AWS::AccountId' }, '000000000000'],
    ['AWS::URLSuffix', { Ref: 'AWS::URLSuffix' }, 'amazonaws.com'],
    ['AWS::StackName', { Ref: 'AWS::StackName' }, 'Countersign'],
    ['AWS::NoValue in an object', { a: { Ref: 'AWS::NoValue' }, b: 1 }, { b: 1 }],
    ['AWS::NoValue in a list', [{ 'Fn::If': ['No', 'a', { Ref: 'AWS::NoValue' }] }, 'b'], ['b']],
    ['AWS::NoValue alone', { Ref: 'AWS::NoValue' }, undefined],
    [
      'what is none',
      { a: [true, null, 2], Condition: { b: 'c' } },
      { a: [true, null, 2], Condition: { b: 'c' } },
    ],
  ])('resolves %s', (_, value, expected) => {
    expect(intrinsics().resolve(value)).toEqual(expected)
  })

  it('gives a stack the same identifier at every start', () => {
    const id = intrinsics().resolve({ Ref: 'AWS::StackId' })
    expect(id).toMatch(
      /^arn:aws:cloudformation:eu-west-1:000000000000:stack\/Countersign\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    )
    expect(intrinsics().resolve({ Ref: 'AWS::StackId' })).toBe(id)
  })

  it('resolves Fn::ImportValue from the exports of earlier stacks', () => {
    const exports = new Map([['Countersign:Issuer', 'http://x']])
    expect(
      intrinsics(exports).resolve({ 'Fn::ImportValue': { 'Fn::Sub': '${AWS::StackName}:Issuer' } }),
    ).toBe('http://x')
  })

  it('resolves Fn::GetStackOutput from the outputs of earlier stacks of the same account and Region', () => {
    const outputs = new Map([['Server', { Issuer: 'http://x' }]])
    const pseudo = { accountId: '000000000000', region: 'eu-west-1', stackName: 'Api' }
    const resolve = (argument: object) =>
      new Intrinsics(pseudo, new Map(), outputs).resolve({ 'Fn::GetStackOutput': argument })
    const issuer = { StackName: 'Server', OutputName: 'Issuer', Region: { Ref: 'AWS::Region' } }
    expect(resolve(issuer)).toBe('http://x')
    expect(() => resolve({ ...issuer, OutputName: 'Other' })).toThrow(
      'Fn::GetStackOutput Server.Other: there is no such output (yet)',
    )
    expect(() => resolve({ ...issuer, Region: 'us-east-1', RoleArn: 'r' })).toThrow(
      'Fn::GetStackOutput Server.Issuer: the local run knows this account and Region alone (Region, RoleArn)',
    )
  })

  it.each([
    ['Yes', true],
    ['No', false],
    ['Both', false],
    ['Either', true],
  ])('evaluates the condition %s', (condition, expected) => {
    expect(intrinsics().holds(condition)).toBe(expected)
  })

  it.each<[unknown, string]>([
    [{ Ref: 'Other' }, 'Ref to Other: it is not deployed (yet)'],
    [
      { 'Fn::GetAtt': ['Table', 'StreamArn'] },
      'Fn::GetAtt Table.StreamArn: the local run does not know that attribute',
    ],
    [{ 'Fn::GetAtt': ['Other', 'Arn'] }, 'Other is not deployed (yet)'],
    [{ 'Fn::Base64': 'x' }, 'the local run does not know the intrinsic Fn::Base64'],
    [{ 'Fn::FindInMap': ['a', 'b', 'c'] }, 'the local run does not know the intrinsic Fn::FindInMap'],
    [{ 'Fn::ImportValue': 'gone' }, 'Fn::ImportValue gone: no stack exports it'],
    [{ 'Fn::Sub': '${Other}' }, 'Ref to Other'],
    [{ 'Fn::Select': [2, ['a']] }, 'there is no element 2 in a list of 1'],
    [{ 'Fn::Join': ['', 'text'] }, 'Fn::Join: expected a list'],
    [{ 'Fn::Join': ['', [{}]] }, 'Fn::Join: expected text'],
    [{ 'Fn::If': ['Unknown', 1, 2] }, 'condition Unknown is not defined'],
    [{ 'Fn::If': ['Odd', 1, 2] }, 'the local run does not know the condition function Fn::Contains'],
  ])('refuses %o', (value, message) => {
    expect(() => intrinsics().resolve(value)).toThrow(message)
  })
})
