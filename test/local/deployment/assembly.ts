// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Fn::Sub has placeholders of its own
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Template resources by logical id. */
export type Resources = Record<
  string,
  { Type: string; Properties?: Record<string, unknown>; [attribute: string]: unknown }
>

export interface AssemblySetup {
  resources: Resources
  /** Source of `index.mjs` by the key of the code asset. */
  code?: Record<string, string>
  outputs?: Record<string, unknown>
  /** Further sections of the template. */
  sections?: Record<string, unknown>
  stackName?: string
  environment?: string
}

/** Writes a cloud assembly of one stack, as `cdk synth` does, into a folder. */
export function writeAssembly(directory: string, setup: AssemblySetup): void {
  const { resources, code = {}, outputs = {}, sections = {}, stackName = 'Test', environment } = setup
  mkdirSync(directory, { recursive: true })
  const files: Record<string, unknown> = {}
  for (const [key, source] of Object.entries(code)) {
    mkdirSync(join(directory, `asset.${key}`), { recursive: true })
    writeFileSync(join(directory, `asset.${key}`, 'index.mjs'), source)
    files[key] = {
      source: { path: `asset.${key}`, packaging: 'zip' },
      destinations: { current: { bucketName: 'assets', objectKey: `${key}.zip` } },
    }
  }
  const write = (name: string, content: unknown) =>
    writeFileSync(join(directory, name), JSON.stringify(content))
  const Outputs = Object.fromEntries(Object.entries(outputs).map(([name, Value]) => [name, { Value }]))
  write(`${stackName}.template.json`, { Resources: resources, Outputs, ...sections })
  write(`${stackName}.assets.json`, { version: '55.0.0', files, dockerImages: {} })
  write('manifest.json', {
    version: '55.0.0',
    artifacts: {
      [`${stackName}.assets`]: {
        type: 'cdk:asset-manifest',
        properties: { file: `${stackName}.assets.json` },
      },
      [stackName]: {
        type: 'aws:cloudformation:stack',
        environment,
        properties: { templateFile: `${stackName}.template.json` },
        dependencies: [`${stackName}.assets`],
      },
      Tree: { type: 'cdk:tree', properties: { file: 'tree.json' } },
    },
  })
}

/** An `AWS::Lambda::Function` of a code asset. */
export function lambdaFunction(asset: string, path: string, properties: Record<string, unknown> = {}) {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: { 'Fn::Sub': 'assets-${AWS::AccountId}-${AWS::Region}' }, S3Key: `${asset}.zip` },
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Timeout: 5,
      Role: 'arn:aws:iam::000000000000:role/any',
      ...properties,
    },
    Metadata: { 'aws:cdk:path': `Test/${path}/Resource` },
  }
}

/** An HTTP API with one route, its integration, stage and permission. */
export function httpApi(id: string, name: string, functionId: string, routeKey = '$default'): Resources {
  const ApiId = { Ref: id }
  return {
    [id]: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: name, ProtocolType: 'HTTP' } },
    [`${id}Stage`]: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId, StageName: '$default', AutoDeploy: true },
    },
    [`${id}Integration`]: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': [functionId, 'Arn'] },
        PayloadFormatVersion: '2.0',
      },
    },
    [`${id}Route`]: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId,
        RouteKey: routeKey,
        AuthorizationType: 'NONE',
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: `${id}Integration` }]] },
      },
    },
    [`${id}Permission`]: permission(functionId, { 'Fn::Sub': `\${${id}}/*/*` }),
  }
}

export function permission(functionId: string, suffix: unknown) {
  return {
    Type: 'AWS::Lambda::Permission',
    Properties: {
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [functionId, 'Arn'] },
      Principal: 'apigateway.amazonaws.com',
      SourceArn: {
        'Fn::Join': [
          '',
          [
            'arn:',
            { Ref: 'AWS::Partition' },
            ':execute-api:',
            { Ref: 'AWS::Region' },
            ':',
            { Ref: 'AWS::AccountId' },
            ':',
            suffix,
          ],
        ],
      },
    },
  }
}
