import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')
const privateRanges: ReadonlySet<string> = new Set(['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'])

/**
 * Whether an address, as resolvers and sockets write it, is one of the public internet. No mapped, translated or
 * tunnelled address is (NAT64, 6to4, Teredo), whatever is behind: it can lead to any IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address)
  if (parsed?.range() !== 'unicast') return false
  // ipaddr.js calls all that it does not know unicast: `::127.0.0.1`, for one
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalUnicast)
}

/** Whether an address is of this machine or its network. Link-local ones are not: cloud metadata is there. */
export function isPrivateAddress(address: string): boolean {
  const parsed = parseAddress(address)
  return parsed !== undefined && privateRanges.has(parsed.range())
}

function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // ipaddr.js reads `0x7f.1` and `127.1` too; a zone (`%eth0`) is only of link-local use
  if (isIP(address) === 0 || address.includes('%')) return undefined
  return ipaddr.parse(address)
}
