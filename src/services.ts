/** What an action carries: config, database, objects, keys and the time. Built here, and by hand in tests. */

import type { Env } from './config/env.ts'
import type { Config } from './config/read-config.ts'
import { derivePepper, type Pepper } from './passwords/pbkdf2.ts'
import type { PurposeKeys } from './secrets.ts'
import type { AccountSessions } from './sessions/account-object.ts'
import { deriveRefreshKeys } from './sessions/refresh-token.ts'
import { SigningKeys } from './tokens/signing-keys.ts'

/** What one isolate shares between requests: nothing here holds a request's I/O. */
export interface SharedServices {
  readonly config: Config
  readonly db: D1Database
  /** @returns a new stub: after a fault, an old one may stay broken. */
  readonly accountObject: (accountId: string) => AccountSessions
  readonly signingKeys: SigningKeys
  readonly refreshKeys: () => Promise<PurposeKeys>
  readonly pepper: () => Promise<Pepper | null>
}

export interface Services extends SharedServices {
  /** When the request, or the cron run, began: unix milliseconds. */
  readonly nowMs: number
  /** For log lines; undefined for cron. */
  readonly requestId: string | undefined
  /** Lets work go on after the answer, and when the client is gone. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

export function shareServices(env: Env, config: Config): SharedServices {
  const { authSecret, authSecretAlso, passwordPepper } = config.secrets
  const { signingAlgorithm: alg, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens
  return {
    config,
    db: env.DB,
    accountObject: (accountId) => env.ACCOUNT.getByName(accountId) as unknown as AccountSessions,
    signingKeys: new SigningKeys(env.DB, { alg, rotationSeconds, accessTokenSeconds }, config.secrets),
    refreshKeys: once(() => deriveRefreshKeys(authSecret, authSecretAlso)),
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
