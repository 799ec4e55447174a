/** Parses the header with the requester's IP address. Pure: what it remembers changes no result. */
import ipaddr from 'ipaddr.js'
import { BoundedMap } from '../runtime/bounded-map.ts'

export interface RequesterAddress {
  /** The address itself, in its canonical form (RFC 5952). */
  readonly shown: string
  /** What counts as one requester: an IPv4 address, or the network that an IPv6 address belongs to. */
  readonly counted: string
  /** Whether the Workers of all other zones have this address, so that it does not distinguish requesters. */
  readonly shared: boolean
}

/** The addresses that Cloudflare gives the Workers of other zones. */
const FOREIGN_WORKERS = ipaddr.IPv6.parseCIDR('2a06:98c0:3600::/48')
/** Class E: Cloudflare's Pseudo IPv4, which replaces an IPv6 address. */
const PSEUDO_IPV4 = ipaddr.IPv4.parseCIDR('240.0.0.0/4')
/** Eight groups of four digits, of which the last two are written as an IPv4 address. */
const MAX_ADDRESS_LENGTH = 45

const MAX_KNOWN = 1_000
/** Two addresses, and the prefix. Longer text is not kept, because an isolate has only 128 MB of memory. */
const MAX_KNOWN_LENGTH = 100
/** The last results, since a requester sends many requests, and each would take several microseconds for an IPv6 address. */
const known = new BoundedMap<RequesterAddress | null>(MAX_KNOWN)

/**
 * @param text the header's value; anything but one address, such as a list of addresses, is invalid
 * @param ipv6Text the CF-Connecting-IPv6 header, which is used if `text` is a Pseudo IPv4 address
 * @param ipv6Prefix the number of leading bits of an IPv6 address that count as one requester
 * @returns null if there is no address
 */
export function parseRequesterAddress(
  text: string | undefined,
  ipv6Text: string | undefined,
  ipv6Prefix: number,
): RequesterAddress | null {
  // No header contains a line break.
  const key = `${ipv6Prefix}\n${text}\n${ipv6Text}`
  const found = known.get(key)
  if (found !== undefined) return found
  const address = readRequesterAddress(text, ipv6Text, ipv6Prefix)
  if (key.length <= MAX_KNOWN_LENGTH) known.set(key, address)
  return address
}

function readRequesterAddress(
  text: string | undefined,
  ipv6Text: string | undefined,
  ipv6Prefix: number,
): RequesterAddress | null {
  const address = parse(text)
  if (address instanceof ipaddr.IPv6) return ofIpv6(address, ipv6Prefix)
  if (address?.match(PSEUDO_IPV4) !== true) return address && ofIpv4(address)
  const real = parse(ipv6Text)
  return real instanceof ipaddr.IPv6 ? ofIpv6(real, ipv6Prefix) : null
}

/** IPv4-mapped addresses (RFC 4291 section 2.5.5.2) are IPv4 addresses. */
function parse(text = ''): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null
  // The library distinguishes the two kinds by throwing and catching.
  if (!text.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : null
  // A zone (RFC 4007 section 11) has a meaning only on its own link.
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return null
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function ofIpv4(address: ipaddr.IPv4): RequesterAddress {
  return { shown: address.toString(), counted: address.toString(), shared: false }
}

function ofIpv6(address: ipaddr.IPv6, prefix: number): RequesterAddress {
  const shared = address.match(FOREIGN_WORKERS)
  const [network, bits] = shared ? FOREIGN_WORKERS : [networkOf(address, prefix), prefix]
  return { shown: address.toRFC5952String(), counted: `${network.toRFC5952String()}/${bits}`, shared }
}

function networkOf(address: ipaddr.IPv6, prefix: number): ipaddr.IPv6 {
  const bytes = address.toByteArray().map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8))
    return byte & (0xff << (8 - bits))
  })
  return new ipaddr.IPv6(bytes)
}
