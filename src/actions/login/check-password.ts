/**
 * The only way to check a password: find the account, derive and compare (against a decoy if there is no account, or none with a
 * password), and read the primary before anything is refused. Takes the same time for an unknown identifier, for an account
 * without a password and for an incorrect password. The attempt is settled before the result is revealed (attempt.ts).
 */
import type { Account } from '../../accounts/account.ts'
import type { AccountLookup } from '../../accounts/account-repository.ts'
import type { AccountRead, ReadFrom } from '../../accounts/account-store.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword, verifyDecoy, verifyPassword } from '../../passwords/pbkdf2.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { RequestContext } from '../request-context.ts'

/** An enabled account whose password was correct. */
export interface CheckedAccount {
  readonly outcome: 'correct'
  readonly account: Account
  readonly fromPrimary: boolean
  readonly needsRehash: boolean
}

/** The result of a password check. */
export type PasswordCheck =
  | CheckedAccount
  /** `accountId` is null if there is no such account. */
  | { readonly outcome: 'incorrect'; readonly accountId: string | null }
  /** The password is correct, but the account is disabled. */
  | { readonly outcome: 'disabled'; readonly accountId: string }

/** A password check that refuses the attempt. */
export type RefusedCheck = Exclude<PasswordCheck, CheckedAccount>

/** One read of the account, and whether the password matches the hash in it. */
interface Comparison {
  readonly read: AccountRead
  readonly match: boolean
  readonly needsRehash: boolean
}

/**
 * @param from where the account is read first
 * @throws {ServiceError} `misconfigured` if the hash was made with another pepper; `unavailable`
 */
export async function checkPassword(
  ctx: RequestContext,
  lookup: AccountLookup,
  password: string,
  from: ReadFrom,
): Promise<PasswordCheck> {
  const first = await compare(ctx, await lookup.find(from), password)
  const accepted = first.match && first.read.account?.disabled === false
  return toPasswordCheck(
    accepted || first.read.fromPrimary ? first : await compareOnPrimary(ctx, lookup, password, first),
  )
}

/** Checks the password again on the primary. Derives again only if the stored hash has changed. */
export async function recheckPassword(
  ctx: RequestContext,
  lookup: AccountLookup,
  password: string,
  checked: CheckedAccount,
): Promise<PasswordCheck> {
  const earlier = { read: checked, match: true, needsRehash: checked.needsRehash }
  return toPasswordCheck(await compareOnPrimary(ctx, lookup, password, earlier))
}

async function compareOnPrimary(
  ctx: RequestContext,
  lookup: AccountLookup,
  password: string,
  earlier: Comparison,
): Promise<Comparison> {
  const read = await lookup.find('primary')
  const sameHash = read.account?.passwordHash === earlier.read.account?.passwordHash
  return sameHash ? { ...earlier, read } : compare(ctx, read, password)
}

async function compare(
  { services: { pepper }, requestId }: RequestContext,
  read: AccountRead,
  password: string,
): Promise<Comparison> {
  const { account } = read
  if (account === null || account.passwordHash === null) {
    await verifyDecoy(password, await pepper())
    return { read, match: false, needsRehash: false }
  }
  const verification = await verifyPassword(password, account.passwordHash, await pepper())
  if (!('unusable' in verification)) return { read, ...verification }
  const { unusable: reason } = verification
  log('error', 'password_hash_unusable', { request_id: requestId, account_id: account.id, reason })
  if (reason === 'unknown_pepper') {
    throw new ServiceError(
      'misconfigured',
      {},
      { cause: new Error('PASSWORD_PEPPER is not the one of stored hashes') },
    )
  }
  return { read, match: false, needsRehash: false }
}

function toPasswordCheck({ read, match, needsRehash }: Comparison): PasswordCheck {
  const { account, fromPrimary } = read
  if (account === null || !match) return { outcome: 'incorrect', accountId: account?.id ?? null }
  if (account.disabled) return { outcome: 'disabled', accountId: account.id }
  return { outcome: 'correct', account, fromPrimary, needsRehash }
}

/** Hashes the password again with the current parameters. If this fails, the next login tries again. */
export async function rehash(
  { services: { accounts, pepper }, requestId }: RequestContext,
  { account }: CheckedAccount,
  password: string,
): Promise<void> {
  try {
    const renewed = await hashPassword(password, await pepper())
    await accounts.rehash(account, renewed)
  } catch (error) {
    log('warn', 'rehash_failed', {
      request_id: requestId,
      account_id: account.id,
      error: describeError(error),
    })
  }
}
