/** The dependencies of actions: config, database, Durable Objects, keys and the time. */

import type { ChallengeProvider } from './challenge/challenge.ts'
import { chooseProvider } from './challenge/fallback.ts'
import { deriveChallengeKeys, ProofOfWork } from './challenge/proof-of-work.ts'
import { Clients } from './clients/clients.ts'
import type { Env } from './config/env.ts'
import type { Config } from './config/read-config.ts'
import type { PurposeKeys } from './crypto/secrets.ts'
import type { AttemptCounterStub } from './limits/attempt-counter.ts'
import { BlockCache } from './limits/block-cache.ts'
import { CounterKeys } from './limits/counter-keys.ts'
import type { LimitStatus } from './limits/counter-rpc.ts'
import type { RuleName } from './limits/rules.ts'
import type { Limit } from './limits/window.ts'
import { derivePepper, type Pepper } from './passwords/pbkdf2.ts'
import type { AccountStub } from './sessions/account-object.ts'
import { deriveTicketKeys } from './sessions/login-ticket.ts'
import { derivePageKeys, deriveRefreshKeys } from './sessions/refresh-token.ts'
import { RunTimeSettings } from './settings/run-time-settings.ts'
import { SigningKeys } from './tokens/signing-keys.ts'
import { VerifiedTokens } from './tokens/verified-tokens.ts'

/** Shared by all requests of an isolate, so it holds no I/O that is bound to one request. */
export interface SharedServices {
  readonly config: Config
  readonly db: D1Database
  /** @returns a new stub of the account's object, because a stub may stay broken after an error */
  readonly accountObject: (accountId: string) => AccountStub
  /** @returns a new stub of the counter with this name, for the same reason */
  readonly counter: (name: string) => AttemptCounterStub
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

/** What one request, one RPC or one cron run gets. */
export interface Services extends SharedServices {
  /** When the request, the RPC or the cron run began, or when the request's body was complete: unix milliseconds. */
  readonly nowMs: number
  /** For log lines; undefined for RPCs and cron. */
  readonly requestId: string | undefined
  /** Reports the requester's limit status, for the headers of the response. */
  readonly reportLimit: (report: LimitReport) => void
  /** Adds fields to the request's log line. They never appear in the response. */
  readonly addToRequestLog: (fields: RequestLogFields) => void
  /** Lets work continue after the response, or after the caller has disconnected. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

export interface LimitReport {
  readonly name: RuleName
  readonly limit: Limit
  readonly status: LimitStatus
}

/** What the log line of a request contains in addition to the request itself, if it is known. */
export interface RequestLogFields {
  /** The account that the request was about, even if the request was refused. */
  readonly accountId?: string
  /** The session of the request, or the one that it opened. */
  readonly sessionId?: string
  /** The client whose secret was incorrect. */
  readonly clientId?: string
  /** The requester's address, as the digest of its counter's name (digestOf). */
  readonly addressDigest?: string
  /** The identifier, as the digest of its counter's name (digestOf). */
  readonly identifierDigest?: string
  /** The names of the fields that a change sets, never their values. */
  readonly fields?: readonly string[]
}

export function shareServices(env: Env, config: Config): SharedServices {
  const { authSecret, authSecretFallback, passwordPepper } = config.secrets
  const { signingAlgorithm: alg, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens
  const proofOfWork = new ProofOfWork(once(() => deriveChallengeKeys(authSecret, authSecretFallback)))
  return {
    config,
    db: env.DB,
    accountObject: (accountId) => env.ACCOUNT.getByName(accountId) as unknown as AccountStub,
    counter: (name) => env.COUNTER.getByName(name) as unknown as AttemptCounterStub,
    counterKeys: new CounterKeys(env.DB),
    blockCache: new BlockCache(),
    origin: (binding) => ({ ...env })[binding as keyof Env] as unknown as Fetcher,
    settings: new RunTimeSettings(env.DB, config.limits.rules),
    clients: new Clients(env.DB),
    challenge: chooseProvider(config.challenge, proofOfWork),
    signingKeys: new SigningKeys(env.DB, { alg, rotationSeconds, accessTokenSeconds }, config.secrets),
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
