/** Registration: stores a new account, opens its first session and issues its tokens. */
import type { Account } from '../../accounts/account.ts'
import { firstTaken, insertAccount, takenIdentifiers } from '../../accounts/account-store.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { newId } from '../../crypto/ids.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import type { Services } from '../../services.ts'
import type { Transport } from '../../sessions/session.ts'
import { confirmWrite } from '../account/commit-change.ts'
import { toState } from '../account/publish-state.ts'
import { type RateLimitedRequest, runAttempt } from '../attempts/run-attempt.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { openSession } from '../session/open-session.ts'
import {
  checkPasswordPolicy,
  checkRegistrationAllowed,
  checkRegistrationOpen,
  passwordErrors,
  usernameErrors,
} from './check-new-credentials.ts'

export interface RegisterRequest extends RateLimitedRequest {
  readonly username: Identifier | null
  readonly email: Identifier | null
  readonly phone: Identifier | null
  readonly password: string
  readonly transport: Transport
}

const ATTEMPT_KIND = { action: 'register', mayRegister: true, identifier: null } as const

/**
 * @throws {ServiceError} `invalid_request` for a reserved username, `registration_closed`, `registration_not_allowed`,
 * `weak_password`, `identifier_taken`, `misconfigured`, `unavailable` (with `registered` if the account is stored but its session
 * could not be opened); as runAttempt
 */
export async function register(services: Services, request: RegisterRequest): Promise<IssuedTokens> {
  const { username, email, phone, password } = request
  checkFields(services, request)
  const key = await services.signingKeys.signing(services.nowMs)
  await checkRegistrationOpen(services)
  await checkRegistrationAllowed(services, [username, email, phone])
  checkPasswordPolicy(services, password, [username, email, phone])
  const { activeSession, sessionSecret } = await runAttempt(services, request, ATTEMPT_KIND, () =>
    storeAndOpen(services, request),
  )
  return issueTokens(services, key, activeSession, sessionSecret)
}

/**
 * Reports a reserved username, and a weak password with it. A weak password alone is reported later, after the check that
 * registration is allowed.
 */
function checkFields(services: Services, { username, email, phone, password }: RegisterRequest): void {
  const errors = usernameErrors(services, username)
  if (errors.length === 0) return
  const weak = passwordErrors(services, 'password', password, [username, email, phone])
  throw new ServiceError('invalid_request', { errors: [...errors, ...weak] })
}

async function storeAndOpen(services: Services, request: RegisterRequest) {
  const passwordHash = await hashPassword(request.password, await services.pepper())
  const account = toAccount(request, passwordHash, services.nowMs)
  await store(services, account)
  const { requester, transport } = request
  const registered = { registered: true } as const
  const session = { requester, transport, scope: null }
  const source = { readFrom: 'primary' } as const
  const opened = await openSession(services, session, toState(account), source, registered)
  if (opened.outcome === 'stale') throw new ServiceError('unavailable', registered)
  return opened
}

/** Inserts the account and reads which of its identifiers are taken, in one batch. */
async function store({ db }: Services, account: Account): Promise<void> {
  try {
    const batch = [insertAccount(db, account), takenIdentifiers(db, account)]
    const [inserted, taken] = await withDeadline(db.batch(batch))
    if (inserted?.meta.changes === 1) return
    const field = firstTaken(taken)
    if (field !== null) throw new ServiceError('identifier_taken', { field })
    throw new Error('the account was neither stored nor in conflict')
  } catch (error) {
    if (error instanceof ServiceError) throw error
    await confirmWrite(db, account.id, error, (row) => (row === null ? 'not_applied' : 'applied'))
  }
}

function toAccount(
  { username, email, phone }: RegisterRequest,
  passwordHash: string,
  nowMs: number,
): Account {
  const id = newId(nowMs)
  const now = Math.floor(nowMs / 1000)
  return {
    id,
    username: username?.shown ?? null,
    usernameKey: username?.compared ?? null,
    email: email?.shown ?? null,
    emailVerified: false,
    phone: phone?.shown ?? null,
    phoneVerified: false,
    passwordHash,
    disabled: false,
    roles: [],
    scopes: [],
    claims: {},
    credentialVersion: nowMs,
    sessionsNotBefore: nowMs,
    survivingSession: null,
    changeId: id,
    createdAt: now,
    updatedAt: now,
  }
}
