/** The compact forms of JWS and JWE (RFC 7515 section 7.1, RFC 7516 section 7.1). */

/**
 * Base64url in its canonical form (RFC 4648 sections 3.2 and 3.5): no padding, no white space, and the unused bits of the last
 * character are zero. Decoders tolerate deviations from all of these, so one token could otherwise be written in many ways.
 */
const CANONICAL_BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

const JWS_PARTS = 3
const JWE_PARTS = 5
/** The position of a JWE's encrypted key, which is empty for direct key agreement. */
const ENCRYPTED_KEY = 1

export function isCompactJws(text: string): boolean {
  const parts = partsOf(text)
  return parts.length === JWS_PARTS && parts.every((part) => part !== '' && isCanonical(part))
}

export function isCompactJwe(text: string): boolean {
  const parts = partsOf(text)
  const isComplete = parts.every((part, index) => part !== '' || index === ENCRYPTED_KEY)
  return parts.length === JWE_PARTS && isComplete && parts.every(isCanonical)
}

/** Splits off at most one part more than either form has, because a text may consist of dots only. */
function partsOf(text: string): readonly string[] {
  return text.split('.', JWE_PARTS + 1)
}

function isCanonical(part: string): boolean {
  return CANONICAL_BASE64URL.test(part)
}
