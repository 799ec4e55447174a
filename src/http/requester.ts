/** Where a request comes from, as it is counted and as a session remembers it. */
import type { Location, Requester } from '../actions/attempts/requester-limits.ts'
import { parseRequesterAddress } from '../limits/requester-address.ts'
import { hasControlCharacter } from '../runtime/text.ts'
import type { AppContext } from './context.ts'

const MAX_USER_AGENT_LENGTH = 256
const MAX_CITY_LENGTH = 100
/** `XX`: Cloudflare does not know. */
const COUNTRY = /^(?!XX)[A-Z][A-Z0-9]$/

export function requesterOf(c: AppContext): Requester {
  const { clientIpHeader, ipv6Prefix, development } = c.get('services').config.deployment
  const header = (name: string) => c.req.header(name)
  return {
    address: parseRequesterAddress(header(clientIpHeader), header('CF-Connecting-IPv6'), ipv6Prefix),
    userAgent: cut(header('User-Agent'), MAX_USER_AGENT_LENGTH),
    // On a laptop the runtime makes one up.
    location: locationOf(development ? undefined : c.req.raw.cf),
  }
}

/** @param cf what Cloudflare says of the request */
function locationOf(cf: Readonly<Record<string, unknown>> | undefined): Location {
  const { country, city } = cf ?? {}
  return {
    country: typeof country === 'string' && COUNTRY.test(country) ? country : null,
    city: isPlainText(city) ? cut(city, MAX_CITY_LENGTH) : null,
  }
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !hasControlCharacter(value)
}

/** Between code points: half of one is no text. */
function cut(text: string | undefined, length: number): string | null {
  // A code point is at most two of a string's units.
  const bounded = text?.slice(0, 2 * length) ?? null
  return bounded === null ? null : [...bounded].slice(0, length).join('')
}
