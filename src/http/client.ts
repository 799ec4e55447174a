/** Where a request comes from, as a session remembers it. */
import type { Client } from '../actions/open-session.ts'
import type { AppContext } from './context.ts'

const MAX_USER_AGENT_LENGTH = 256
/** The longest spelling of an IPv6 address (RFC 4291 section 2.2). */
const MAX_ADDRESS_LENGTH = 45

export function clientOf(c: AppContext): Client {
  const { clientIpHeader } = c.get('services').config.deployment
  return {
    ip: cut(c.req.header(clientIpHeader), MAX_ADDRESS_LENGTH),
    userAgent: cut(c.req.header('User-Agent'), MAX_USER_AGENT_LENGTH),
  }
}

/** Between code points: half of one is no text. */
function cut(text: string | undefined, length: number): string | null {
  return text === undefined ? null : [...text].slice(0, length).join('')
}
