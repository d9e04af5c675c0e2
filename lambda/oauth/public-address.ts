import { BlockList, isIP } from 'node:net'

/** What of IPv4 is no host on the internet (IANA IPv4 Special-Purpose Address Registry, RFC 6890), and multicast. */
const specialIpv4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; the metadata and credentials of EC2, ECS and Lambda
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // relays of 6to4
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
]

/** All that is assigned to hosts on the internet (RFC 4291 §2.4): everything else of IPv6 is something special. */
const globalIpv6 = '2000::/3'

/** What of it is not, after all (IANA IPv6 Special-Purpose Address Registry). */
const specialIpv6 = [
  '2001::/23', // protocol assignments, Teredo among them, which hides an IPv4 address
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which hides an IPv4 address
  '3fff::/20', // documentation
]

/** Made by the first who asks: most functions never do. */
let lists: { readonly special: BlockList; readonly global: BlockList } | undefined

/**
 * Whether a text is the address of a host on the public internet. IPv6 addresses with an IPv4 one in them (mapped,
 * NAT64, 6to4, Teredo) are none, whatever it is.
 */
export function isPublicAddress(address: string): boolean {
  // A zone (`fe80::1%eth0`) is for addresses that are not public.
  if (address.includes('%')) return false
  lists ??= { special: blockList([...specialIpv4, ...specialIpv6]), global: blockList([globalIpv6]) }
  const { special, global } = lists
  const version = isIP(address)
  if (version === 4) return !special.check(address, 'ipv4')
  return version === 6 && global.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/')
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}
