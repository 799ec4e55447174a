/** What a person changes of their own account: identifiers, password, all of it. Each proves the password. */
import {
  type Account,
  type AccountProfile,
  IDENTIFIER_KINDS,
  type IdentifierKind,
  type SurvivingSession,
} from '../../accounts/account.ts'
import { type Identifier, parseEmail, parseIdentifier, parsePhone } from '../../accounts/identifier.ts'
import { randomBytes, sha256 } from '../../crypto/bytes.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import type { Services } from '../../services.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { SESSION_SECRET_BYTES } from '../../sessions/refresh-token.ts'
import { type Counted, type RateLimitedRequest, runAttempt } from '../attempts/run-attempt.ts'
import { checkRegistrationAllowed, checkUsername } from '../registration/check-identifiers.ts'
import { checkPolicy } from '../registration/check-new-password.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { type ChangeStamp, commitDeletion, commitEdit, type Edit, readWithPassword } from './commit-change.ts'
import { tellChange, tellEdit, toDeletedState, toState } from './publish-state.ts'

/** Identifiers to set; null clears one, a missing one stays. */
export type IdentifierChanges = { readonly [Kind in IdentifierKind]?: Identifier | null | undefined }

/** A call that proves the account's password. */
export interface ConfirmedRequest extends RateLimitedRequest {
  readonly password: string
}

/**
 * @returns the account's profile after the change
 * @throws {ServiceError} `invalid_request` where no identifier would be left, or for a reserved username; as commitEdit; `unavailable` with
 * `changed` where the change is stored and its telling is not
 */
export async function changeIdentifiers(
  services: Services,
  { profile }: ActiveSession,
  call: ConfirmedRequest,
  changes: IdentifierChanges,
): Promise<AccountProfile> {
  services.addToRequestLog({ fields: IDENTIFIER_KINDS.filter((kind) => changes[kind] !== undefined) })
  checkOneIsLeft(profile, changes)
  checkUsername(services, changes.username, profile.username)
  const given = IDENTIFIER_KINDS.map((kind) => changes[kind]).filter((identifier) => identifier)
  await checkRegistrationAllowed(services, given)
  return runAttempt(services, call, countedAs(profile, given.length > 0), async (attempt) => {
    const edit: Edit = (current, stamp) => {
      checkOneIsLeft(current, changes)
      return withIdentifiers(current, stamp, changes)
    }
    const read = readWithPassword(services, attempt, profile.id, call.password)
    return tellEdit(services, await commitEdit(services, read, edit))
  })
}

/**
 * Sets a new password. The session that asks goes on under a new secret; every other one ends.
 * @throws {ServiceError} `weak_password`; as commitEdit; `unavailable` with `changed`
 */
export async function changePassword(
  services: Services,
  { profile, session }: ActiveSession,
  call: ConfirmedRequest,
  newPassword: string,
): Promise<IssuedTokens> {
  const key = await services.signingKeys.signing(services.nowMs)
  checkPolicy(services, newPassword, identifiersOf(profile))
  const sessionSecret = randomBytes(SESSION_SECRET_BYTES)
  const survivingSession = { id: session.id, secretHash: await sha256(sessionSecret) }
  let hashed: string | null = null
  const edit: Edit = async (current, stamp) => {
    hashed ??= await hashPassword(newPassword, await services.pepper())
    return withPassword(current, stamp, hashed, survivingSession)
  }
  const { account } = await runAttempt(services, call, countedAs(profile), (attempt) =>
    commitEdit(services, readWithPassword(services, attempt, profile.id, call.password), edit),
  )
  const activeSession = await tellChange(services, profile.id, toState(account))
  if (activeSession === null) throw new ServiceError('unavailable', { changed: true })
  return issueTokens(services, key, activeSession, sessionSecret)
}

/**
 * Deletes the account and ends its sessions.
 * @throws {ServiceError} as commitEdit; `unavailable` with `changed` where only the telling failed
 */
export async function deleteOwnAccount(
  services: Services,
  { profile }: ActiveSession,
  call: ConfirmedRequest,
): Promise<void> {
  const version = await runAttempt(services, call, countedAs(profile), (attempt) =>
    commitDeletion(services, readWithPassword(services, attempt, profile.id, call.password)),
  )
  await tellChange(services, profile.id, toDeletedState(version))
}

/**
 * Checks the account's password, and changes nothing.
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as runAttempt
 */
export async function confirmPassword(
  services: Services,
  { profile }: ActiveSession,
  call: ConfirmedRequest,
): Promise<void> {
  await runAttempt(services, call, countedAs(profile), (attempt) =>
    readWithPassword(services, attempt, profile.id, call.password)(),
  )
}

/** A stolen access token is no way to guess: the call counts as a log in with one of the account's identifiers. */
function countedAs(profile: AccountProfile, registers = false): Counted {
  const [username, email, phone] = identifiersOf(profile)
  const identifier = email ?? phone ?? username ?? { kind: null, compared: profile.id }
  return { action: 'login', registers, identifier }
}

/** @throws {ServiceError} `invalid_request` naming every identifier that would be cleared */
function checkOneIsLeft(account: AccountProfile, changes: IdentifierChanges): void {
  const errors = oneIsLeftErrors(account, changes)
  if (errors.length > 0) throw new ServiceError('invalid_request', { errors })
}

/** @returns what is against clearing identifiers, as it is listed beside other problems */
export function oneIsLeftErrors(account: AccountProfile, changes: IdentifierChanges): readonly FieldError[] {
  const left = IDENTIFIER_KINDS.some(
    (kind) => (changes[kind] === undefined ? account[kind] : changes[kind]) !== null,
  )
  if (left) return []
  const cleared = IDENTIFIER_KINDS.filter((kind) => changes[kind] === null)
  const message = 'An account keeps at least one identifier.'
  return cleared.map((field) => ({ field, message }))
}

/** @returns the same object where every identifier is the one that the account has. A changed address is unverified. */
function withIdentifiers(current: Account, stamp: ChangeStamp, changes: IdentifierChanges): Account {
  const shown = (kind: IdentifierKind) =>
    changes[kind] === undefined ? current[kind] : (changes[kind]?.shown ?? null)
  const [username, email, phone] = [shown('username'), shown('email'), shown('phone')]
  if (username === current.username && email === current.email && phone === current.phone) return current
  return {
    ...current,
    ...stamp,
    username,
    usernameKey: changes.username === undefined ? current.usernameKey : (changes.username?.compared ?? null),
    email,
    emailVerified: email === current.email && current.emailVerified,
    phone,
    phoneVerified: phone === current.phone && current.phoneVerified,
  }
}

function withPassword(
  current: Account,
  stamp: ChangeStamp,
  passwordHash: string,
  survivingSession: SurvivingSession,
): Account {
  return { ...current, ...stamp, passwordHash, sessionsNotBefore: stamp.credentialVersion, survivingSession }
}

/** The stored forms are parsed once more for the parts that a password must not contain. */
export function identifiersOf({ username, email, phone }: AccountProfile) {
  return [
    username === null ? null : parseIdentifier(username, undefined),
    email === null ? null : parseEmail(email),
    phone === null ? null : parsePhone(phone, undefined),
  ] as const
}
