/** Registration: identifiers and a password in, an account and its first session out. */
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
import { checkRegistrationAllowed, checkRegistrationOpen, usernameErrors } from './check-identifiers.ts'
import { checkPolicy, passwordErrors } from './check-new-password.ts'

export interface RegisterRequest extends RateLimitedRequest {
  readonly username: Identifier | null
  readonly email: Identifier | null
  readonly phone: Identifier | null
  readonly password: string
  readonly transport: Transport
}

const COUNTED = { action: 'register', registers: true, identifier: null } as const

/**
 * @throws {ServiceError} `invalid_request` for a reserved username, `registration_closed`, `registration_not_allowed`, `weak_password`, `identifier_taken`,
 * `misconfigured`, `unavailable` (with `registered` where the account is stored and only its session is not);
 * as runAttempt
 */
export async function register(services: Services, request: RegisterRequest): Promise<IssuedTokens> {
  const { username, email, phone, password } = request
  checkFields(services, request)
  const key = await services.signingKeys.signing(services.nowMs)
  await checkRegistrationOpen(services)
  await checkRegistrationAllowed(services, [username, email, phone])
  checkPolicy(services, password, [username, email, phone])
  const { activeSession, sessionSecret } = await runAttempt(services, request, COUNTED, () =>
    storeAndOpen(services, request),
  )
  return issueTokens(services, key, activeSession, sessionSecret)
}

/** A weak password is listed beside a reserved username; alone it is refused once it is known that anybody may register. */
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
  const { client, transport } = request
  const registered = { registered: true } as const
  const session = { client, transport, scope: null }
  const readFrom = { readFrom: 'primary' } as const
  const opened = await openSession(services, session, toState(account), readFrom, registered)
  if (opened.outcome === 'stale') throw new ServiceError('unavailable', registered)
  return opened
}

/** One batch: the account, and which identifier stood in its way. */
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
    await confirmWrite(db, account.id, error, (row) => (row === null ? 'not_taken' : 'taken'))
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
