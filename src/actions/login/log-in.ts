/** Log in: identifier and password in, tokens out. */
import { findByIdentifier, type ReadFrom, replaceHash } from '../../accounts/account-store.ts'
import { type Identifier, parseIdentifier } from '../../accounts/identifier.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import type { Transport } from '../../sessions/session.ts'
import { toState } from '../account/publish-state.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { type RateLimitedRequest, runAttempt } from '../attempts/run-attempt.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import {
  endOrphanedSession,
  type OpenedSession,
  openSession,
  type SessionRequest,
} from '../session/open-session.ts'
import { type CheckedAccount, checkPassword, type FindAccount, recheckPassword } from './check-password.ts'

export interface LoginRequest extends RateLimitedRequest {
  readonly identifier: string
  readonly password: string
  /** Scopes asked for; null for everything. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
}

type Opened = Extract<OpenedSession, { outcome: 'opened' }>

/** Each round means that the account changed while it was read: more than these is no log in but a race. */
const MAX_READS = 4

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as runAttempt
 */
export async function logIn(services: Services, request: LoginRequest): Promise<IssuedTokens> {
  const key = await services.signingKeys.signing(services.nowMs)
  const { defaultPhoneRegion } = services.config.accounts
  const identifier = parseIdentifier(request.identifier, defaultPhoneRegion)
  const counted = {
    action: 'login' as const,
    registers: false,
    identifier: identifier ?? { kind: null, compared: request.identifier },
  }
  const { activeSession, sessionSecret } = await runAttempt(services, request, counted, (attempt) =>
    checkAndOpen(services, request, finder(services.db, identifier), attempt),
  )
  return issueTokens(services, key, activeSession, sessionSecret)
}

function finder(db: D1Database, identifier: Identifier | null): FindAccount {
  if (identifier === null) return async () => ({ account: null, fromPrimary: true })
  return (from: ReadFrom) => findByIdentifier(db, identifier, from)
}

async function checkAndOpen(
  services: Services,
  request: LoginRequest,
  find: FindAccount,
  attempt: Attempt,
): Promise<Opened> {
  const { password } = request
  const checked = await attempt.admit(await checkPassword(services, find, password, 'replica'))
  const recheck = async (earlier: CheckedAccount) =>
    attempt.admit(await recheckPassword(services, find, password, earlier))
  const opened = await openCurrent(services, request, checked, recheck)
  const { profile, session } = opened.activeSession
  await attempt.succeed(profile.id).catch((error: unknown) => {
    services.waitUntil(endOrphanedSession(services, profile.id, session.id))
    throw error
  })
  if (checked.needsRehash) services.waitUntil(rehash(services, checked, password))
  return opened
}

/** Opens the session with a state that the object accepts as current, reading the primary where it must. */
async function openCurrent(
  services: Services,
  request: SessionRequest,
  checked: CheckedAccount,
  recheck: (earlier: CheckedAccount) => Promise<CheckedAccount>,
): Promise<Opened> {
  let current = checked
  let replaces: number | null = null
  for (let reads = 1; reads <= MAX_READS; reads++) {
    const readFrom = current.fromPrimary ? ('primary' as const) : ('replica' as const)
    const opening = { readFrom, ...(replaces === null ? {} : { replaces }) }
    const opened = await openSession(services, request, toState(current.account), opening)
    if (opened.outcome === 'opened') return opened
    replaces = opened.version
    current = await recheck(current)
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** Stores the password under the current parameters. An error here costs nobody anything: the next log in tries again. */
async function rehash(
  { db, pepper, requestId }: Services,
  { account }: CheckedAccount,
  password: string,
): Promise<void> {
  try {
    const renewed = await hashPassword(password, await pepper())
    await replaceHash(db, account.id, account.passwordHash, renewed).run()
  } catch (error) {
    log('warn', 'rehash_failed', {
      request_id: requestId,
      account_id: account.id,
      error: describeError(error),
    })
  }
}
