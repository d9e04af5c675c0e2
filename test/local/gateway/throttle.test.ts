import { afterEach, describe, expect, it } from 'vitest'
import { TokenBucket } from '../../../local/gateway/throttle.ts'
import { startApi, type TestApi, type TestApiSetup } from './http-api.ts'

const open: TestApi[] = []

async function start(setup: Partial<TestApiSetup>) {
  const api = await startApi({
    routes: { 'GET /a': 'NONE', 'GET /b': 'NONE', 'GET /c': 'CUSTOM' },
    backend: () => 'ok',
    ...setup,
  })
  open.push(api)
  return api
}

async function statuses(api: TestApi, path: string, times: number) {
  const found: number[] = []
  for (let index = 0; index < times; index += 1) found.push((await fetch(`${api.url}${path}`)).status)
  return found
}

afterEach(async () => {
  await Promise.all(open.splice(0).map(api => api.close()))
})

it('a bucket holds the burst and refills at the rate', () => {
  let now = 0
  const bucket = new TokenBucket({ burstLimit: 2, rateLimit: 10 }, () => now)
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
  now = 99
  expect(bucket.take()).toBe(false)
  now = 150
  expect([bucket.take(), bucket.take()]).toEqual([true, false])
  now = 100_000
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false])
})

describe('stage throttling', () => {
  // A rate so low that nothing refills while the test runs.
  const DefaultRouteSettings = { ThrottlingBurstLimit: 2, ThrottlingRateLimit: 0.001 }

  it('answers 429 Too Many Requests above DefaultRouteSettings', async () => {
    const api = await start({ stages: [{ StageName: '$default', DefaultRouteSettings }] })
    expect(await statuses(api, '/a', 3)).toEqual([200, 200, 429])
    const response = await fetch(`${api.url}/a`)
    expect(await response.text()).toBe('{"message":"Too Many Requests"}')
    expect(api.backendEvents).toHaveLength(2)
  })

  it('counts each route for itself', async () => {
    const api = await start({ stages: [{ StageName: '$default', DefaultRouteSettings }] })
    await statuses(api, '/a', 3)
    expect(await statuses(api, '/b', 1)).toEqual([200])
  })

  it('lets RouteSettings override the default', async () => {
    const RouteSettings = { 'GET /b': { ThrottlingBurstLimit: 1, ThrottlingRateLimit: 0.001 } }
    const api = await start({ stages: [{ StageName: '$default', DefaultRouteSettings, RouteSettings }] })
    expect(await statuses(api, '/b', 2)).toEqual([200, 429])
    expect(await statuses(api, '/a', 3)).toEqual([200, 200, 429])
  })

  it('comes before authorization', async () => {
    const api = await start({ stages: [{ StageName: '$default', DefaultRouteSettings }] })
    expect(await statuses(api, '/c', 3)).toEqual([401, 401, 429])
  })

  it('has the account as an upper limit for all routes together', async () => {
    const accountBucket = new TokenBucket({ burstLimit: 2, rateLimit: 0.001 })
    const api = await start({ accountBucket })
    expect(await statuses(api, '/a', 1)).toEqual([200])
    expect(await statuses(api, '/b', 2)).toEqual([200, 429])
  })

  it.each([
    [{ DeploymentId: 'x' }, 'the local run does not know the property DeploymentId'],
    [
      { DefaultRouteSettings: { LoggingLevel: 'INFO' } },
      'does not know the property DefaultRouteSettings.LoggingLevel',
    ],
    [{ AutoDeploy: false }, 'AutoDeploy has the value false'],
  ])('refuses at deployment a stage with %o', async (properties, message) => {
    await expect(start({ stages: [{ StageName: '$default', ...properties }] })).rejects.toThrow(message)
  })
})
