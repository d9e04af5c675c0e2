import { resolve } from 'node:path'

/** The settings of a local run. */
export interface LocalSettings {
  /** The authorization server's port; each protected API takes the next one. */
  readonly port: number
  /** Absolute path of the folder that everything of the run lies in. */
  readonly dataDir: string
  readonly region: string
  /** The one origin whose `jwks_uri` need be neither https nor public. */
  readonly jwksUriAllow?: string
}

const highestPort = 65_000

/**
 * Reads PORT (default 4000), COUNTERSIGN_DATA_DIR (default `.countersign`), AWS_REGION (default us-east-1) and
 * COUNTERSIGN_JWKS_URI_ALLOW (default none). An empty value is an absent one.
 *
 * @throws Error naming the setting and its value
 */
export function readSettings(env: NodeJS.ProcessEnv, cwd: string): LocalSettings {
  const port = env.PORT || '4000'
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > highestPort) {
    throw new Error(`PORT is "${port}": it must be a whole number from 1 to ${highestPort}`)
  }
  const region = env.AWS_REGION || 'us-east-1'
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    throw new Error(`AWS_REGION is "${region}": it must be a Region such as us-east-1`)
  }
  const dataDir = resolve(cwd, env.COUNTERSIGN_DATA_DIR || '.countersign')
  return { port: Number(port), dataDir, region, ...readJwksUriAllow(env.COUNTERSIGN_JWKS_URI_ALLOW) }
}

function readJwksUriAllow(origin: string | undefined): Pick<LocalSettings, 'jwksUriAllow'> {
  if (origin === undefined || origin === '') return {}
  if (
    !/^https?:\/\/[a-z0-9.:_[\]-]+$/.test(origin) ||
    !URL.canParse(origin) ||
    new URL(origin).origin !== origin
  ) {
    throw new Error(
      `COUNTERSIGN_JWKS_URI_ALLOW is "${origin}": it must be an origin such as http://127.0.0.1:5000, without a path`,
    )
  }
  return { jwksUriAllow: origin }
}
