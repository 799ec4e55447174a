/** Changes that people make to their own account. All but those of profile fields require the current password. */
import {
  type Account,
  type AccountProfile,
  IDENTIFIER_KINDS,
  type SurvivingSession,
} from '../../accounts/account.ts'
import { AccountLookup } from '../../accounts/account-repository.ts'
import { parseEmail, parseIdentifier, parsePhone } from '../../accounts/identifier.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
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
import {
  changedFields,
  checkOneRemains,
  type ProfileChanges,
  type ProfileFieldChanges,
  withChanges,
} from './profile-changes.ts'
import { publishChange, publishState } from './publish-state.ts'

/** A request that contains the account's current password. */
export interface ConfirmedRequest extends RateLimitedRequest {
  readonly password: string
}

/**
 * Sets or clears profile fields. They lead into no account, so this requires no password, and is not counted.
 * @returns the account's profile after the change
 * @throws {ServiceError} `invalid_token` if the account was deleted since the request was authenticated, `account_disabled`; as
 * commitEdit and publishChange
 */
export async function changeProfileFields(
  ctx: AccountContext,
  changes: ProfileFieldChanges,
): Promise<AccountProfile> {
  ctx.addToRequestLog({ fields: changedFields(changes) })
  const read = async () => {
    const { account } = await ctx.services.accounts.find(ctx.actor.profile.id, 'primary')
    if (account === null) throw new ServiceError('invalid_token')
    if (account.disabled) throw new ServiceError('account_disabled')
    return account
  }
  const edit: Edit = (current, stamp) => withChanges(current, stamp, changes)
  return publishChange(ctx, await commitEdit(ctx, read, edit))
}

/**
 * Sets or clears identifiers, and profile fields with them: all or nothing.
 * @returns the account's profile after the change
 * @throws {ServiceError} `invalid_request` if no identifier would remain, or for a reserved username;
 * `registration_not_allowed`; as readWithPassword, commitEdit, reserveAttempt and publishChange
 */
export async function changeIdentifiers(
  ctx: AccountContext,
  request: ConfirmedRequest,
  changes: ProfileChanges,
): Promise<AccountProfile> {
  const { profile } = ctx.actor
  ctx.addToRequestLog({ fields: changedFields(changes) })
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
      return withChanges(current, stamp, changes)
    }
    const change = await attempt.countRegistration(commitEdit(ctx, readAndCheckPassword, edit))
    return await publishChange(ctx, change)
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
