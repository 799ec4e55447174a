/** Which client calls (RFC 6749 section 2.3), and how often one address may be wrong about it. */

import { isClientSecret, type KnownClient } from '../../clients/clients.ts'
import type { Bytes } from '../../crypto/bytes.ts'
import { isId } from '../../crypto/ids.ts'
import { OAuthError, orUnavailable, type ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import { blocked } from '../attempts/attempt.ts'
import { type Client, limitOf, requesterCounter } from '../attempts/requester-limits.ts'

/** What a request says of who it comes from; null for what it does not say. */
export interface ClientCredentials {
  readonly clientId: string | null
  readonly clientSecret: string | null
}

export interface AuthenticatedClient {
  readonly clientId: string
  /** Whether it has proven who it is; else it is the service's own public client. */
  readonly confidential: boolean
  /** Whose access tokens it may introspect, beside those issued to itself. */
  readonly audience: string
}

const RULE = 'client_failures_per_ip'
/** In the place of a hash where there is no client: no secret has this one. */
const HASH_OF_NONE: Bytes = new Uint8Array(32)

/**
 * Goes on when the caller is gone: whoever hangs up gains no attempt. Without a secret nothing is guessed, and nothing counts.
 * @throws {OAuthError} `invalid_client`
 * @throws {ServiceError} `client_ip_unknown` and `too_many_client_failures` (a wrong secret alone), `unavailable`
 */
export async function authenticateClient(
  services: Services,
  { clientId, clientSecret }: ClientCredentials,
  from: Client,
): Promise<AuthenticatedClient> {
  const { clientId: publicId, audience } = services.config.tokens
  if (clientId === publicId && clientSecret === null) return { clientId, confidential: false, audience }
  if (clientId === null || clientSecret === null) throw new OAuthError('invalid_client')
  const running = authenticate(services, clientId, clientSecret, from)
  services.waitUntil(running.catch(() => undefined))
  return running
}

/**
 * A right secret passes whatever was counted against its address, which need not even be known: no number of guesses would
 * find 256 random bits, so a block protects nothing, and would let anybody lock out the clients behind one address.
 */
async function authenticate(
  services: Services,
  clientId: string,
  clientSecret: string,
  from: Client,
): Promise<AuthenticatedClient> {
  const client = await findClient(services, clientId)
  // The same work for an unknown client and a wrong secret.
  const right = await isClientSecret(clientSecret, client?.secretHash ?? HASH_OF_NONE)
  if (client !== null && !right) services.addToRequestLog({ clientId })
  if (client === null || !right) throw await countFailure(services, from)
  const audience = client.audience ?? services.config.tokens.audience
  return { clientId, confidential: true, audience }
}

async function findClient({ clients, nowMs }: Services, clientId: string): Promise<KnownClient | null> {
  return isId(clientId) ? clients.find(clientId, nowMs) : null
}

/**
 * Counts a wrong secret before anybody learns of it, if its address still has a place.
 * @returns what to refuse it with
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
async function countFailure(services: Services, from: Client): Promise<OAuthError | ServiceError> {
  const { blockCache, nowMs } = services
  const { counter } = await requesterCounter(services, from)
  const rule = (await services.settings.rules(nowMs))[RULE]
  if (!rule.enabled) return new OAuthError('invalid_client')
  const limit = limitOf(rule)
  const key = { name: RULE, limit, counter } as const
  const known = blockCache.find(key, nowMs)
  if (known !== null) return blocked(RULE, known)
  const outcome = { kind: 'counted', account: '' } as const
  const failure = { rule: RULE, limit, id: crypto.randomUUID(), outcome, challenged: false } as const
  const { settled, status } = await orUnavailable(services.counter(counter).settle(failure))
  if (settled) return new OAuthError('invalid_client')
  blockCache.note(key, status, nowMs)
  return blocked(RULE, status)
}
