/** Which client calls (RFC 6749 section 2.3), and how often one address may be wrong about it. */
import { isClientSecret } from '../clients/client-secret.ts'
import { reach } from '../errors.ts'
import { isId } from '../ids.ts'
import { OAuthError } from '../oauth-errors.ts'
import type { Services } from '../services.ts'
import { blocked } from './attempt.ts'
import { type Client, clientCounter, limitOf } from './client-limits.ts'

/** What a request says of who it comes from; null for what it does not say. */
export interface ClientCredentials {
  readonly clientId: string | null
  readonly clientSecret: string | null
}

export interface AuthenticatedClient {
  readonly clientId: string
  /** Whether it has proven who it is; else it is the service's own public client. */
  readonly confidential: boolean
}

const RULE = 'client_failures_per_ip'

/**
 * Goes on when the caller is gone: whoever hangs up gains no attempt. Without a secret nothing is guessed, and nothing counts.
 * @throws {OAuthError} `invalid_client`
 * @throws {ServiceError} `client_ip_unknown`, `too_many_client_failures`, `unavailable`
 */
export async function authenticateClient(
  services: Services,
  { clientId, clientSecret }: ClientCredentials,
  from: Client,
): Promise<AuthenticatedClient> {
  if (clientId === services.config.tokens.clientId && clientSecret === null) {
    return { clientId, confidential: false }
  }
  if (clientId === null || clientSecret === null) throw new OAuthError('invalid_client')
  const running = authenticate(services, clientId, clientSecret, from)
  services.waitUntil(running.catch(() => undefined))
  return running
}

/**
 * A right secret costs a look at the counter alone: nothing waits for others, since no number of guesses at once would
 * find 256 random bits. A wrong one is counted before anybody learns of it, if its address still has a place.
 */
async function authenticate(
  services: Services,
  clientId: string,
  clientSecret: string,
  from: Client,
): Promise<AuthenticatedClient> {
  const { address, counter: name } = await clientCounter(services, from)
  const rule = (await services.settings.rules(services.nowMs))[RULE]
  const limit = limitOf(rule)
  // An address that tells nobody from anybody blocks no right secret: else anybody could lock the others out.
  if (rule.enabled && !address.shared) {
    const standing = await reach(services.counter(name).look(RULE, limit))
    if (standing.full) throw blocked(RULE, standing)
  }
  if (await isRight(services, clientId, clientSecret)) return { clientId, confidential: true }
  if (!rule.enabled) throw new OAuthError('invalid_client')
  const outcome = { kind: 'counted', account: '' } as const
  const failure = { rule: RULE, limit, id: crypto.randomUUID(), outcome, challenged: false } as const
  const { settled, standing } = await reach(services.counter(name).settle(failure))
  throw settled ? new OAuthError('invalid_client') : blocked(RULE, standing)
}

async function isRight(services: Services, clientId: string, secret: string): Promise<boolean> {
  if (!isId(clientId)) return false
  const client = await services.clients.find(clientId, services.nowMs)
  return client !== null && isClientSecret(secret, client.secretHash)
}
