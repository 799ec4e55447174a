/** The dependencies of actions that an isolate shares between requests: config, database, Durable Objects and keys. */

import { AccountRepository } from './accounts/account-repository.ts'
import type { ChallengeProvider } from './challenge/challenge.ts'
import { chooseProvider } from './challenge/fallback.ts'
import { deriveChallengeKeys, ProofOfWork } from './challenge/proof-of-work.ts'
import { Clients } from './clients/clients.ts'
import type { Env } from './config/env.ts'
import type { Config } from './config/read-config.ts'
import type { PurposeKeys } from './crypto/secrets.ts'
import { BlockCache } from './limits/block-cache.ts'
import { CounterKeys } from './limits/counter-keys.ts'
import type { AttemptCounterRpc } from './limits/counter-rpc.ts'
import { Outbox } from './outbox/outbox-store.ts'
import { derivePepper, type Pepper } from './passwords/pbkdf2.ts'
import type { AccountRpc } from './sessions/account-rpc.ts'
import { deriveTicketKeys } from './sessions/login-ticket.ts'
import { derivePageKeys, deriveRefreshKeys } from './sessions/refresh-token.ts'
import { RunTimeSettings } from './settings/run-time-settings.ts'
import { SharedRecords } from './shared-record.ts'
import { SigningKeys } from './tokens/signing-keys.ts'
import { VerifiedTokens } from './tokens/verified-tokens.ts'

/** Shared by all requests of an isolate, so it holds no I/O that is bound to one request. */
export interface Services {
  readonly config: Config
  readonly accounts: AccountRepository
  readonly outbox: Outbox
  /** @returns a new stub of the account's object, because a stub may stay broken after an error */
  readonly accountObject: (accountId: string) => AccountRpc
  /** @returns a new stub of the counter with this name, for the same reason */
  readonly counter: (name: string) => AttemptCounterRpc
  readonly counterKeys: CounterKeys
  readonly blockCache: BlockCache
  /** @returns the service binding with this name; the config has checked that it exists */
  readonly origin: (binding: string) => Fetcher
  readonly settings: RunTimeSettings
  readonly clients: Clients
  readonly challenge: ChallengeProvider
  readonly signingKeys: SigningKeys
  readonly verifiedTokens: VerifiedTokens
  readonly refreshKeys: () => Promise<PurposeKeys>
  /** The keys of page tokens, which the hosted pages' cookie contains. */
  readonly pageKeys: () => Promise<PurposeKeys>
  /** The keys of login tickets, which the hosted pages put into the URL after a login. */
  readonly ticketKeys: () => Promise<PurposeKeys>
  readonly pepper: () => Promise<Pepper | null>
}

export function createServices(env: Env, config: Config): Services {
  const { authSecret, authSecretFallback, passwordPepper } = config.secrets
  const { signingAlgorithm: alg, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens
  const records = new SharedRecords(env.DB)
  const proofOfWork = new ProofOfWork(once(() => deriveChallengeKeys(authSecret, authSecretFallback)))
  return {
    config,
    accounts: new AccountRepository(env.DB),
    outbox: new Outbox(env.DB),
    accountObject: (accountId) => env.ACCOUNT.getByName(accountId),
    counter: (name) => env.COUNTER.getByName(name),
    counterKeys: new CounterKeys(records),
    blockCache: new BlockCache(),
    origin: (binding) => env[binding as keyof Env] as unknown as Fetcher,
    settings: new RunTimeSettings(env.DB, records, config.limits.rules),
    clients: new Clients(env.DB),
    challenge: chooseProvider(config.challenge, proofOfWork),
    signingKeys: new SigningKeys(
      env.DB,
      records,
      { alg, rotationSeconds, accessTokenSeconds },
      config.secrets,
    ),
    verifiedTokens: new VerifiedTokens(),
    refreshKeys: once(() => deriveRefreshKeys(authSecret, authSecretFallback)),
    pageKeys: once(() => derivePageKeys(authSecret, authSecretFallback)),
    ticketKeys: once(() => deriveTicketKeys(authSecret, authSecretFallback)),
    pepper: once(async () => (passwordPepper === undefined ? null : derivePepper(passwordPepper))),
  }
}

/** Caches the result, not the promise, so that no request waits for the work of another. */
function once<T>(derive: () => Promise<T>): () => Promise<T> {
  let cached: { readonly value: T } | null = null
  return async () => {
    cached ??= { value: await derive() }
    return cached.value
  }
}
