/** From the text of a header to the client that counts. Pure. */
import ipaddr from 'ipaddr.js'

export interface RequesterAddress {
  /** The address itself, in its canonical spelling (RFC 5952). */
  readonly shown: string
  /** What counts as one client: an IPv4 address, or the network that an IPv6 address belongs to. */
  readonly counted: string
  /** Whether Workers of any other zone come from there, so that it tells nobody from anybody. */
  readonly shared: boolean
}

/** What Cloudflare gives as the address of every Worker of another zone. */
const FOREIGN_WORKERS = ipaddr.IPv6.parseCIDR('2a06:98c0:3600::/48')
/** Class E: Cloudflare's Pseudo IPv4, which stands for an IPv6 address. */
const PSEUDO_IPV4 = ipaddr.IPv4.parseCIDR('240.0.0.0/4')
/** Eight groups of four digits, the last two of them as an IPv4 address. */
const MAX_ADDRESS_LENGTH = 45

/**
 * @param text one address; anything else, a list too, is none
 * @param ipv6Text the CF-Connecting-IPv6 header, which counts where `text` is a Pseudo IPv4 address
 * @param ipv6Prefix leading bits of an IPv6 address that count as one client
 * @returns null where there is no address
 */
export function parseRequesterAddress(
  text: string | undefined,
  ipv6Text: string | undefined,
  ipv6Prefix: number,
): RequesterAddress | null {
  const address = parse(text)
  if (address instanceof ipaddr.IPv6) return toClient(address, ipv6Prefix)
  if (address?.match(PSEUDO_IPV4) !== true) return address && ofIpv4(address)
  const real = parse(ipv6Text)
  return real instanceof ipaddr.IPv6 ? toClient(real, ipv6Prefix) : null
}

/** IPv4-mapped addresses (RFC 4291 section 2.5.5.2) are IPv4 addresses. */
function parse(text = ''): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null
  // The library throws and catches to tell one kind from the other.
  if (!text.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : null
  // A zone (RFC 4007 section 11) means something on its own link only.
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) return null
  const address = ipaddr.IPv6.parse(text)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function ofIpv4(address: ipaddr.IPv4): RequesterAddress {
  return { shown: address.toString(), counted: address.toString(), shared: false }
}

function toClient(address: ipaddr.IPv6, prefix: number): RequesterAddress {
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
