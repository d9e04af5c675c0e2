import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lazy } from 'aws-cdk-lib'
import { type CfnFunction, Code, type CodeConfig } from 'aws-cdk-lib/aws-lambda'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import type { Construct } from 'constructs'

/**
 * A function's code whose last file is written at synthesis: the bundle's folder plus `routes.json`. Until `stage` has
 * run, the code has no location, so a template without a route table cannot come out.
 */
export class RouteTableCode extends Code {
  readonly isInline = false
  readonly #bundle: string
  #asset: Asset | undefined

  constructor(bundle: string) {
    super()
    this.#bundle = bundle
  }

  get staged(): boolean {
    return this.#asset !== undefined
  }

  override bind(): CodeConfig {
    return {
      s3Location: {
        bucketName: Lazy.string({ produce: () => this.#location().s3BucketName }),
        objectKey: Lazy.string({ produce: () => this.#location().s3ObjectKey }),
      },
    }
  }

  /** Stages the bundle with this route table as an asset, as which `resource` is marked for the tools that ask. */
  stage(scope: Construct, resource: CfnFunction, routesJson: string): void {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-'))
    cpSync(this.#bundle, folder, { recursive: true })
    writeFileSync(join(folder, 'routes.json'), routesJson)
    this.#asset = new Asset(scope, 'Code', { path: folder, assetHash: hashOf(folder) })
    this.#asset.addResourceMetadata(resource, 'Code')
    // With staging turned off the assembly refers to the folder itself.
    if (!this.#asset.assetPath.startsWith(folder)) rmSync(folder, { recursive: true })
  }

  #location(): Asset {
    if (this.#asset === undefined) {
      throw new Error('the route table of an authorizer is not staged yet: read its code after synthesis')
    }
    return this.#asset
  }
}

/** By names and contents alone: the same on every machine, whatever the folder is called. */
function hashOf(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const content = readFileSync(join(folder, name))
    hash.update(`${name}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
