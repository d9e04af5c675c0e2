/** Tests of the local gateway that `npm run test:deploy` leaves out. */
interface LeftOut {
  /** Below `test`, without `.test.ts`. */
  readonly file: string
  /** Tests whose full title has this in it. @default - all of the file */
  readonly title?: string
  readonly reason: string
}

export const notOnMiniStack: readonly LeftOut[] = [
  { file: 'flow/restart', reason: 'its state is in memory: a kill loses it' },
  { file: 'attacks/k-admin-credentials', reason: 'it verifies no signature (SigV4)' },
  { file: 'flow/canary', reason: 'it plants secrets in the data folder of the local gateway' },
  { file: 'flow/revocation-delay', reason: 'it needs other settings than those of the one deployment' },
  ...['command-line', 'command-line-keys', 'command-line-resource-servers'].map(name => ({
    file: `flow/${name}`,
    reason: 'the command line signs requests in plain http to localhost only, and not to names below it',
  })),
  ...['client-libraries', 'private-key-jwt'].map(name => ({
    file: `flow/third-party/${name}`,
    title: 'documented',
    reason: 'a program of its own finds names below .localhost only where the resolver of the machine does',
  })),
  {
    file: 'flow/third-party/resource-servers',
    reason: 'its programs would have to find names below .localhost as well',
  },
  {
    file: 'flow/declared-clients',
    reason:
      'it knows no AWS::SecretsManager::RotationSchedule, and its RotateSecret invokes nothing: deploy/declared-clients does it by hand',
  },
  {
    file: 'flow/signing-keys',
    title: 'in custody',
    reason:
      'it needs other settings than those of the one deployment; PS256 has a salt of another length there',
  },
  {
    file: 'flow/token-endpoint',
    title: 'answers OPTIONS',
    reason: 'it answers OPTIONS by itself, as API Gateway does for an API with CORS settings only',
  },
]

export function describeLeftOut({ file, title, reason }: LeftOut): string {
  return `${file}${title === undefined ? '' : ` "${title}"`}: ${reason}`
}
