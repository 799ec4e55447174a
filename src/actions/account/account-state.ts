/** The account's state as its object is told it. Pure. */
import type { Account, AccountFacts } from '../../accounts/account.ts'
import type { AccountState, LiveState } from '../../sessions/session.ts'

export function toState(account: Account): LiveState {
  return {
    format: 1,
    version: account.credentialVersion,
    sessionsNotBefore: account.sessionsNotBefore,
    survivingSession: account.survivingSession,
    facts: toFacts(account),
  }
}

export function toDeletedState(version: number): AccountState {
  return { format: 1, version, sessionsNotBefore: version, survivingSession: null, facts: null }
}

/** Leaves behind what no token or answer may carry. */
function toFacts(account: Account): AccountFacts {
  const {
    usernameKey,
    passwordHash,
    credentialVersion,
    sessionsNotBefore,
    survivingSession,
    changeId,
    ...facts
  } = account
  return facts
}
