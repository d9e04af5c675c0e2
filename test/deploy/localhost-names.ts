// APIs of MiniStack are at names below .localhost, which are loopback addresses (RFC 6761 §6.3), but not every resolver
// knows it. Loaded into the tests, and into the functions that run there.
import dns from 'node:dns'

const lookup = dns.lookup as (hostname: string, ...more: unknown[]) => void
dns.lookup = ((hostname: string, ...more: unknown[]) =>
  lookup(hostname.endsWith('.localhost') ? 'localhost' : hostname, ...more)) as typeof dns.lookup
