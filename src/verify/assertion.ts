/** Assertions: signed statements of the gateway to one origin about one request, encrypted if the route asks for it. */
import { type CryptoKey, calculateJwkThumbprint, compactDecrypt, errors, importJWK, type JWK } from 'jose'
import {
  areIdentityClaims,
  IDENTITY_CLAIMS,
  type IdentityClaims,
  type InvalidToken,
  invalid,
  isCompactJwe,
  reasonOf,
  type VerificationResult,
  type VerifyOptions,
  verifyPinned,
} from './pinned-jwt.ts'

/** The claims of an assertion. An assertion is valid for at most 60 seconds. */
export type AssertionClaims = IdentityClaims

/** A type of its own keeps assertions and access tokens from being mistaken for each other (RFC 8725 section 3.11). */
export const ASSERTION_TYPE = 'edge-assertion+jwt'
export const ENCRYPTION_METHOD = 'A256GCM'

/** The `kty` and `crv` of keys for `ECDH-ES`. */
const AGREEMENT_CURVES = ['EC P-256', 'EC P-384', 'EC P-521', 'OKP X25519']
const ASSERTION = { typ: ASSERTION_TYPE, requiredClaims: IDENTITY_CLAIMS }

export interface AssertionOptions extends VerifyOptions {
  readonly decryptionKeys: readonly DecryptionKey[]
}

/** A private key, the only algorithm it is used with, and the id under which the gateway refers to it. */
export interface DecryptionKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
}

/**
 * @param token a compact JWS, or a compact JWE that contains one
 * @returns the claims, or why the token is not a valid assertion of this issuer for this audience
 * @throws any error of `findKey`
 */
export async function verifyAssertion(
  token: string,
  { decryptionKeys, ...options }: AssertionOptions,
): Promise<VerificationResult<AssertionClaims>> {
  const signed = isCompactJwe(token) ? await decrypt(token, decryptionKeys) : token
  if (typeof signed !== 'string') return signed
  const result = await verifyPinned(signed, ASSERTION, options)
  if (!result.ok) return result
  const { claims, kid } = result
  return areIdentityClaims(claims) ? { ok: true, claims, kid } : invalid('malformed')
}

/** @returns the nested JWS, which the content type announces (RFC 7519 section 5.2), or why decryption failed */
async function decrypt(token: string, keys: readonly DecryptionKey[]): Promise<string | InvalidToken> {
  if (keys.length === 0) return invalid('unknown_key')
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(
      token,
      ({ kid, alg }) => {
        const key = keys.find((candidate) => candidate.kid === kid)
        if (key === undefined) throw new errors.JWKSNoMatchingKey()
        if (key.alg !== alg) throw new errors.JOSEAlgNotAllowed()
        return key.privateKey
      },
      {
        keyManagementAlgorithms: [...new Set(keys.map(({ alg }) => alg))],
        contentEncryptionAlgorithms: [ENCRYPTION_METHOD],
        // The gateway does not compress. Refusing compression keeps a short token from expanding to a long one.
        maxDecompressedLength: 0,
      },
    )
    return protectedHeader.cty === 'JWT' ? new TextDecoder().decode(plaintext) : invalid('type')
  } catch (error) {
    return invalid(error instanceof errors.JOSEError ? reasonOf(error) : 'malformed')
  }
}

/** The only key management algorithm that an encryption key is used with; undefined if the key is not supported. */
export function encryptionAlgorithm({ kty, crv, alg }: JWK): string | undefined {
  const byCurve = AGREEMENT_CURVES.includes(`${kty} ${crv}`) ? 'ECDH-ES' : undefined
  const byType = kty === 'RSA' ? 'RSA-OAEP-256' : byCurve
  return alg === undefined || alg === byType ? byType : undefined
}

/** The key's `kid`; if it has none, its RFC 7638 thumbprint. */
export async function encryptionKeyId(jwk: JWK): Promise<string> {
  return jwk.kid ?? (await calculateJwkThumbprint(jwk))
}

/** Whether a JWK is a private key that can decrypt assertions. */
export function isDecryptionKey(jwk: JWK): boolean {
  return encryptionAlgorithm(jwk) !== undefined && typeof jwk.d === 'string'
}

export async function importDecryptionKey(jwk: JWK): Promise<DecryptionKey> {
  const alg = encryptionAlgorithm(jwk) ?? ''
  // The owner's usage restrictions are ignored: they may name "decrypt" or "unwrapKey", and either is fine here.
  const { key_ops: _keyOps, use: _use, ext: _ext, ...bare } = jwk
  const privateKey = (await importJWK(bare, alg)) as CryptoKey
  return { kid: await encryptionKeyId(jwk), alg, privateKey }
}
