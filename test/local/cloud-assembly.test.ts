import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCloudAssembly } from '../../local/cloud-assembly.ts'
import { lambdaFunction, writeAssembly } from './deployment/assembly.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'assembly-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

function overwrite(file: string, content: unknown) {
  writeFileSync(join(folder, file), JSON.stringify(content))
}

describe('reading a cloud assembly', () => {
  it('gives resources, outputs, parameters, conditions and assets of a stack', () => {
    writeAssembly(folder, {
      resources: {
        Role: { Type: 'AWS::IAM::Role', Condition: 'IsX' },
        Function: { ...lambdaFunction('abc', 'Server/Token'), DependsOn: ['Role'] },
      },
      code: { abc: 'export const handler = 1' },
      outputs: { Issuer: 'x' },
      sections: {
        Conditions: { IsX: { 'Fn::Equals': ['a', 'a'] } },
        Parameters: { P: { Type: 'String' } },
        Rules: { CheckBootstrapVersion: {} },
      },
    })
    const [stack, ...others] = readCloudAssembly(folder)
    expect(others).toEqual([])
    expect(stack).toMatchObject({
      stackName: 'Test',
      directory: folder,
      resources: [
        {
          logicalId: 'Role',
          type: 'AWS::IAM::Role',
          properties: {},
          path: 'Role',
          dependsOn: [],
          condition: 'IsX',
        },
        { logicalId: 'Function', type: 'AWS::Lambda::Function', path: 'Server/Token', dependsOn: ['Role'] },
      ],
      outputs: { Issuer: { value: 'x' } },
      conditions: { IsX: { 'Fn::Equals': ['a', 'a'] } },
      parameters: { P: { Type: 'String' } },
    })
    expect([...(stack?.assets ?? [])]).toEqual([['abc.zip', join(folder, 'asset.abc')]])
  })

  it('takes paths from the assembly where the template has none, without /Resource and /Default', () => {
    writeAssembly(folder, { resources: { A: { Type: 'T' }, B: { Type: 'T' }, C: { Type: 'T' } } })
    overwrite('metadata.json', {
      '/Test/Server/Clients/Resource': [{ type: 'aws:cdk:logicalId', data: 'A' }],
      '/Test/Server/Ring/Default': [{ type: 'aws:cdk:logicalId', data: 'B' }],
      '/Test/C': [{ type: 'aws:cdk:logicalId', data: 'C' }, { type: 'other' }],
    })
    overwrite('manifest.json', {
      artifacts: {
        Test: {
          type: 'aws:cloudformation:stack',
          properties: { templateFile: 'Test.template.json' },
          additionalMetadataFile: 'metadata.json',
        },
      },
    })
    expect(readCloudAssembly(folder)[0]?.resources.map(({ path }) => path)).toEqual([
      'Server/Clients',
      'Server/Ring',
      'C',
    ])
  })

  it('gives stacks after those they depend on', () => {
    writeAssembly(folder, { resources: {} })
    const stack = (dependencies: string[]) => ({
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'Test.template.json' },
      dependencies,
    })
    overwrite('manifest.json', { artifacts: { A: stack(['B']), B: stack(['C', 'gone']), C: stack([]) } })
    expect(readCloudAssembly(folder).map(({ stackName }) => stackName)).toEqual(['C', 'B', 'A'])
  })

  it('reads one stack alone, with those it depends on, by its name', () => {
    writeAssembly(folder, { resources: {} })
    const stack = (stackName: string, ...dependencies: string[]) => ({
      type: 'aws:cloudformation:stack',
      properties: { templateFile: 'Test.template.json', stackName },
      dependencies,
    })
    const artifacts = { A: stack('dev-api', 'B'), B: stack('dev'), C: stack('prod') }
    overwrite('manifest.json', { artifacts })
    expect(readCloudAssembly(folder, 'dev-api').map(({ stackName }) => stackName)).toEqual(['dev', 'dev-api'])
    expect(() => readCloudAssembly(folder, 'A')).toThrow('the app has no stack A, but dev-api, dev, prod')
  })

  it('says so when there is none', () => {
    expect(() => readCloudAssembly(join(folder, 'none'))).toThrow(
      `no cloud assembly in ${join(folder, 'none')}: synthesise the app first`,
    )
  })

  it('names an artifact, a template section and a resource attribute that it does not know', () => {
    writeAssembly(folder, { resources: {}, sections: { Transform: 'x' } })
    expect(() => readCloudAssembly(folder)).toThrow('does not know the template section Transform')
    writeAssembly(folder, { resources: { A: { Type: 'T', UpdatePolicy: {} } } })
    expect(() => readCloudAssembly(folder)).toThrow(
      'T A: the local run does not know the attribute UpdatePolicy',
    )
    overwrite('manifest.json', { artifacts: { Nested: { type: 'cdk:cloud-assembly' } } })
    expect(() => readCloudAssembly(folder)).toThrow('artifact Nested has the type cdk:cloud-assembly')
  })

  it('refuses container images', () => {
    writeAssembly(folder, { resources: {} })
    overwrite('Test.assets.json', { files: {}, dockerImages: { image: {} } })
    expect(() => readCloudAssembly(folder)).toThrow('does not know container image assets (image)')
  })
})
