/** Authenticates OAuth clients (RFC 6749 section 2.3) and limits failures per requester address. */

import { type CachedClient, isClientSecret } from '../../clients/clients.ts'
import type { Bytes } from '../../crypto/bytes.ts'
import { isId } from '../../crypto/ids.ts'
import { OAuthError, orUnavailable, type ServiceError } from '../../errors/service-error.ts'
import { attemptCounters, blockCacheKeyOf, blockedError } from '../attempts/counters.ts'
import type { RequestContext } from '../request-context.ts'

/** The client credentials of a request; null for what it does not contain. */
export interface ClientCredentials {
  readonly clientId: string | null
  readonly clientSecret: string | null
}

export interface AuthenticatedClient {
  readonly clientId: string
  /** Whether the client authenticated with a secret; if not, it is the service's own public client. */
  readonly confidential: boolean
  /** The audience whose access tokens it may introspect, in addition to those issued to itself. */
  readonly audience: string
}

const RULE = 'client_failures_per_ip'
/** Replaces the hash of an unknown client: no secret has this one. */
const NO_HASH: Bytes = new Uint8Array(32)

/**
 * Runs to completion even if the caller disconnects, so that disconnecting cannot avoid being counted. A request without a secret
 * guesses nothing, so it is not counted.
 * @throws {OAuthError} `invalid_client`
 * @throws {ServiceError} `client_ip_unknown` and `too_many_client_failures` (both only for an incorrect secret); `unavailable`
 */
export async function authenticateClient(
  ctx: RequestContext,
  { clientId, clientSecret }: ClientCredentials,
): Promise<AuthenticatedClient> {
  const { clientId: publicId, audience } = ctx.services.config.tokens
  if (clientId === publicId && clientSecret === null) return { clientId, confidential: false, audience }
  if (clientId === null || clientSecret === null) throw new OAuthError('invalid_client')
  const running = authenticate(ctx, clientId, clientSecret)
  ctx.waitUntil(running.catch(() => undefined))
  return running
}

/**
 * Accepts a correct secret even if the requester's address is blocked or unknown. Guessing cannot find 256 random bits, so a
 * block would protect nothing, and anybody could use it to lock out the clients behind one address.
 */
async function authenticate(
  ctx: RequestContext,
  clientId: string,
  clientSecret: string,
): Promise<AuthenticatedClient> {
  const client = await findClient(ctx, clientId)
  // The same work for an unknown client and for an incorrect secret.
  const matches = await isClientSecret(clientSecret, client?.secretHash ?? NO_HASH)
  if (client !== null && !matches) ctx.addToRequestLog({ clientId })
  if (client === null || !matches) throw await countFailure(ctx)
  const audience = client.audience ?? ctx.services.config.tokens.audience
  return { clientId, confidential: true, audience }
}

async function findClient(ctx: RequestContext, clientId: string): Promise<CachedClient | null> {
  return isId(clientId) ? ctx.services.clients.find(clientId, ctx) : null
}

/**
 * Counts an incorrect secret before the caller learns that it is incorrect, if the requester's limit is not exhausted.
 * @returns the error to throw
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
async function countFailure(ctx: RequestContext): Promise<OAuthError | ServiceError> {
  const { services, nowMs } = ctx
  const [applicable] = (await attemptCounters(ctx, [RULE], null)).applicable
  if (applicable === undefined) return new OAuthError('invalid_client')
  const cached = services.blockCache.get(blockCacheKeyOf(applicable), nowMs)
  if (cached !== null) return blockedError(RULE, cached)
  const outcome = { kind: 'counted', account: '' } as const
  const failure = { rule: applicable.rule, id: crypto.randomUUID(), outcome, challenged: false }
  const { settled, status } = await orUnavailable(services.counter(applicable.counter).settle(failure))
  if (settled) return new OAuthError('invalid_client')
  services.blockCache.set(blockCacheKeyOf(applicable), status, nowMs)
  return blockedError(RULE, status)
}
