/** The public keys that assertions are encrypted for (RFC 7517), as an operator registers them. */
import { importJWK, type JWK } from 'jose'
import { encryptionAlgorithm, encryptionKeyId } from '../verify/assertion.ts'

export interface EncryptionKey {
  readonly kid: string
  /** `RSA-OAEP-256` or `ECDH-ES`. */
  readonly alg: string
  readonly publicKey: CryptoKey
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
/** In bits: RFC 7518 section 4.3; longer ones make every assertion dear. */
const MODULUS = { min: 2_048, max: 4_096 }
const MAX_KEY_ID_LENGTH = 256

/**
 * @returns the key as it is stored: its public members, `kid`, `alg` and `use`; or what is wrong with it
 */
export async function readEncryptionJwk(jwk: JWK): Promise<JWK | string> {
  if (PRIVATE_MEMBERS.some((name) => name in jwk)) return 'Must be a public key; this one is private.'
  const alg = encryptionAlgorithm(jwk)
  if (alg === undefined) return 'Must be a key for RSA-OAEP-256 or ECDH-ES.'
  if (jwk.use !== undefined && jwk.use !== 'enc') return 'Must be a key for encryption.'
  if (!isKeyId(jwk.kid)) return `Must have a kid of 1 to ${MAX_KEY_ID_LENGTH} characters, or none.`
  const { kty, crv, x, y, n, e } = jwk
  const bare = kty === 'RSA' ? { kty, n, e } : kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x }
  const stored = { ...bare, kid: jwk.kid, alg, use: 'enc' } as JWK
  try {
    const { publicKey } = await importEncryptionKey(stored)
    if (!hasRightSize(publicKey)) return `Must have ${MODULUS.min} to ${MODULUS.max} bits.`
    return { ...stored, kid: await encryptionKeyId(stored) }
  } catch {
    return 'Must be a key that is whole and right.'
  }
}

/** @throws for what is no such key */
export async function importEncryptionKey(jwk: JWK): Promise<EncryptionKey> {
  const alg = encryptionAlgorithm(jwk) ?? ''
  return { kid: await encryptionKeyId(jwk), alg, publicKey: (await importJWK(jwk, alg)) as CryptoKey }
}

function isKeyId(kid: unknown): boolean {
  return kid === undefined || (typeof kid === 'string' && kid !== '' && kid.length <= MAX_KEY_ID_LENGTH)
}

function hasRightSize({ algorithm }: CryptoKey): boolean {
  const { modulusLength = MODULUS.min } = algorithm as Partial<CryptoKeyRsaPublicAlgorithm>
  return modulusLength >= MODULUS.min && modulusLength <= MODULUS.max
}

interface CryptoKeyRsaPublicAlgorithm {
  readonly modulusLength: number
}
