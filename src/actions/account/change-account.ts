/** Changes that people make to their own account: identifiers, password, deletion. Each requires the current password. */
import {
  type Account,
  type AccountProfile,
  IDENTIFIER_KINDS,
  type IdentifierKind,
  type SurvivingSession,
} from '../../accounts/account.ts'
import { AccountLookup } from '../../accounts/account-repository.ts'
import { type Identifier, parseEmail, parseIdentifier, parsePhone } from '../../accounts/identifier.ts'
import { type FieldError, orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { RuleName } from '../../limits/rules.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { toDeletedState, toState } from '../../sessions/session.ts'
import { type RateLimitedRequest, reserveAttempt } from '../attempts/reserve-attempt.ts'
import { PASSWORD_RULES } from '../login/log-in.ts'
import {
  checkPasswordPolicy,
  checkRegistrationAllowed,
  checkUsername,
} from '../registration/check-new-credentials.ts'
import { REGISTRATION_RULES } from '../registration/register.ts'
import type { AccountContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { makeAppFamily } from '../session/open-session.ts'
import { type ChangeStamp, commitDeletion, commitEdit, type Edit, readWithPassword } from './commit-change.ts'
import { publishState } from './publish-state.ts'

/** The identifiers to change: null clears one, a missing one stays as it is. */
export type IdentifierChanges = { readonly [Kind in IdentifierKind]?: Identifier | null | undefined }

/** A request that contains the account's current password. */
export interface ConfirmedRequest extends RateLimitedRequest {
  readonly password: string
}

/**
 * @returns the account's profile after the change
 * @throws {ServiceError} `invalid_request` if no identifier would remain, or for a reserved username;
 * `registration_not_allowed`; as readWithPassword, commitEdit and reserveAttempt; `unavailable` with `changed` if the change is
 * stored but could not be published
 */
export async function changeIdentifiers(
  ctx: AccountContext,
  request: ConfirmedRequest,
  changes: IdentifierChanges,
): Promise<AccountProfile> {
  const { profile } = ctx.actor
  ctx.addToRequestLog({ fields: IDENTIFIER_KINDS.filter((kind) => changes[kind] !== undefined) })
  checkOneRemains(profile, changes)
  checkUsername(ctx, changes.username, profile.username)
  const given = IDENTIFIER_KINDS.map((kind) => changes[kind]).filter((identifier) => identifier)
  await checkRegistrationAllowed(ctx, given)
  const rules = given.length > 0 ? [...REGISTRATION_RULES, ...PASSWORD_RULES] : PASSWORD_RULES
  const { attempt, readAndCheckPassword } = await reserveChange(ctx, request, rules)
  try {
    const edit: Edit = (current, stamp) => {
      // Again, because the account may have changed since the request was authenticated.
      checkOneRemains(current, changes)
      return withIdentifiers(current, stamp, changes)
    }
    const { account, changed } = await attempt.countRegistration(commitEdit(ctx, readAndCheckPassword, edit))
    const state = toState(account)
    await orUnavailable(publishState(ctx, account.id, state), changed ? { changed } : {})
    return state.profile
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Sets a new password. The session of the request survives with a new token family in place of all its families; all others end.
 * @throws {ServiceError} `weak_password`; as readWithPassword, commitEdit and reserveAttempt; `unavailable` with `changed` if the
 * change is stored but could not be published
 */
export async function changePassword(
  ctx: AccountContext,
  request: ConfirmedRequest,
  newPassword: string,
): Promise<IssuedTokens> {
  const { profile, session } = ctx.actor
  ctx.addToRequestLog({ fields: ['password'] })
  const key = await ctx.services.signingKeys.signing(ctx)
  checkPasswordPolicy(ctx, newPassword, identifiersOf(profile))
  const replacing = await makeAppFamily(ctx, null)
  const { id: familyId, secretHash } = replacing.family
  const survivingSession = { id: session.id, familyId, secretHash }
  const { attempt, readAndCheckPassword } = await reserveChange(ctx, request, PASSWORD_RULES)
  try {
    let hashed: string | null = null
    const edit: Edit = async (current, stamp) => {
      hashed ??= await hashPassword(newPassword, await ctx.services.pepper())
      return withPassword(current, stamp, hashed, survivingSession)
    }
    const { account } = await commitEdit(ctx, readAndCheckPassword, edit)
    const publishing = publishState(ctx, profile.id, toState(account))
    const surviving = await orUnavailable(publishing, { changed: true })
    // The session ended during the change.
    if (surviving === null) throw new ServiceError('unavailable', { changed: true })
    const { family } = surviving
    const app = { family, generation: family.generation, secret: replacing.secret }
    return await issueTokens(ctx, key, { activeSession: surviving, app, pages: null })
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Deletes the account and ends its sessions.
 * @throws {ServiceError} as readWithPassword, commitDeletion and reserveAttempt; `unavailable` with `changed` if the deletion is
 * stored but could not be published
 */
export async function deleteOwnAccount(ctx: AccountContext, request: ConfirmedRequest): Promise<void> {
  const { attempt, readAndCheckPassword } = await reserveChange(ctx, request, PASSWORD_RULES)
  try {
    const version = await commitDeletion(ctx, readAndCheckPassword)
    const publishing = publishState(ctx, ctx.actor.profile.id, toDeletedState(version))
    await orUnavailable(publishing, { changed: true })
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Checks the account's password without changing the account.
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as reserveAttempt
 */
export async function confirmPassword(ctx: AccountContext, request: ConfirmedRequest): Promise<void> {
  const { attempt, readAndCheckPassword } = await reserveChange(ctx, request, PASSWORD_RULES)
  try {
    await readAndCheckPassword()
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Reserves the attempt of a change. It counts as a login with one of the account's identifiers, so that a stolen access token
 * cannot be used to guess the password.
 * @returns the attempt, and a function that reads the account and checks its password
 */
async function reserveChange(
  ctx: AccountContext,
  { challenge, password }: ConfirmedRequest,
  rules: readonly RuleName[],
) {
  const { profile } = ctx.actor
  const [username, email, phone] = identifiersOf(profile)
  const identifier = email ?? phone ?? username ?? { kind: null, compared: profile.id }
  const lookup = new AccountLookup(ctx.services.accounts, profile.id)
  const whileReserving = () => lookup.begin('primary')
  const attempt = await reserveAttempt(ctx, { action: 'login', rules, identifier, challenge, whileReserving })
  return { attempt, readAndCheckPassword: readWithPassword(ctx, attempt, lookup, password) }
}

/** @throws {ServiceError} `invalid_request` that names each identifier to be cleared, if none would remain */
function checkOneRemains(account: AccountProfile, changes: IdentifierChanges): void {
  const errors = lastIdentifierErrors(account, changes)
  if (errors.length > 0) throw new ServiceError('invalid_request', { errors })
}

/** @returns the problems with clearing the last identifier, to be reported with those of other fields */
export function lastIdentifierErrors(
  account: AccountProfile,
  changes: IdentifierChanges,
): readonly FieldError[] {
  const oneRemains = IDENTIFIER_KINDS.some(
    (kind) => (changes[kind] === undefined ? account[kind] : changes[kind]) !== null,
  )
  if (oneRemains) return []
  const cleared = IDENTIFIER_KINDS.filter((kind) => changes[kind] === null)
  const message = 'An account must keep at least one identifier.'
  return cleared.map((field) => ({ field, message }))
}

/** @returns the same object if no identifier differs. A changed address is unverified. */
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

/** Parses the stored identifiers again, to get the parts that a password must not contain. */
export function identifiersOf({ username, email, phone }: AccountProfile) {
  return [
    username === null ? null : parseIdentifier(username, undefined),
    email === null ? null : parseEmail(email),
    phone === null ? null : parsePhone(phone, undefined),
  ] as const
}
