/** Reads and changes accounts, for an operator. */
import type { Account, AccountProfile } from '../../accounts/account.ts'
import { isId } from '../../crypto/ids.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { toState } from '../../sessions/session.ts'
import { fitsToken, GRANTED_TOO_LONG, type Granted } from '../../tokens/claims.ts'
import { type ChangeStamp, commitEdit, type ReadAccount } from '../account/commit-change.ts'
import { publishChange } from '../account/publish-state.ts'
import type { RequestContext } from '../request-context.ts'

/** Each member replaces the account's value; a missing one stays as it is. */
export type ManagedChanges = {
  readonly [Name in 'disabled' | 'roles' | 'scopes' | 'claims']?: AccountProfile[Name] | undefined
}

/** @throws {ServiceError} `not_found`, `unavailable` */
export async function getAccount(ctx: RequestContext, id: string): Promise<AccountProfile> {
  return toState(await accountReader(ctx, id)()).profile
}

/**
 * Changes an account. Tokens show the change from the next refresh on; disabling the account ends all its sessions at once.
 * @returns the account's profile after the change
 * @throws {ServiceError} `not_found`; `invalid_request`; as commitEdit and publishChange
 */
export async function manageAccount(
  ctx: RequestContext,
  id: string,
  changes: ManagedChanges,
): Promise<AccountProfile> {
  const nothing = Object.values(changes).every((change) => change === undefined)
  if (nothing) return getAccount(ctx, id)
  const change = await commitEdit(ctx, accountReader(ctx, id), (current, stamp) =>
    withChanges(current, stamp, changes),
  )
  return publishChange(ctx, change)
}

/** @throws {ServiceError} `not_found`, `unavailable` */
export async function endAccountSessions(ctx: RequestContext, id: string): Promise<void> {
  await getAccount(ctx, id)
  const policy = ctx.services.config.sessions
  await orUnavailable(ctx.services.accountObject(id).endAll({ policy }))
}

function accountReader({ services }: RequestContext, id: string): ReadAccount {
  return async () => {
    const account = isId(id) ? (await services.accounts.find(id, 'primary')).account : null
    if (account === null) throw new ServiceError('not_found')
    return account
  }
}

function withChanges(account: Account, stamp: ChangeStamp, changes: ManagedChanges): Account {
  const { disabled = account.disabled } = changes
  const { roles = account.roles, scopes = account.scopes, claims = account.claims } = changes
  checkLength({ roles, scopes, claims }, changes)
  const changed = { ...account, ...stamp, disabled, roles, scopes, claims }
  return disabled
    ? { ...changed, sessionsNotBefore: stamp.credentialVersion, survivingSession: null }
    : changed
}

/**
 * Checks the length only if the request changes roles, scopes or claims: an account that exceeds it can still be disabled.
 * @throws {ServiceError} `invalid_request` with each of these fields in the request, since each could be made shorter
 */
function checkLength(granted: Granted, { roles, scopes, claims }: ManagedChanges): void {
  const given = Object.entries({ roles, scopes, claims }).filter(([, change]) => change !== undefined)
  if (given.length === 0 || fitsToken(granted)) return
  const errors = given.map(([field]) => ({ field, message: GRANTED_TOO_LONG }))
  throw new ServiceError('invalid_request', { errors })
}
