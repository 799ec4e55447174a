/** Registration: identifiers and a password in, an account and its first session out. */
import type { Account } from '../accounts/account.ts'
import { findById, firstTaken, insertAccount, takenIdentifiers } from '../accounts/account-store.ts'
import type { Identifier } from '../accounts/identifier.ts'
import { reach, ServiceError } from '../errors.ts'
import { newId } from '../ids.ts'
import { hashPassword } from '../passwords/pbkdf2.ts'
import type { Services } from '../services.ts'
import { toState } from './account-state.ts'
import { checkPolicy } from './check-policy.ts'
import type { IssuedTokens } from './issue-tokens.ts'
import { type Client, openSession } from './open-session.ts'

export interface RegisterRequest {
  readonly username: Identifier | null
  readonly email: Identifier | null
  readonly phone: Identifier | null
  readonly password: string
  readonly client: Client
}

/**
 * @throws {ServiceError} `weak_password`, `identifier_taken`, `misconfigured`, `unavailable` (with `registered`
 * where the account is stored and only its session is not)
 */
export async function register(services: Services, request: RegisterRequest): Promise<IssuedTokens> {
  const key = await services.signingKeys.signing(services.nowMs)
  checkPolicy(services, request.password, [request.username, request.email, request.phone])
  const account = toAccount(
    request,
    await hashPassword(request.password, await services.pepper()),
    services.nowMs,
  )
  await store(services, account)
  const sessionRequest = { key, client: request.client, scope: null }
  const registered = { registered: true } as const
  const opened = await openSession(services, sessionRequest, toState(account), { basis: 'exact' }, registered)
  if (opened.outcome === 'stale') throw new ServiceError('unavailable', registered)
  return opened.tokens
}

/** One batch: the account, and which identifier stood in its way. */
async function store({ db }: Services, account: Account): Promise<void> {
  try {
    const [inserted, taken] = await db.batch([insertAccount(db, account), takenIdentifiers(db, account)])
    if (inserted?.meta.changes === 1) return
    const field = firstTaken(taken)
    if (field !== null) throw new ServiceError('identifier_taken', { field })
    throw new Error('the account was neither stored nor in conflict')
  } catch (fault) {
    if (fault instanceof ServiceError) throw fault
    await findLostWrite(db, account.id, fault)
  }
}

/** The answer of the write was lost: the row itself says whether it took. */
async function findLostWrite(db: D1Database, id: string, fault: unknown): Promise<void> {
  const { account } = await reach(findById(db, id, 'primary'))
  if (account === null) throw new ServiceError('unavailable', {}, { cause: fault })
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
    sessionsFrom: nowMs,
    keptSession: null,
    changeId: id,
    createdAt: now,
    updatedAt: now,
  }
}
