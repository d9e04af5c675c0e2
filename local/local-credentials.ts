/**
 * The only credentials of a local run, the same on every machine: they open nothing but a server on its
 * loopback address. AWS's DynamoDB Local refuses an access key id with anything but letters and digits in it.
 */
export const localCredentials = {
  accessKeyId: 'countersignlocal',
  secretAccessKey: 'countersign-local-secret',
} as const
