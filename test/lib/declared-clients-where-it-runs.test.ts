import { Duration, Stack } from 'aws-cdk-lib'
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { describe, expect, it } from 'vitest'
import { AuthorizationServer } from '../../lib/authorization-server.ts'
import type { ClientOptions } from '../../lib/client-options.ts'
import { assertionKey } from '../attacks/support/client-assertion.ts'
import { audience, twoStacks } from './protected-api.ts'
import { newApp, Synthesis } from './synthesis.ts'

const billing: ClientOptions = { clientName: 'billing', grants: [{ audience, scopes: ['orders:read'] }] }
const withKeys: ClientOptions = { ...billing, jwks: { keys: [assertionKey().jwk] } }
const at = (name: string) => `Countersign/DeclaredClients/${name}`

describe('a declared client', () => {
  it('has no request carried out once CloudFormation has given it up: what it then withdraws stays so', () => {
    const { server, serverStack } = twoStacks()
    server.addClient('Billing', billing)
    const synthesis = new Synthesis(serverStack)
    const [invoke] = [...synthesis.ofType('AWS::Lambda::EventInvokeConfig').values()]
    const { Properties: registrar } = synthesis.at(at('Registrar'))
    const { Properties: resource } = synthesis.at(at('Clients/Billing/Registration'))
    expect(invoke?.Properties).toEqual({
      FunctionName: synthesis.ref(at('Registrar')),
      MaximumEventAgeInSeconds: 60,
      Qualifier: '$LATEST',
    })
    expect(Number(resource.ServiceTimeout)).toBeGreaterThan(60 + Number(registrar.Timeout))
  })

  it('refuses a rotation where the domain asks callers for certificates: it would never be accepted', () => {
    const stack = new Stack(newApp(), 'Server')
    const domainName = new DomainName(stack, 'DomainName', {
      domainName: 'auth.example.com',
      certificate: Certificate.fromCertificateArn(
        stack,
        'Certificate',
        'arn:aws:acm:eu-west-1:111122223333:c/0',
      ),
      mtls: { bucket: Bucket.fromBucketName(stack, 'Truststore', 'truststores'), key: 'auth.pem' },
    })
    const server = new AuthorizationServer(stack, 'Countersign', { domainName })
    expect(() => server.addClient('C', billing)).toThrow(
      'secretRotation of client "C" must be Duration.days(0), since the server\'s domain asks callers for certificates',
    )
    server.addClient('Still', { ...billing, secretRotation: Duration.days(0) })
    server.addClient('Robot', withKeys)
  })
})
