/** What an action carries: config, database, objects, keys and the time. Built here, and by hand in tests. */

import type { ChallengeProvider } from './challenge/challenge.ts'
import { chooseProvider } from './challenge/fallback.ts'
import { deriveChallengeKeys, ProofOfWork } from './challenge/proof-of-work.ts'
import { Clients } from './clients/clients.ts'
import type { Env } from './config/env.ts'
import type { RuleName } from './config/limits.ts'
import type { Config } from './config/read-config.ts'
import type { PurposeKeys } from './crypto/secrets.ts'
import type { AttemptCounters } from './limits/attempt-counter.ts'
import { BlockCache } from './limits/block-cache.ts'
import { CounterKeys } from './limits/counter-keys.ts'
import type { LimitStatus } from './limits/counter-rpc.ts'
import type { Limit } from './limits/window.ts'
import { derivePepper, type Pepper } from './passwords/pbkdf2.ts'
import type { AccountSessions } from './sessions/account-object.ts'
import { deriveTicketKeys } from './sessions/login-ticket.ts'
import { derivePageKeys, deriveRefreshKeys } from './sessions/refresh-token.ts'
import { RunTimeSettings } from './settings/run-time-settings.ts'
import { SigningKeys } from './tokens/signing-keys.ts'
import { VerifiedTokens } from './tokens/verified-tokens.ts'

/** What one isolate shares between requests: nothing here holds a request's I/O. */
export interface SharedServices {
  readonly config: Config
  readonly db: D1Database
  /** @returns a new stub: after an error, an old one may stay broken. */
  readonly accountObject: (accountId: string) => AccountSessions
  /** @returns a new stub of the counter with this name, alike. */
  readonly counter: (name: string) => AttemptCounters
  readonly counterKeys: CounterKeys
  readonly blockCache: BlockCache
  /** @returns the service binding with this name, which the config has found to be there. */
  readonly origin: (binding: string) => Fetcher
  readonly settings: RunTimeSettings
  readonly clients: Clients
  readonly challenge: ChallengeProvider
  readonly signingKeys: SigningKeys
  readonly verifiedTokens: VerifiedTokens
  readonly refreshKeys: () => Promise<PurposeKeys>
  /** For the tokens by which hosted pages know a browser. */
  readonly pageKeys: () => Promise<PurposeKeys>
  /** For what the hosted pages put into the address after a login. */
  readonly ticketKeys: () => Promise<PurposeKeys>
  readonly pepper: () => Promise<Pepper | null>
}

export interface Services extends SharedServices {
  /** When the request, or the cron run, began, or the request's body had come: unix milliseconds. */
  readonly nowMs: number
  /** For log lines; undefined for cron. */
  readonly requestId: string | undefined
  /** Notes how a client stands with a limit, for the answer's headers. */
  readonly reportLimit: (report: LimitReport) => void
  /** Adds to the request's log line; nothing of it reaches the client. */
  readonly addToRequestLog: (note: RequestLogFields) => void
  /** Lets work go on after the answer, and when the client is gone. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

export interface LimitReport {
  readonly name: RuleName
  readonly limit: Limit
  readonly status: LimitStatus
}

/** What the log line of a request says beside the request itself, where it is known. */
export interface RequestLogFields {
  /** Whom the request was about, also where it was refused. */
  readonly accountId?: string
  /** The session that asked, or that was opened. */
  readonly sessionId?: string
  /** The client whose secret was wrong. */
  readonly clientId?: string
  /** Which client address: digestOf its counter's name. */
  readonly addressDigest?: string
  /** Which identifier: digestOf its counter's name. */
  readonly identifierDigest?: string
  /** Names of the fields that a change sets; never what they are set to. */
  readonly fields?: readonly string[]
}

export function shareServices(env: Env, config: Config): SharedServices {
  const { authSecret, authSecretFallback, passwordPepper } = config.secrets
  const { signingAlgorithm: alg, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens
  const proofOfWork = new ProofOfWork(once(() => deriveChallengeKeys(authSecret, authSecretFallback)))
  return {
    config,
    db: env.DB,
    accountObject: (accountId) => env.ACCOUNT.getByName(accountId) as unknown as AccountSessions,
    counter: (name) => env.COUNTER.getByName(name) as unknown as AttemptCounters,
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

/** Remembers the result, not the promise: requests do not wait for each other's work. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: { readonly value: T } | null = null
  return async () => {
    made ??= { value: await make() }
    return made.value
  }
}
