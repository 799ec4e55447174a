/** What an origin imports: checks the service's tokens by its public keys alone. */
import type { JWK } from 'jose'
import { type AccessTokenClaims, verifyAccessToken } from './access-token.ts'
import {
  type AssertionClaims,
  type DecryptionKey,
  importDecryptionKey,
  isDecryptionKey,
  verifyAssertion,
} from './assertion.ts'
import { holds, type Requirement, readBearer, readRequirement, scopeNames } from './bearer.ts'
import type { Fetch } from './fetch-text.ts'
import { isConfidential } from './loopback.ts'
import { invalid, type VerificationResult, type VerifyOptions } from './pinned-jwt.ts'
import { VerificationError } from './refusal.ts'
import { type KeyStore, RemoteKeys } from './remote-keys.ts'

export interface VerifierOptions {
  /** The service's PUBLIC_URL: https, or plain http on this machine. Compared exactly. */
  readonly issuer: string
  /** `aud` of the tokens: the service's AUDIENCE for access tokens, the gateway route's for assertions. */
  readonly audience: string
  /** Private JWKs of the client that the gateway encrypts assertions for; the former one too, while it is replaced. */
  readonly decryptionKeys?: readonly JWK[]
  /** How far this machine's clock may differ from the service's: 0 to 60. Default: 0. */
  readonly clockToleranceSeconds?: number
  /** Default: `<issuer>/.well-known/jwks.json`. */
  readonly jwksUrl?: string
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch
  /** Default: none, so that a process that starts while the keys are out of reach knows none. */
  readonly keyStore?: KeyStore
  /** Unix time in milliseconds. Default: `Date.now`. */
  readonly now?: () => number
}

/** Any request: of the Fetch API, of Node.js, Express, Fastify. */
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
   * Checks the Bearer token of a request, and that it has all roles and scopes that are needed.
   * @throws {VerificationError} `missing_token`, `invalid_token`, `insufficient_scope`, `keys_unavailable`
   * @throws {TypeError} for a requirement with anything but lists of roles and scopes
   */
  verifyRequest(request: RequestLike, requirement?: Requirement): Promise<AccessTokenClaims>
  /**
   * @param token the header `X-Auth-Assertion` of a request that came through the gateway
   * @throws {VerificationError} `invalid_token`, `keys_unavailable`
   */
  verifyAssertion(token: string): Promise<AssertionClaims>
}

const MAX_CLOCK_TOLERANCE_SECONDS = 60
/** Cloudflare's edge takes no more headers than that together. */
const MAX_TOKEN_LENGTH = 131_072

/**
 * Reads nothing yet: the keys are read when the first token comes.
 * @throws {TypeError} for options that cannot be meant
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, clockToleranceSeconds = 0, now = Date.now } = checked(options)
  const keys = new RemoteKeys({
    url: options.jwksUrl ?? `${issuer}/.well-known/jwks.json`,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    store: options.keyStore,
  })
  let decryptionKeys: readonly DecryptionKey[] | null = null

  function pinned(): VerifyOptions {
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
    return validOr401(isPlausible(token) ? await verifyAccessToken(token, pinned()) : invalid('malformed'))
  }

  async function verifyRequest(
    request: RequestLike,
    requirement: Requirement = {},
  ): Promise<AccessTokenClaims> {
    const needed = readRequirement(requirement)
    const token = readBearer(headerOf(request, 'authorization'))
    if (token === null) throw new VerificationError('missing_token')
    const claims = await verify(token)
    const held = { roles: claims.roles, scope: scopeNames(claims.scope) }
    if (!holds(held, needed)) throw new VerificationError('insufficient_scope', { scope: needed.scope })
    return claims
  }

  async function openAssertion(token: string): Promise<AssertionClaims> {
    decryptionKeys ??= await Promise.all((options.decryptionKeys ?? []).map(importDecryptionKey))
    const pinnedToKeys = { ...pinned(), decryptionKeys }
    return validOr401(isPlausible(token) ? await verifyAssertion(token, pinnedToKeys) : invalid('malformed'))
  }

  return { verify, verifyRequest, verifyAssertion: openAssertion }
}

function checked(options: VerifierOptions): VerifierOptions {
  const { issuer, audience, jwksUrl, clockToleranceSeconds = 0 } = options
  if (!isAddress(issuer) || issuer !== new URL(issuer).origin) {
    throw new TypeError('issuer: an https address is needed, without a path or a slash at its end')
  }
  if (jwksUrl !== undefined && !isAddress(jwksUrl)) {
    throw new TypeError('jwksUrl: an https address is needed')
  }
  if (typeof audience !== 'string' || audience === '') throw new TypeError('audience: a text is needed')
  const tolerable = clockToleranceSeconds >= 0 && clockToleranceSeconds <= MAX_CLOCK_TOLERANCE_SECONDS
  if (!tolerable) throw new TypeError('clockToleranceSeconds: 0 to 60 is needed')
  const { decryptionKeys = [] } = options
  const named = decryptionKeys.map(({ kid }) => kid).filter((kid) => kid !== undefined)
  if (!decryptionKeys.every(isDecryptionKey) || new Set(named).size < named.length) {
    throw new TypeError(
      'decryptionKeys: private JWKs for RSA-OAEP-256 or ECDH-ES are needed, each with a kid of its own',
    )
  }
  return options
}

/** Whoever can change what comes from there can sign tokens. */
function isAddress(text: string): boolean {
  return URL.canParse(text) && isConfidential(new URL(text))
}

function isPlausible(token: string): boolean {
  return typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH
}

function validOr401<Claims>(result: VerificationResult<Claims>): Claims {
  if (!result.ok) throw new VerificationError('invalid_token', { reason: result.reason })
  return result.claims
}

function headerOf({ headers }: RequestLike, name: string): string | null {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(name)
  const value = (headers as Readonly<Record<string, string | readonly string[] | undefined>>)[name]
  return typeof value === 'string' ? value : null
}
