/** The account's state as its object is told it. Pure. */
import type { Account, AccountFacts } from '../../accounts/account.ts'
import type { AccountState, LiveState } from '../../sessions/session.ts'

export function toState(account: Account): LiveState {
  return {
    format: 1,
    version: account.credentialVersion,
    sessionsFrom: account.sessionsFrom,
    keptSession: account.keptSession,
    facts: toFacts(account),
  }
}

export function toDeletedState(version: number): AccountState {
  return { format: 1, version, sessionsFrom: version, keptSession: null, facts: null }
}

/** Leaves behind what no token or answer may carry. */
function toFacts(account: Account): AccountFacts {
  const { usernameKey, passwordHash, credentialVersion, sessionsFrom, keptSession, changeId, ...facts } =
    account
  return facts
}
