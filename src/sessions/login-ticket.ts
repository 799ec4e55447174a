/**
 * What the hosted pages put into the address that they send a browser on to after a login: base64url of
 *   secret id (4) · end (4, unix seconds) · HMAC (32)
 * The HMAC-SHA-256 under a key from AUTH_SECRET covers the address of the requester too, so the page may tell by it that a
 * browser has just logged in here. Nobody else can make one; one that is passed on holds for two minutes at the same address,
 * where it leads a browser that is logged in to a configured origin, with no token.
 */
import { type Bytes, concat, fromBase64Url, hmac, hmacKey, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { derivePurposeKeys, type PurposeKeys, SECRET_ID_BYTES } from '../crypto/secrets.ts'

/** Begins with the request, and a login may wait for others for 40 s before it is answered. */
const TICKET_SECONDS = 120
const HEAD_BYTES = SECRET_ID_BYTES + 4
const HMAC_BYTES = 32

/** @param fallback the AUTH_SECRET that is accepted beside the current one */
export function deriveTicketKeys(authSecret: string, fallback: string | undefined): Promise<PurposeKeys> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse login ticket v1', hmacKey)
}

/** @param address of the requester, as it is counted */
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

/** @returns whether this service made the ticket for that address within the last two minutes */
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
