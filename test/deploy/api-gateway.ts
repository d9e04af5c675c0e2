// Setup of every test file that runs against MiniStack: leaves out what cannot be tried there, and makes two things as
// they are on AWS.
import { decodeJwt } from 'jose'
import { beforeEach, inject } from 'vitest'
import { readFunctionLogs } from './function-logs.ts'
import './localhost-names.ts'
import { notOnMiniStack } from './not-on-ministack.ts'

const deployment = inject('deployment')
if (deployment === undefined) throw new Error('this run has deployed nothing: use `npm run test:deploy`')
const { awsEndpoint } = deployment

beforeEach(({ task, skip }) => {
  const isLeftOut = notOnMiniStack.find(
    ({ file, title = '' }) => task.file.name === `test/${file}.test.ts` && task.fullTestName.includes(title),
  )
  if (isLeftOut) skip(isLeftOut.reason)
})

// An authorizer's `{"errorMessage":"Unauthorized"}` is answered 401 by API Gateway and 500 by MiniStack. Where the
// authorizer's own log says that it has refused, and not that it has failed, the answer counts as the 401.
const realFetch = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const sentAt = Date.now()
  const response = await realFetch(input, init)
  if (response.status !== 500) return response
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
  if (!(await hasRefused(tokenIdOf(headers.get('authorization')), sentAt))) return response
  await response.arrayBuffer()
  return Response.json({ message: 'Unauthorized' }, { status: 401 })
}

/** The `jti` of a bearer token, whoever made it. */
function tokenIdOf(authorization: string | null): unknown {
  try {
    return decodeJwt(authorization?.replace(/^Bearer /, '') ?? '').jti
  } catch {
    return undefined
  }
}

/** Tests run concurrently: a decision without a token's identifier may be this one, one with another is not. */
async function hasRefused(tokenId: unknown, since: number): Promise<boolean> {
  const logs = await readFunctionLogs(awsEndpoint, since)
  const lines = logs.flatMap(([, text]) => text.split('\n').filter(line => line.startsWith('{')))
  const decisions = lines
    .map(line => JSON.parse(line))
    .filter(({ audit, jti = tokenId }) => audit === 'api.authorize' && jti === tokenId)
  return decisions.length > 0 && decisions.every(({ outcome }) => outcome === 'refused')
}
