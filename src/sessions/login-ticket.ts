/**
 * The login ticket, which the hosted pages put into the URL that they redirect a browser to after a login: base64url of
 *   secret id (4) · end (4, unix seconds) · HMAC (32)
 * The HMAC-SHA-256 under a key from AUTH_SECRET also covers the requester's IP address or IPv6 network. The page thereby
 * recognizes that a browser has just logged in here. Only this service can make a ticket. It grants no access: with a session
 * cookie the page continues to `return_to` without a click; without one it reports blocked cookies. A copied ticket does the same
 * for two minutes from the same network.
 */
import { type Bytes, concat, fromBase64Url, hmac, hmacKey, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { derivePurposeKeys, type PurposeKeys, SECRET_ID_BYTES } from '../crypto/secrets.ts'

/** Counted from the beginning of the request. Reserving at the counter may take up to 40 s of it (MAX_WAIT_MS + DEADLINE_MS). */
const TICKET_SECONDS = 120
const HEAD_BYTES = SECRET_ID_BYTES + 4
const HMAC_BYTES = 32

/** @param fallback AUTH_SECRET_FALLBACK, which is also accepted */
export function deriveTicketKeys(authSecret: string, fallback: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse login ticket v1', hmacKey)
}

/** @param address the requester's IP address or network (RequesterAddress.counted) */
export async function makeLoginTicket(
  { current }: PurposeKeys,
  address: string,
  nowMs: number,
): Promise<string> {
  const end = new Uint8Array(4)
  new DataView(end.buffer).setUint32(0, Math.floor(nowMs / 1000) + TICKET_SECONDS)
  const head = concat(current.secretId, end)
  return toBase64Url(concat(head, await hmac(current.key, signedPart(head, address))))
}

/** @returns whether this service made the ticket for the address within the last two minutes */
export async function isLoginTicket(
  keys: PurposeKeys,
  text: string,
  address: string,
  nowMs: number,
): Promise<boolean> {
  const bytes = fromBase64Url(text)
  if (bytes === null || bytes.length !== HEAD_BYTES + HMAC_BYTES) return false
  const [head, mac] = [bytes.slice(0, HEAD_BYTES), bytes.slice(HEAD_BYTES)]
  const key = keys.find(head.slice(0, SECRET_ID_BYTES))?.key
  if (key === undefined) return false
  const endMs = new DataView(head.buffer).getUint32(SECRET_ID_BYTES) * 1000
  if (nowMs >= endMs) return false
  return crypto.subtle.verify('HMAC', key, mac, signedPart(head, address))
}

function signedPart(head: Bytes, address: string): Bytes {
  return concat(head, utf8(address))
}
