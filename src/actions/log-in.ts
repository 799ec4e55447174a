/** Log in: identifier and password in, tokens out. */
import { findByIdentifier, type ReadFrom, replaceHash } from '../accounts/account-store.ts'
import { parseIdentifier } from '../accounts/identifier.ts'
import { ServiceError } from '../errors.ts'
import { describeFault, log } from '../log.ts'
import { hashPassword } from '../passwords/pbkdf2.ts'
import type { Services } from '../services.ts'
import { toState } from './account-state.ts'
import { type CheckedAccount, checkPassword, type FindAccount, recheckPassword } from './check-password.ts'
import type { IssuedTokens } from './issue-tokens.ts'
import { type Client, openSession, type SessionRequest } from './open-session.ts'

export interface LogInRequest {
  readonly identifier: string
  readonly password: string
  /** Scopes asked for; null for everything. */
  readonly scope: readonly string[] | null
  readonly client: Client
}

/** Each round means that the account changed while it was read: more than these is no log in but a race. */
const MAX_READS = 4

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`
 */
export async function logIn(services: Services, request: LogInRequest): Promise<IssuedTokens> {
  const key = await services.signingKeys.signing(services.nowMs)
  const find = finder(services, request.identifier)
  const checked = await checkPassword(services, find, request.password, 'nearest')
  const sessionRequest = { key, client: request.client, scope: request.scope }
  const tokens = await openCurrent(services, find, request.password, checked, sessionRequest)
  if (checked.needsRehash) services.waitUntil(rehash(services, checked, request.password))
  return tokens
}

function finder({ db, config }: Services, text: string): FindAccount {
  const identifier = parseIdentifier(text, config.accounts.defaultPhoneRegion)
  if (identifier === null) return async () => ({ account: null, fromPrimary: true })
  return (from: ReadFrom) => findByIdentifier(db, identifier, from)
}

/** Opens the session with a state that the object accepts as current, reading the primary where it must. */
async function openCurrent(
  services: Services,
  find: FindAccount,
  password: string,
  checked: CheckedAccount,
  request: SessionRequest,
): Promise<IssuedTokens> {
  let current = checked
  let replaces: number | null = null
  for (let reads = 1; reads <= MAX_READS; reads++) {
    const basis = current.fromPrimary ? ('exact' as const) : ('nearest' as const)
    const opening = { basis, ...(replaces === null ? {} : { replaces }) }
    const opened = await openSession(services, request, toState(current.account), opening)
    if (opened.outcome === 'opened') return opened.tokens
    replaces = opened.version
    current = await recheckPassword(services, find, password, current)
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** Stores the password under the current parameters. A fault here costs nobody anything: the next log in tries again. */
async function rehash(
  { db, pepper, requestId }: Services,
  { account }: CheckedAccount,
  password: string,
): Promise<void> {
  try {
    const renewed = await hashPassword(password, await pepper())
    await replaceHash(db, account.id, account.passwordHash, renewed).run()
  } catch (fault) {
    log('warn', 'rehash_failed', {
      request_id: requestId,
      account_id: account.id,
      fault: describeFault(fault),
    })
  }
}
