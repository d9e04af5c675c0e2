import { CustomResource, Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { AdministrationError } from '../lambda/oauth/administration/administration-error.ts'
import { parseResourceServer } from '../lambda/oauth/administration/resource-server-metadata.ts'
import { bundledCode, CountersignFunction } from './functions.ts'
import { wholeSeconds } from './limits.ts'
import { registrarPermissions } from './permissions.ts'
import type { CountersignTables } from './tables.ts'

/** A protected API as the authorization server knows it: what may be granted there. */
export interface ResourceServerOptions {
  /**
   * Its resource indicator (RFC 8707 §2), the `aud` of its tokens: an absolute URI without a fragment, such as
   * `https://orders.example.com`, at most 512 characters, compared character by character. Known at synthesis.
   */
  readonly audience: string

  /**
   * Its scopes (scope tokens of RFC 6749 §3.3, at most 128 characters) with what each allows, for people (at most 200
   * characters, may be empty): `{ 'orders:read': 'Read orders' }`. At least one, at most 200.
   */
  readonly scopes: Readonly<Record<string, string>>

  /**
   * How long its access tokens are valid, unless the client has a lifetime of its own. 60 to 3600 seconds.
   *
   * @default - the server's `accessTokenLifetime`
   */
  readonly accessTokenLifetime?: Duration
}

interface DeclaredResourceServer {
  readonly audience: string
  readonly scopes: Readonly<Record<string, string>>
  readonly accessTokenLifetimeSeconds: number | undefined
}

/** The registrar looks through every client; then CloudFormation stops waiting. */
const registrarTimeout = Duration.seconds(60)

/** What the function that registers resource servers has to know. */
export interface RegistrarFunctionProps {
  /** Where they are registered. */
  readonly storage: CountersignTables
  /**
   * How long its log group keeps its events.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays
}

/** The function that registers, at deployment, the resource servers that an app declares. */
export class RegistrarFunction extends CountersignFunction {
  /** Where they are registered. */
  readonly storage: CountersignTables

  constructor(scope: Construct, id: string, { storage, logRetention }: RegistrarFunctionProps) {
    super(scope, id, {
      service: 'registrar',
      description: 'Countersign: registers the resource servers that the app declares',
      code: bundledCode('registrar'),
      timeout: registrarTimeout,
      environment: {
        CLIENTS_TABLE: storage.clients.tableName,
        RESOURCE_SERVERS_TABLE: storage.resourceServers.tableName,
      },
      statements: registrarPermissions(storage),
      logRetention,
    })
    this.storage = storage
  }
}

/** The resource servers that an app declares. They are registered by one custom resource, at deployment. */
export class ResourceServers extends Construct {
  readonly #declared = new Map<string, DeclaredResourceServer>()

  constructor(scope: Construct, id: string, { registrar }: { readonly registrar: RegistrarFunction }) {
    super(scope, id)
    const resource = new CustomResource(this, 'Default', {
      resourceType: 'Custom::CountersignResourceServers',
      serviceToken: registrar.functionArn,
      serviceTimeout: Duration.seconds(registrarTimeout.toSeconds() + 30),
      removalPolicy: RemovalPolicy.RETAIN,
      properties: { ResourceServers: Lazy.any({ produce: () => this.#properties() }) },
    })
    resource.node.addDependency(registrar)
  }

  /** @throws Error when it is malformed, or the audience is declared already */
  add({ audience, scopes, accessTokenLifetime }: ResourceServerOptions): void {
    if (this.#declared.has(audience)) {
      throw new Error(`resource server "${audience}" is declared twice: put all of its scopes into one`)
    }
    const accessTokenLifetimeSeconds =
      accessTokenLifetime &&
      wholeSeconds(`accessTokenLifetime of "${audience}"`, accessTokenLifetime, { min: 60, max: 3600 })
    const list = Object.entries(scopes).map(([scope, description]) => ({ scope, description }))
    try {
      parseResourceServer({ audience, scopes: list })
    } catch (error) {
      if (!(error instanceof AdministrationError)) throw error
      throw new Error(`resource server "${audience}": ${error.detail}`, { cause: error })
    }
    this.#declared.set(audience, { audience, scopes, accessTokenLifetimeSeconds })
  }

  /** The scopes of a declared resource server; undefined = it is not declared here. */
  scopesOf(audience: string): readonly string[] | undefined {
    const declared = this.#declared.get(audience)
    return declared && Object.keys(declared.scopes)
  }

  /** The audiences that are declared here. */
  audiences(): readonly string[] {
    return [...this.#declared.keys()]
  }

  /** In one order: the same declarations are the same template. */
  #properties(): object[] {
    return [...this.#declared.values()]
      .toSorted((a, b) => (a.audience < b.audience ? -1 : 1))
      .map(({ audience, scopes, accessTokenLifetimeSeconds }) => ({
        Audience: audience,
        Scopes: Object.entries(scopes).map(([Scope, Description]) => ({ Scope, Description })),
        AccessTokenLifetimeSeconds: accessTokenLifetimeSeconds,
      }))
  }
}
