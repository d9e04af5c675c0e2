import { App } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { readContextSettings } from '../../lib/context-settings.ts'
import { CountersignStack } from '../../lib/countersign-stack.ts'
import { newApp, Synthesis } from './synthesis.ts'

const read = (context: Record<string, unknown>) => readContextSettings(new App({ context }).node)

describe('the settings of the app', () => {
  it('are the defaults where nothing is set', () => {
    const { examples, authorizationServer, domain } = read({})
    expect(examples).toBe(true)
    expect(domain).toBeUndefined()
    expect(Object.values(authorizationServer).every(value => value === undefined)).toBe(true)
  })

  it('come as text from the command line and as numbers from cdk.json', () => {
    const { authorizationServer } = read({ maxRevocationDelaySeconds: '0', accessTokenLifetimeSeconds: 900 })
    expect(authorizationServer.maxRevocationDelay?.toSeconds()).toBe(0)
    expect(authorizationServer.accessTokenLifetime?.toSeconds()).toBe(900)
  })

  it.each([
    [{ maxRevocationDelaySeconds: 'soon' }, 'context maxRevocationDelaySeconds must be a number, got "soon"'],
    [{ logRetentionDays: '' }, 'context logRetentionDays must be a number, got ""'],
    [{ examples: 'no' }, 'context examples must be true or false, got "no"'],
    [
      { domainName: 'auth.example.com' },
      'context domainName and certificateArn must be set together: the name, and the ARN of its certificate',
    ],
    [
      { truststoreUri: 's3://truststores/auth.pem' },
      'context domainName and certificateArn must be set together: the name, and the ARN of its certificate',
    ],
    [
      { truststoreUri: 'https://truststores/auth.pem' },
      'context truststoreUri must be s3://<bucket>/<key> of a PEM file, got "https://truststores/auth.pem"',
    ],
    [
      { truststoreVersion: '3' },
      'context truststoreUri must be s3://<bucket>/<key> of a PEM file, got undefined',
    ],
  ])('are refused when they are wrong: %j', (context, message) => {
    expect(() => read(context)).toThrow(message)
  })

  it('make a custom domain the issuer and turn the default endpoint off', () => {
    const certificateArn = 'arn:aws:acm:eu-west-1:123456789012:certificate/0'
    const settings = read({ domainName: 'auth.example.com', certificateArn, examples: 'false' })
    const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign', settings))
    // A reference to the domain is its name.
    const issuer = { 'Fn::Join': ['', ['https://', synthesis.ref('DomainName')]] }
    expect(synthesis.at('DomainName').Properties.DomainName).toBe('auth.example.com')
    expect(synthesis.outputs.Issuer?.Value).toEqual(issuer)
    expect(synthesis.environment('AuthorizationServer/Token').ISSUER).toEqual(issuer)
    expect(synthesis.at('AuthorizationServer/Api').Properties.DisableExecuteApiEndpoint).toBe(true)
    expect(synthesis.outputs.DomainTarget?.Value).toEqual({
      'Fn::GetAtt': [synthesis.at('DomainName').logicalId, 'RegionalDomainName'],
    })
    expect(synthesis.at('DomainName').Properties.MutualTlsAuthentication).toBeUndefined()
  })

  it('ask callers of the custom domain for a certificate, where there is a truststore', () => {
    const settings = read({
      domainName: 'auth.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/0',
      truststoreUri: 's3://truststores/machines/auth.pem',
      truststoreVersion: '3',
      examples: 'false',
    })
    const synthesis = new Synthesis(new CountersignStack(newApp(), 'Countersign', settings))
    expect(synthesis.at('DomainName').Properties.MutualTlsAuthentication).toEqual({
      TruststoreUri: 's3://truststores/machines/auth.pem',
      TruststoreVersion: '3',
    })
    // Without it the same API could be called past the certificate.
    expect(synthesis.at('AuthorizationServer/Api').Properties.DisableExecuteApiEndpoint).toBe(true)
  })
})
