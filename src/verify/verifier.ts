/** The verifier that origins import: checks the service's tokens with its public keys only. */
import type { JWK } from 'jose'
import { type AccessTokenClaims, verifyAccessToken } from './access-token.ts'
import {
  type AssertionClaims,
  type DecryptionKey,
  importDecryptionKey,
  isDecryptionKey,
  verifyAssertion,
} from './assertion.ts'
import {
  hasPermissions,
  parseRequiredPermissions,
  type RequiredPermissions,
  readBearer,
  scopeNames,
} from './bearer.ts'
import type { Fetch } from './fetch-text.ts'
import { isConfidential } from './loopback.ts'
import { invalid, type VerificationResult, type VerifyOptions } from './pinned-jwt.ts'
import { VerificationError } from './refusal.ts'
import { type KeyStore, RemoteKeys } from './remote-keys.ts'

export interface VerifierOptions {
  /** The service's PUBLIC_URL: https, or plain http on this machine. Compared exactly. */
  readonly issuer: string
  /** The `aud` of the tokens: the service's AUDIENCE for access tokens, the audience of the gateway route for assertions. */
  readonly audience: string
  /** Private JWKs of the client that the gateway encrypts assertions for. During a key rotation, both keys. */
  readonly decryptionKeys?: readonly JWK[]
  /** Accepted difference between this machine's clock and the service's, 0 to 60. Default: 0. */
  readonly clockToleranceSeconds?: number
  /** Default: `<issuer>/.well-known/jwks.json`. */
  readonly jwksUrl?: string
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch
  /** Default: no store. A process that starts while the keys cannot be read then has no keys. */
  readonly keyStore?: KeyStore
  /** Unix time in milliseconds. Default: `Date.now`. */
  readonly now?: () => number
}

/** A request of the Fetch API, Node.js, Express or Fastify. */
export interface RequestLike {
  readonly headers:
    | { get(name: string): string | null }
    | Readonly<Record<string, string | readonly string[] | undefined>>
}

export interface Verifier {
  /**
   * @param token an access token, without the word "Bearer"
   * @throws {VerificationError} `invalid_token`, `keys_unavailable`
   */
  verify(token: string): Promise<AccessTokenClaims>
  /**
   * Checks the Bearer token of a request, and that it has all required roles and scopes.
   * @throws {VerificationError} `missing_token`, `invalid_token`, `insufficient_scope`, `keys_unavailable`
   * @throws {TypeError} if the required permissions have members other than arrays of roles and scopes
   */
  verifyRequest(request: RequestLike, required?: RequiredPermissions): Promise<AccessTokenClaims>
  /**
   * @param token the `X-Auth-Assertion` header of a request that came through the gateway
   * @throws {VerificationError} `invalid_token`, `keys_unavailable`
   */
  verifyAssertion(token: string): Promise<AssertionClaims>
}

const MAX_CLOCK_TOLERANCE_SECONDS = 60
/** Cloudflare's edge accepts no more than this for all headers together. */
const MAX_TOKEN_LENGTH = 131_072

/**
 * Creates a verifier. It reads the keys when the first token is verified, not before.
 * @throws {TypeError} for invalid options
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, clockToleranceSeconds = 0, now = Date.now } = validated(options)
  const keys = new RemoteKeys({
    url: options.jwksUrl ?? `${issuer}/.well-known/jwks.json`,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    store: options.keyStore,
  })
  let decryptionKeys: readonly DecryptionKey[] | null = null

  function verifyOptions(): VerifyOptions {
    const nowMs = now()
    return {
      issuer,
      audiences: [audience],
      clockToleranceSeconds,
      nowMs,
      findKey: (kid) => keys.find(kid, nowMs),
    }
  }

  async function verify(token: string): Promise<AccessTokenClaims> {
    return claimsOf(
      isTokenLength(token) ? await verifyAccessToken(token, verifyOptions()) : invalid('malformed'),
    )
  }

  async function verifyRequest(
    request: RequestLike,
    required: RequiredPermissions = {},
  ): Promise<AccessTokenClaims> {
    const permissions = parseRequiredPermissions(required)
    const token = readBearer(headerOf(request, 'authorization'))
    if (token === null) throw new VerificationError('missing_token')
    const claims = await verify(token)
    const granted = { roles: claims.roles, scope: scopeNames(claims.scope) }
    if (hasPermissions(granted, permissions)) return claims
    throw new VerificationError('insufficient_scope', { scope: permissions.scope })
  }

  async function verifyOriginAssertion(token: string): Promise<AssertionClaims> {
    decryptionKeys ??= await Promise.all((options.decryptionKeys ?? []).map(importDecryptionKey))
    const assertionOptions = { ...verifyOptions(), decryptionKeys }
    return claimsOf(
      isTokenLength(token) ? await verifyAssertion(token, assertionOptions) : invalid('malformed'),
    )
  }

  return { verify, verifyRequest, verifyAssertion: verifyOriginAssertion }
}

function validated(options: VerifierOptions): VerifierOptions {
  const { issuer, audience, jwksUrl, clockToleranceSeconds = 0 } = options
  if (!isTrustedUrl(issuer) || issuer !== new URL(issuer).origin) {
    throw new TypeError('issuer must be an https URL without a path or a trailing slash')
  }
  if (jwksUrl !== undefined && !isTrustedUrl(jwksUrl)) {
    throw new TypeError('jwksUrl must be an https URL')
  }
  if (typeof audience !== 'string' || audience === '')
    throw new TypeError('audience must be a non-empty string')
  const isToleranceValid = clockToleranceSeconds >= 0 && clockToleranceSeconds <= MAX_CLOCK_TOLERANCE_SECONDS
  if (!isToleranceValid) throw new TypeError('clockToleranceSeconds must be 0 to 60')
  const { decryptionKeys = [] } = options
  const kids = decryptionKeys.map(({ kid }) => kid).filter((kid) => kid !== undefined)
  if (!decryptionKeys.every(isDecryptionKey) || new Set(kids).size < kids.length) {
    throw new TypeError(
      'decryptionKeys must be private JWKs for RSA-OAEP-256 or ECDH-ES, each with a different kid',
    )
  }
  return options
}

/** Keys are read only from URLs whose responses cannot be changed in transit: changed keys would verify forged tokens. */
function isTrustedUrl(text: string): boolean {
  return URL.canParse(text) && isConfidential(new URL(text))
}

function isTokenLength(token: string): boolean {
  return typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH
}

/** @throws {VerificationError} `invalid_token` if the token is not valid */
function claimsOf<Claims>(result: VerificationResult<Claims>): Claims {
  if (!result.ok) throw new VerificationError('invalid_token', { reason: result.reason })
  return result.claims
}

function headerOf({ headers }: RequestLike, name: string): string | null {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(name)
  const value = (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name]
  return typeof value === 'string' ? value : null
}
