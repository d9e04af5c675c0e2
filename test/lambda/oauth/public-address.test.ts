import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../../lambda/oauth/public-address.ts'

describe('an address', () => {
  it('is asked about in both families', () => {
    const addresses = ['2606:4700:4700::1111', 'fd00::1', '2001:db8::1', '1.1.1.1', '10.0.0.1']
    expect(addresses.map(isPublicAddress)).toEqual([true, false, false, true, false])
  })

  it.each([
    ...['1.1.1.1', '8.8.8.8', '93.184.216.34', '223.255.255.255', '54.239.28.85'],
    ...[
      '2606:4700:4700::1111',
      '2a00:1450:4001:82a::200e',
      '2400:cb00:2048:1::6814:55',
      '2001:4860:4860::8888',
    ],
  ])('of a host on the internet is public: %s', address => {
    expect(isPublicAddress(address)).toBe(true)
  })

  // The first and the last of each block, and what is right before and after it.
  it.each([
    ['this network', '0.0.0.0', '0.255.255.255', undefined, '1.0.0.0'],
    ['private', '10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['carrier-grade NAT', '100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
    ['loopback', '127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['link-local', '169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['private', '172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['protocol assignments', '192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'],
    ['documentation', '192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
    ['6to4 relays', '192.88.99.0', '192.88.99.255', '192.88.98.255', '192.88.100.0'],
    ['private', '192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['benchmarks', '198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
    ['documentation', '198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'],
    ['documentation', '203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'],
    ['multicast, reserved and broadcast', '224.0.0.0', '255.255.255.255', '223.255.255.255', undefined],
    ['multicast', '239.255.255.255', '240.0.0.0', undefined, undefined],
    ['protocol assignments, Teredo', '2001::', '2001:1ff:ffff::1', '2000:ffff::1', '2001:200::'],
    ['documentation', '2001:db8::', '2001:db8:ffff::1', '2001:db7:ffff::1', '2001:db9::'],
    ['6to4', '2002::', '2002:ffff::1', '2001:ffff::1', '2003::'],
    ['documentation', '3fff::', '3fff:fff:ffff::1', '3ffe:ffff::1', '3fff:1000::'],
    ['what is assigned to nobody', '::', '1fff:ffff::1', undefined, '2000::'],
    ['what is assigned to nobody', '4000::', 'ffff:ffff::1', '3fff:ffff::1', undefined],
  ])('of a block for %s is not: %s to %s', (_, first, last, before, after) => {
    expect([first, last].map(isPublicAddress)).toEqual([false, false])
    for (const neighbour of [before, after]) expect(isPublicAddress(neighbour ?? '1.1.1.1')).toBe(true)
  })

  it.each([
    ['the metadata of EC2', '169.254.169.254'],
    ['the metadata of EC2 in IPv6', 'fd00:ec2::254'],
    ['the credentials of ECS', '169.254.170.2'],
    ['the clock of EC2', 'fd00:ec2::123'],
    ['loopback', '::1'],
    ['no address', '::'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['a zone where there is none', '2606:4700:4700::1111%eth0'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fdff::1'],
    ['multicast', 'ff02::1'],
    ['site-local', 'fec0::1'],
    ['discard', '100::1'],
    ['segment routing', '5f00::1'],
    ['mapped IPv4, private', '::ffff:10.0.0.1'],
    ['mapped IPv4, loopback', '::ffff:127.0.0.1'],
    ['mapped IPv4 in hexadecimal', '::ffff:7f00:1'],
    ['mapped IPv4, public', '::ffff:8.8.8.8'],
    ['compatible IPv4', '::127.0.0.1'],
    ['translated IPv4', '::ffff:0:127.0.0.1'],
    ['NAT64, loopback', '64:ff9b::127.0.0.1'],
    ['NAT64, public', '64:ff9b::808:808'],
    ['local NAT64', '64:ff9b:1::1'],
    ['6to4 of a private address', '2002:a00:1::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ])('that is special is not: %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  it.each([
    '',
    'localhost',
    'example.com',
    '8.8.8',
    '8.8.8.8.',
    '8.8.8.8/32',
    '0x8080808',
    '134744072',
    '[2606::1]',
    ' 8.8.8.8',
    '08.8.8.8',
  ])('that is none is not: %j', text => {
    expect(isPublicAddress(text)).toBe(false)
  })
})
