/**
 * Tokens that the service signs for one origin: assertions, and exchange tokens that replace the access token of a request. An
 * isolate reuses each during the first half of its lifetime, so that it signs few.
 */

import type { RequestContext } from '../actions/request-context.ts'
import type { Identity } from '../actions/session/authorize.ts'
import type { EncryptionKey } from '../clients/encryption-key.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'
import { ServiceError } from '../errors/service-error.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { signExchangeToken } from '../tokens/access-token.ts'
import { encryptAssertion, signAssertion } from '../tokens/assertion.ts'
import { ADMIN_SCOPE } from '../tokens/claims.ts'
import type { SigningKey } from '../tokens/signing-keys.ts'

const ASSERTION_SECONDS = 60
const EXCHANGE_SECONDS = 120
/** Per kind of token. The oldest are removed first. */
const MAX_CACHED_TOKENS = 1_000

interface CachedToken {
  readonly token: string
  readonly reusedUntil: number
}

/** In Unix seconds. */
interface Lifetime {
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The recipient of an assertion. */
type Recipient = Pick<GatewayRoute, 'prefix' | 'audience' | 'clientId'>

export class OriginTokens {
  readonly #assertions = new BoundedMap<CachedToken>(MAX_CACHED_TOKENS)
  readonly #exchangeTokens = new BoundedMap<CachedToken>(MAX_CACHED_TOKENS)

  /** @throws {ServiceError} `misconfigured`, `unavailable` */
  async assertion(ctx: RequestContext, identity: Identity, recipient: Recipient): Promise<string> {
    const { audience, clientId } = recipient
    const key = await ctx.services.signingKeys.signing(ctx)
    const encryptionKey = await encryptionKeyOf(ctx, recipient)
    const cacheKey = cacheKeyOf(key, identity, [audience, clientId])
    const lifetime = lifetimeOf(ctx, identity, ASSERTION_SECONDS)
    return reuse(this.#assertions, cacheKey, lifetime, async () => {
      const signed = await sign(ctx, identity, audience, lifetime, key)
      return encryptionKey === null ? signed : encryptAssertion(signed, encryptionKey)
    })
  }

  /**
   * @param audience of the one origin that may accept the token
   * @returns an access token with the claims of the request's own token, without the scope `admin`
   * @throws {ServiceError} `misconfigured`, `unavailable`
   */
  async exchange(ctx: RequestContext, identity: Identity, audience: string): Promise<string> {
    const { claims, roles, scope } = identity
    const key = await ctx.services.signingKeys.signing(ctx)
    const lifetime = lifetimeOf(ctx, identity, EXCHANGE_SECONDS)
    return reuse(this.#exchangeTokens, cacheKeyOf(key, identity, [audience]), lifetime, () => {
      const grantedScope = scope.filter((name) => name !== ADMIN_SCOPE)
      return signExchangeToken(claims, { audience, roles, scope: grantedScope, ...lifetime }, key)
    })
  }
}

function cacheKeyOf(
  { kid }: SigningKey,
  { claims, roles, scope }: Identity,
  recipient: readonly (string | null)[],
): string {
  return JSON.stringify([kid, claims.jti, roles, scope, ...recipient])
}

/** No token outlives the access token on which it is based. */
function lifetimeOf({ nowMs }: RequestContext, { claims }: Identity, seconds: number): Lifetime {
  const issuedAt = Math.floor(nowMs / 1000)
  return { issuedAt, expiresAt: Math.min(issuedAt + seconds, claims.exp) }
}

async function reuse(
  cache: BoundedMap<CachedToken>,
  cacheKey: string,
  { issuedAt, expiresAt }: Lifetime,
  sign: () => Promise<string>,
): Promise<string> {
  const cached = cache.get(cacheKey)
  if (cached !== undefined && issuedAt < cached.reusedUntil) return cached.token
  const token = await sign()
  cache.set(cacheKey, { token, reusedUntil: issuedAt + (expiresAt - issuedAt) / 2 })
  return token
}

function sign(
  { services: { config } }: RequestContext,
  { subject, sessionId, roles, scope }: Identity,
  audience: string,
  lifetime: Lifetime,
  key: SigningKey,
): Promise<string> {
  const { issuer } = config.tokens
  return signAssertion({ issuer, audience, subject, sessionId, roles, scope, ...lifetime }, key)
}

/**
 * @returns null if the route has no client
 * @throws {ServiceError} `misconfigured` if the route's client has no key, since an unencrypted assertion must not be sent
 */
async function encryptionKeyOf(
  ctx: RequestContext,
  { prefix, clientId }: Recipient,
): Promise<EncryptionKey | null> {
  if (clientId === null) return null
  const client = await ctx.services.clients.find(clientId, ctx)
  if (client !== null && client.encryptionKey !== null) return client.encryptionKey
  const cause = new Error(`GATEWAY ${prefix}: its client_id is of no client with an encryption key`)
  throw new ServiceError('misconfigured', {}, { cause })
}
