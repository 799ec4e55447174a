/** Where a request comes from, as it is counted and as a session remembers it. */
import type { Client } from '../actions/client-limits.ts'
import { parseClientAddress } from '../limits/client-ip.ts'
import type { AppContext } from './context.ts'

const MAX_USER_AGENT_LENGTH = 256

export function clientOf(c: AppContext): Client {
  const { clientIpHeader, ipv6Prefix } = c.get('services').config.deployment
  const header = (name: string) => c.req.header(name)
  return {
    address: parseClientAddress(header(clientIpHeader), header('CF-Connecting-IPv6'), ipv6Prefix),
    userAgent: cut(header('User-Agent')),
  }
}

/** Between code points: half of one is no text. */
function cut(text: string | undefined): string | null {
  // A code point is at most two of a string's units.
  const bounded = text?.slice(0, 2 * MAX_USER_AGENT_LENGTH) ?? null
  return bounded === null ? null : [...bounded].slice(0, MAX_USER_AGENT_LENGTH).join('')
}
