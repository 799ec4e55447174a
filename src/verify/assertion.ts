/** Assertions: what the gateway says to one origin about one request, signed and, where it was asked to, encrypted. */
import { type CryptoKey, calculateJwkThumbprint, compactDecrypt, errors, importJWK, type JWK } from 'jose'
import { isCompactJwe } from './compact.ts'
import {
  areIdentityClaims,
  IDENTITY_CLAIMS,
  type IdentityClaims,
  type InvalidToken,
  invalid,
  reasonOf,
  type VerificationResult,
  type VerifyOptions,
  verifyPinned,
} from './pinned-jwt.ts'

/** The claims of an assertion: it lives for 60 seconds at most. */
export type AssertionClaims = IdentityClaims

/** Its own type, so that it is never taken for an access token, nor the reverse (RFC 8725 section 3.11). */
export const ASSERTION_TYPE = 'edge-assertion+jwt'
export const ENCRYPTION_METHOD = 'A256GCM'

/** Of `ECDH-ES`, as `kty` and `crv`. */
const AGREEMENT_CURVES = ['EC P-256', 'EC P-384', 'EC P-521', 'OKP X25519']
const ASSERTION = { typ: ASSERTION_TYPE, requiredClaims: IDENTITY_CLAIMS }

export interface AssertionOptions extends VerifyOptions {
  readonly decryptionKeys: readonly DecryptionKey[]
}

/** A private key, the one algorithm that it is for, and the id by which the gateway names it. */
export interface DecryptionKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
}

/**
 * @param token compact JWS, or compact JWE around one
 * @returns the claims, or why it is not a valid assertion of this issuer for this audience
 * @throws what `findKey` throws
 */
export async function verifyAssertion(
  token: string,
  { decryptionKeys, ...options }: AssertionOptions,
): Promise<VerificationResult<AssertionClaims>> {
  const signed = isCompactJwe(token) ? await decrypt(token, decryptionKeys) : token
  if (typeof signed !== 'string') return signed
  const result = await verifyPinned(signed, ASSERTION, options)
  if (!result.ok) return result
  return areIdentityClaims(result.claims) ? { ok: true, claims: result.claims } : invalid('malformed')
}

/** @returns the JWS within (RFC 7519 section 5.2: the content type says that one is), or why there is no such JWS */
async function decrypt(token: string, keys: readonly DecryptionKey[]): Promise<string | InvalidToken> {
  if (keys.length === 0) return invalid('unknown_key')
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(
      token,
      ({ kid, alg }) => {
        const key = keys.find((each) => each.kid === kid)
        if (key === undefined) throw new errors.JWKSNoMatchingKey()
        if (key.alg !== alg) throw new errors.JOSEAlgNotAllowed()
        return key.privateKey
      },
      {
        keyManagementAlgorithms: [...new Set(keys.map(({ alg }) => alg))],
        contentEncryptionAlgorithms: [ENCRYPTION_METHOD],
        // The gateway compresses nothing: no short token becomes a long one.
        maxDecompressedLength: 0,
      },
    )
    return protectedHeader.cty === 'JWT' ? new TextDecoder().decode(plaintext) : invalid('type')
  } catch (error) {
    return invalid(error instanceof errors.JOSEError ? reasonOf(error) : 'malformed')
  }
}

/** The one key management algorithm that an encryption key is for; undefined where it can be for none. */
export function encryptionAlgorithm({ kty, crv, alg }: JWK): string | undefined {
  const byCurve = AGREEMENT_CURVES.includes(`${kty} ${crv}`) ? 'ECDH-ES' : undefined
  const byType = kty === 'RSA' ? 'RSA-OAEP-256' : byCurve
  return alg === undefined || alg === byType ? byType : undefined
}

/** What an encryption key is called: as its owner calls it, else by its RFC 7638 thumbprint. */
export async function encryptionKeyId(jwk: JWK): Promise<string> {
  return jwk.kid ?? (await calculateJwkThumbprint(jwk))
}

/** Whether a JWK is a private key that an assertion could be encrypted for. */
export function isDecryptionKey(jwk: JWK): boolean {
  return encryptionAlgorithm(jwk) !== undefined && typeof jwk.d === 'string'
}

export async function importDecryptionKey(jwk: JWK): Promise<DecryptionKey> {
  const alg = encryptionAlgorithm(jwk) ?? ''
  // What its owner says of its use does not bind us: "decrypt" and "unwrapKey" are one here.
  const { key_ops: _keyOps, use: _use, ext: _ext, ...bare } = jwk
  const privateKey = (await importJWK(bare, alg)) as CryptoKey
  return { kid: await encryptionKeyId(jwk), alg, privateKey }
}
