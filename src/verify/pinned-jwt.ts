/**
 * Verifies the JWTs that the service signs, following RFC 8725. The caller pins what is accepted: nothing in the token can
 * choose a key source, an algorithm or an address.
 */
import { type CryptoKey, errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose'
import type { InvalidTokenReason } from './refusal.ts'

/** A trusted public key and the only algorithm it is used with. */
export interface VerificationKey {
  readonly alg: string
  readonly publicKey: CryptoKey
}

export interface VerifyOptions {
  readonly issuer: string
  /** The token's `aud` must be one of these. */
  readonly audiences: readonly string[]
  /** @returns the trusted key with this id, or null for an unknown id */
  readonly findKey: (kid: string) => Promise<VerificationKey | null>
  /** Unix time in milliseconds. */
  readonly nowMs: number
  /** Accepted difference between the clocks. Default: 0. */
  readonly clockToleranceSeconds?: number
}

/** The properties that distinguish one kind of JWT from another. */
export interface TokenKind {
  /** In the protected header, so that one kind is never accepted as another (RFC 8725 section 3.11). */
  readonly typ: string
  readonly requiredClaims: readonly string[]
}

export type VerificationResult<Claims> = ValidToken<Claims> | InvalidToken

export interface ValidToken<Claims> {
  readonly ok: true
  readonly claims: Claims
  /** The id of the key that signed the token. */
  readonly kid: string
}

export interface InvalidToken {
  readonly ok: false
  readonly reason: InvalidTokenReason
}

const ALGORITHMS = ['ES256', 'RS256']

/**
 * @param token a compact JWS
 * @returns the claims, or why the token is not valid for this kind, issuer and audience
 * @throws any error of `findKey`
 */
export async function verifyPinned(
  token: string,
  { typ, requiredClaims }: TokenKind,
  { issuer, audiences, findKey, nowMs, clockToleranceSeconds = 0 }: VerifyOptions,
): Promise<VerificationResult<JWTPayload>> {
  if (!isCompactJws(token)) return invalid('malformed')
  const pinned = {
    algorithms: ALGORITHMS,
    typ,
    issuer,
    audience: [...audiences],
    requiredClaims: [...requiredClaims],
    currentDate: new Date(nowMs),
    clockTolerance: clockToleranceSeconds,
  }
  try {
    const { payload, protectedHeader } = await jwtVerify(
      token,
      (header: JWTHeaderParameters) => keyFor(header, findKey),
      pinned,
    )
    // Never missing, since its key was found.
    const { kid = '' } = protectedHeader
    // Any other audience of a token for several audiences could replay it here.
    return typeof payload.aud === 'string' ? { ok: true, claims: payload, kid } : invalid('audience')
  } catch (error) {
    if (error instanceof errors.JOSEError) return invalid(reasonOf(error))
    throw error
  }
}

export function invalid(reason: InvalidTokenReason): InvalidToken {
  return { ok: false, reason }
}

/** Maps jose's error for a JWS or JWE to a reason. */
export function reasonOf(error: errors.JOSEError): InvalidTokenReason {
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm'
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown_key'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWTExpired) return 'expired'
  return error instanceof errors.JWTClaimValidationFailed ? claimReason(error) : 'malformed'
}

/** A claim that is missing or has the wrong type is `malformed`; a claim with a wrong value has its own reason. */
function claimReason({ claim, reason, payload }: errors.JWTClaimValidationFailed): InvalidTokenReason {
  if (reason !== 'check_failed') return 'malformed'
  if (claim === 'typ') return 'type'
  if (claim === 'nbf') return 'not_yet_valid'
  if (claim === 'iss') return typeof payload.iss === 'string' ? 'issuer' : 'malformed'
  return typeof payload.aud === 'string' || isStringArray(payload.aud) ? 'audience' : 'malformed'
}

async function keyFor(
  { kid, alg, crit }: JWTHeaderParameters,
  findKey: VerifyOptions['findKey'],
): Promise<CryptoKey> {
  // RFC 7515 section 4.1.11: critical extensions must be understood, and none is supported here.
  if (crit !== undefined) throw new errors.JWSInvalid()
  const key = typeof kid === 'string' ? await findKey(kid) : null
  if (key === null) throw new errors.JWKSNoMatchingKey()
  // RFC 8725 section 3.1: each key is used with exactly one algorithm.
  if (key.alg !== alg) throw new errors.JOSEAlgNotAllowed()
  return key.publicKey
}

/** The claims that access tokens and assertions share. Times are NumericDate: integer seconds. */
export interface IdentityClaims extends JWTPayload {
  readonly iss: string
  readonly aud: string
  /** The account's id. */
  readonly sub: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** The session's id. */
  readonly sid: string
  /** Space-separated. */
  readonly scope: string
  readonly roles: readonly string[]
}

export const IDENTITY_CLAIMS = ['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'sid', 'scope', 'roles']

export function areIdentityClaims(payload: JWTPayload): payload is IdentityClaims {
  const { aud, sub, sid, jti, scope, roles } = payload
  return [aud, sub, sid, jti, scope].every((claim) => typeof claim === 'string') && isStringArray(roles)
}

export function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

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
