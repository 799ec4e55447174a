/** The public keys (RFC 7517) that assertions are encrypted for, which an operator registers. */
import { CompactEncrypt, importJWK, type JWK } from 'jose'
import { fromBase64Url } from '../crypto/bytes.ts'
import { hasControlCharacter } from '../runtime/text.ts'
import { ENCRYPTION_METHOD, encryptionAlgorithm, encryptionKeyId } from '../verify/assertion.ts'

export interface EncryptionKey {
  readonly kid: string
  /** `RSA-OAEP-256` or `ECDH-ES`. */
  readonly alg: string
  readonly publicKey: CryptoKey
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
/** In bits: RFC 7518 section 4.3. A longer modulus would make every assertion expensive. */
const MODULUS = { min: 2_048, max: 4_096 }
const MAX_KEY_ID_LENGTH = 256

/** @returns the key to store, with its public members, `kid`, `alg` and `use`; or a text that says what is wrong with it */
export async function readEncryptionJwk(given: JWK): Promise<JWK | string> {
  const jwk: JWK = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  if (PRIVATE_MEMBERS.some((name) => name in jwk)) return 'Must be a public key; this one is private.'
  const alg = encryptionAlgorithm(jwk)
  if (alg === undefined) return 'Must be a key for RSA-OAEP-256 or ECDH-ES.'
  if (jwk.use !== undefined && jwk.use !== 'enc') return 'Must be a key for encryption.'
  if (!isKeyId(jwk.kid)) return `Must have a kid of 1 to ${MAX_KEY_ID_LENGTH} characters, or none.`
  if (jwk.kty === 'RSA' && !hasRightSize(jwk)) return `Must have ${MODULUS.min} to ${MODULUS.max} bits.`
  const { kty, crv, x, y, n, e } = jwk
  const bare = kty === 'RSA' ? { kty, n, e } : kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x }
  const stored = { ...bare, kid: jwk.kid, alg, use: 'enc' } as JWK
  try {
    await tryToEncrypt(await importEncryptionKey(stored))
    return { ...stored, kid: await encryptionKeyId(stored) }
  } catch {
    return 'Must be a complete and valid key.'
  }
}

/** @throws if the JWK is not a key for encryption */
export async function importEncryptionKey(jwk: JWK): Promise<EncryptionKey> {
  const alg = encryptionAlgorithm(jwk) ?? ''
  return { kid: await encryptionKeyId(jwk), alg, publicKey: (await importJWK(jwk, alg)) as CryptoKey }
}

/** Encrypts something. Some keys can be imported, but not used: an even modulus, a point of low order. @throws for such a key */
async function tryToEncrypt({ alg, publicKey }: EncryptionKey): Promise<void> {
  const header = { alg, enc: ENCRYPTION_METHOD }
  await new CompactEncrypt(new Uint8Array(1)).setProtectedHeader(header).encrypt(publicKey)
}

function isKeyId(kid: unknown): boolean {
  if (kid === undefined) return true
  const fits = typeof kid === 'string' && kid !== '' && kid.length <= MAX_KEY_ID_LENGTH
  return fits && kid.isWellFormed() && !hasControlCharacter(kid)
}

/** Counts the bits itself, because the runtime counts only whole bytes. */
function hasRightSize({ n }: JWK): boolean {
  const bytes = typeof n === 'string' ? fromBase64Url(n) : null
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1
  if (bytes === null || first === -1) return false
  const bits = (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24)
  return bits >= MODULUS.min && bits <= MODULUS.max
}
