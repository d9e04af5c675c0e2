import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import {
  type Grant,
  type IGrantable,
  type IPrincipal,
  type IRole,
  PolicyDocument,
  Role,
} from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { type AuthorizationServerProps, checkSettings } from './authorization-server-props.ts'
import { revocationReaderPermissions } from './permissions.ts'
import { createWrappingKey, ringName } from './signing-key-ring.ts'
import { type CountersignTables, createTables } from './tables.ts'

/** How an authorization server's data are kept. */
export interface AuthorizationServerStorageProps
  extends Pick<
    AuthorizationServerProps,
    'signingKeyCustody' | 'revocationShards' | 'removalPolicy' | 'deletionProtection'
  > {}

/**
 * What an authorization server cannot lose: its five tables, the name of its ring of signing keys and, with custody
 * `envelope`, the KMS key that wraps them. Everything else can be made anew at any time, so this may have a stack of its
 * own, in the server's account and Region. Its place in the app names the tables and the ring: moved, it is empty.
 */
export class AuthorizationServerStorage extends Construct implements CountersignTables {
  /** The registered clients, with digests of their secrets. */
  readonly clients: TableV2
  /** The registered resource servers, with their scopes. */
  readonly resourceServers: TableV2
  /** What is revoked: `revocations.table` of a guard (`countersign/guard`). */
  readonly revocations: TableV2
  /** The ring of signing keys: `keys.table` of a guard (`countersign/guard`). */
  readonly signingKeys: TableV2
  /** What counts once or for minutes: assertions that were used, failed authentications. */
  readonly singleUse: TableV2
  /** Which keys in the `SigningKeys` table, and which keys in KMS by their tag, are this server's. */
  readonly signingKeyRing: string
  /** Where the private signing keys are: in KMS, or wrapped by a key of it. */
  readonly signingKeyCustody: 'kms' | 'envelope'
  /** Over how many partitions revocations are spread. */
  readonly revocationShards: number
  /** The key that wraps private signing keys; undefined with custody `kms`. */
  readonly wrappingKey: IKey | undefined

  /** @throws Error when a setting is out of its limits */
  constructor(scope: Construct, id: string, props: AuthorizationServerStorageProps = {}) {
    super(scope, id)
    const { signingKeyCustody, revocationShards } = checkSettings(props)
    const tables = createTables(this, props)
    this.clients = tables.clients
    this.resourceServers = tables.resourceServers
    this.revocations = tables.revocations
    this.signingKeys = tables.signingKeys
    this.singleUse = tables.singleUse
    this.signingKeyRing = ringName(this)
    this.signingKeyCustody = signingKeyCustody
    this.revocationShards = revocationShards
    this.wrappingKey =
      signingKeyCustody === 'envelope' ? createWrappingKey(this, this.signingKeyRing) : undefined
  }

  /**
   * A role with which authorizers of another account or Region read the revocations, and nothing else. Give its ARN to
   * `fromAttributes` there, as `revocations.readRoleArn`.
   *
   * @param assumedBy who may assume it: an account, or better the roles of the authorizers
   */
  addRevocationReader(id: string, { assumedBy }: { readonly assumedBy: IPrincipal }): IRole {
    return new Role(this, id, {
      assumedBy,
      description: 'Countersign: reads revocations, for authorizers elsewhere',
      inlinePolicies: { Policy: new PolicyDocument({ statements: revocationReaderPermissions(this) }) },
    })
  }

  /**
   * Lets a service that is behind no gateway read what a guard (`countersign/guard`) decides by: revocations, and public
   * signing keys. It may write nothing.
   */
  grantGuard(grantee: IGrantable): Grant {
    const revocations = this.revocations.grant(grantee, 'dynamodb:BatchGetItem', 'dynamodb:Query')
    return revocations.combine(this.signingKeys.grant(grantee, 'dynamodb:Query'))
  }
}

/**
 * The storage of a server: what it is given, or tables of its own. These have no place of their own in the tree, as `Default`
 * is in no logical id.
 *
 * @throws Error when a setting of the storage is said twice
 */
export function storageOf(server: Construct, props: AuthorizationServerProps): AuthorizationServerStorage {
  if (props.storage === undefined) return new AuthorizationServerStorage(server, 'Default', props)
  for (const setting of [
    'signingKeyCustody',
    'revocationShards',
    'removalPolicy',
    'deletionProtection',
  ] as const) {
    if (props[setting] !== undefined) {
      throw new Error(
        `${setting} must not be set beside storage, got ${String(props[setting])}: set it where the storage is made`,
      )
    }
  }
  return props.storage
}
