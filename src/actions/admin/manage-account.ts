/** What an operator sees and changes of somebody's account. */
import type { Account, AccountProfile } from '../../accounts/account.ts'
import { findById } from '../../accounts/account-store.ts'
import { isId } from '../../crypto/ids.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import { fitsToken, GRANTED_TOO_LONG, type Granted } from '../../tokens/claims.ts'
import { type ChangeStamp, commitEdit, type ReadAccount } from '../account/commit-change.ts'
import { tellEdit, toState } from '../account/publish-state.ts'

/** What is given replaces what the account has; the rest stays. */
export type ManagedChanges = {
  readonly [Name in 'disabled' | 'roles' | 'scopes' | 'claims']?: AccountProfile[Name] | undefined
}

/** @throws {ServiceError} `not_found`, `unavailable` */
export async function getAccount(services: Services, id: string): Promise<AccountProfile> {
  return toState(await reader(services, id)()).profile
}

/**
 * In force with the next refresh; disabling ends every session at once.
 * @returns the account's profile after the change
 * @throws {ServiceError} `not_found`; `invalid_request`; `unavailable`, with `changed` where the change is stored and its telling is not
 */
export async function manageAccount(
  services: Services,
  id: string,
  changes: ManagedChanges,
): Promise<AccountProfile> {
  const nothing = Object.values(changes).every((change) => change === undefined)
  if (nothing) return getAccount(services, id)
  const committed = await commitEdit(services, reader(services, id), (account, stamp) =>
    withChanges(account, stamp, changes),
  )
  return tellEdit(services, committed)
}

/** @throws {ServiceError} `not_found`, `unavailable` */
export async function endAccountSessions(services: Services, id: string): Promise<void> {
  await getAccount(services, id)
  await orUnavailable(services.accountObject(id).endAll())
}

function reader({ db }: Services, id: string): ReadAccount {
  return async () => {
    const account = isId(id) ? (await orUnavailable(findById(db, id, 'primary'))).account : null
    if (account === null) throw new ServiceError('not_found')
    return account
  }
}

function withChanges(account: Account, stamp: ChangeStamp, changes: ManagedChanges): Account {
  const { disabled = account.disabled } = changes
  const { roles = account.roles, scopes = account.scopes, claims = account.claims } = changes
  refuseTooLong({ roles, scopes, claims }, changes)
  const changed = { ...account, ...stamp, disabled, roles, scopes, claims }
  return disabled
    ? { ...changed, sessionsNotBefore: stamp.credentialVersion, survivingSession: null }
    : changed
}

/**
 * What is left alone may be longer, as it was before there was a bound: whatever it has, an account can be disabled.
 * @throws {ServiceError} `invalid_request`, for each field that was given: any of them could be made shorter
 */
function refuseTooLong(granted: Granted, { roles, scopes, claims }: ManagedChanges): void {
  const given = Object.entries({ roles, scopes, claims }).filter(([, change]) => change !== undefined)
  if (given.length === 0 || fitsToken(granted)) return
  const errors = given.map(([field]) => ({ field, message: GRANTED_TOO_LONG }))
  throw new ServiceError('invalid_request', { errors })
}
