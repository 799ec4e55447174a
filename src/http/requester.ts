/** Reads the requester: its address as limits count it, its user agent and location as a session stores them. */
import type { HonoRequest } from 'hono'
import type { GeoLocation, Requester } from '../actions/request-context.ts'
import type { DeploymentConfig } from '../config/deployment.ts'
import { parseRequesterAddress } from '../limits/requester-address.ts'
import { hasControlCharacter } from '../runtime/text.ts'

const MAX_USER_AGENT_LENGTH = 256
const MAX_CITY_LENGTH = 100
/** `XX` means that Cloudflare does not know the country. */
const COUNTRY = /^(?!XX)[A-Z][A-Z0-9]$/

export function readRequester(
  request: HonoRequest,
  { clientIpHeader, ipv6Prefix, development }: DeploymentConfig,
): Requester {
  const header = (name: string) => request.header(name)
  return {
    address: parseRequesterAddress(header(clientIpHeader), header('CF-Connecting-IPv6'), ipv6Prefix),
    userAgent: truncate(header('User-Agent'), MAX_USER_AGENT_LENGTH),
    // In local development the runtime makes these properties up.
    location: locationOf(development ? undefined : request.raw.cf),
  }
}

/** @param cf Cloudflare's properties of the request */
function locationOf(cf: Readonly<Record<string, unknown>> | undefined): GeoLocation {
  const { country, city } = cf ?? {}
  return {
    country: typeof country === 'string' && COUNTRY.test(country) ? country : null,
    city: isPlainText(city) ? truncate(city, MAX_CITY_LENGTH) : null,
  }
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !hasControlCharacter(value)
}

/** Truncates between code points: half a surrogate pair is not well-formed. */
function truncate(text: string | undefined, length: number): string | null {
  // A code point is at most two UTF-16 code units.
  const bounded = text?.slice(0, 2 * length) ?? null
  return bounded === null ? null : [...bounded].slice(0, length).join('')
}
