import { describe, expect, it } from 'vitest'
import { readSettings } from '../../local/settings.ts'

describe('the settings of a local run', () => {
  it.each([
    [{}, { port: 4000, dataDir: '/clone/.countersign', region: 'us-east-1' }],
    [
      { PORT: '', COUNTERSIGN_DATA_DIR: '', AWS_REGION: '' },
      { port: 4000, dataDir: '/clone/.countersign', region: 'us-east-1' },
    ],
    [
      { PORT: '5000', COUNTERSIGN_DATA_DIR: 'data', AWS_REGION: 'eu-central-1' },
      { port: 5000, dataDir: '/clone/data', region: 'eu-central-1' },
    ],
    [{ COUNTERSIGN_DATA_DIR: '/data' }, { port: 4000, dataDir: '/data', region: 'us-east-1' }],
    [
      { AWS_REGION: 'us-gov-west-1' },
      { port: 4000, dataDir: '/clone/.countersign', region: 'us-gov-west-1' },
    ],
  ])('are read from %j', (env, settings) => {
    expect(readSettings(env, '/clone')).toEqual(settings)
  })

  it.each(['0', '-1', '65001', '70000', '4000.5', '0x10', '1e3', ' 4000', 'http'])('refuse PORT=%j', PORT => {
    expect(() => readSettings({ PORT }, '/clone')).toThrow(
      `PORT is "${PORT}": it must be a whole number from 1 to 65000`,
    )
  })

  it('refuse an AWS_REGION that is none', () => {
    expect(() => readSettings({ AWS_REGION: 'here/there' }, '/clone')).toThrow(
      'AWS_REGION is "here/there": it must be a Region such as us-east-1',
    )
  })
})
