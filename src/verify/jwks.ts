/** Parses a key set (RFC 7517) from an untrusted source: every member is checked before it is used. */
import { type CryptoKey, importJWK, type JWK } from 'jose'
import type { VerificationKey } from './pinned-jwt.ts'

const MAX_KEYS = 100
/** The base64url length of a 2048-bit modulus (RFC 7518 section 3.3). */
const MIN_MODULUS_LENGTH = 342

/**
 * @param text a JSON document
 * @returns the verification keys by id; other keys are ignored
 * @throws if the text is not a key set, or the set contains no verification key
 */
export async function parseJwks(text: string): Promise<ReadonlyMap<string, VerificationKey>> {
  const document: unknown = JSON.parse(text)
  const listed = isObject(document) && Array.isArray(document.keys) ? document.keys : []
  const keys = new Map<string, VerificationKey>()
  for (const jwk of listed.slice(0, MAX_KEYS)) {
    const key = isObject(jwk) && typeof jwk.kid === 'string' ? await importKey(jwk) : null
    if (key !== null && !keys.has(String(jwk.kid))) keys.set(String(jwk.kid), key)
  }
  if (keys.size === 0) throw new Error('the key set contains no verification key')
  return keys
}

async function importKey({ kty, crv, x, y, n, e, alg, use }: JWK): Promise<VerificationKey | null> {
  if ((use ?? 'sig') !== 'sig') return null
  const isElliptic = alg === 'ES256' && kty === 'EC' && crv === 'P-256'
  const isRsa = alg === 'RS256' && kty === 'RSA' && (n ?? '').length >= MIN_MODULUS_LENGTH
  if (!isElliptic && !isRsa) return null
  try {
    // If a private key was published by mistake, only its public part is imported.
    const publicKey = await importJWK({ kty, ...(isRsa ? { n, e } : { crv, x, y }) } as JWK, alg)
    return { alg, publicKey: publicKey as CryptoKey }
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
