import type { StackTemplate } from './cloud-assembly.ts'
import type { DemoClient } from './demo-client.ts'
import type { Endpoints } from './endpoints.ts'
import type { ExampleCall } from './example-call.ts'

/**
 * Four lines for a shell, each under a comment: a token, a call that passes, a revocation, a call that is
 * refused. Two of a server that revokes nothing.
 *
 * @param maxRevocationDelaySeconds how long after the revocation the last call may still pass
 */
export function whatToPaste(
  client: Pick<DemoClient, 'client_id' | 'client_secret'>,
  endpoints: Pick<Endpoints, 'tokenEndpoint' | 'revocationEndpoint'>,
  { url, resource }: ExampleCall,
  maxRevocationDelaySeconds: number,
): string[] {
  const credentials = '-u "$CLIENT_ID:$CLIENT_SECRET"'
  const status = String.raw`-w '\n%{http_code}\n'`
  const call = `curl -sS ${status} -H "Authorization: Bearer $TOKEN" ${quoted(url)}`
  const extract = String.raw`sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p'`
  const form = `-d grant_type=client_credentials --data-urlencode ${quoted(`resource=${resource}`)}`
  const wait = maxRevocationDelaySeconds > 0 ? `sleep ${maxRevocationDelaySeconds}; ` : ''
  const { revocationEndpoint } = endpoints
  const within = maxRevocationDelaySeconds > 0 ? `within ${maxRevocationDelaySeconds} s` : 'at once'
  return [
    `# A token for ${resource}`,
    `CLIENT_ID=${client.client_id} CLIENT_SECRET=${client.client_secret}; TOKEN=$(curl -sS ${credentials} ${form} ${endpoints.tokenEndpoint} | ${extract}); echo "$TOKEN"`,
    '# A call that passes: 200',
    call,
    ...(revocationEndpoint === undefined
      ? []
      : [
          '# A revocation: 200',
          `curl -sS ${status} ${credentials} -d "token=$TOKEN" ${revocationEndpoint}`,
          `# The same call is refused ${within}: 401`,
          `${wait}${call}`,
        ]),
  ]
}

/** One word for a shell. */
function quoted(word: string): string {
  return /^[\w:/.=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * The most seconds between a revocation and the last call that passes, as the template has it: the age of
 * the authorizers' snapshots and of the gateway's cached decisions.
 */
export function maxRevocationDelayOf(stacks: readonly StackTemplate[]): number {
  const seconds = stacks
    .flatMap(({ resources }) => resources)
    .map(({ type, properties }) => {
      if (type === 'AWS::ApiGatewayV2::Authorizer' || type === 'AWS::ApiGateway::Authorizer')
        return { cached: properties.AuthorizerResultTtlInSeconds }
      const environment = properties.Environment as { Variables?: Record<string, unknown> } | undefined
      return { snapshot: environment?.Variables?.REVOCATION_REFRESH_SECONDS }
    })
  const longest = (values: unknown[]) => Math.max(0, ...values.map(value => Number(value ?? 0)))
  return longest(seconds.map(({ snapshot }) => snapshot)) + longest(seconds.map(({ cached }) => cached))
}
