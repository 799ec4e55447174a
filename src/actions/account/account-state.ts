/** The account's state as its object is told it. Pure. */
import type { Account, AccountProfile } from '../../accounts/account.ts'
import type { AccountState, LiveState } from '../../sessions/session.ts'

export function toState(account: Account): LiveState {
  return {
    format: 1,
    version: account.credentialVersion,
    sessionsNotBefore: account.sessionsNotBefore,
    survivingSession: account.survivingSession,
    profile: toProfile(account),
  }
}

export function toDeletedState(version: number): AccountState {
  return { format: 1, version, sessionsNotBefore: version, survivingSession: null, profile: null }
}

/** Leaves behind what no token or answer may carry. */
function toProfile(account: Account): AccountProfile {
  const {
    usernameKey,
    passwordHash,
    credentialVersion,
    sessionsNotBefore,
    survivingSession,
    changeId,
    ...profile
  } = account
  return profile
}
