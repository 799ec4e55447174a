/**
 * The only way to check a password: find the account, derive and compare (against a decoy if there is no account), and read the
 * primary before anything is refused. Takes the same time for an unknown identifier and for an incorrect password. The attempt
 * is settled before the result is revealed (attempt.ts).
 */
import type { Account } from '../../accounts/account.ts'
import type { AccountRead, ReadFrom } from '../../accounts/account-store.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { verifyDecoy, verifyPassword } from '../../passwords/pbkdf2.ts'
import { log } from '../../runtime/log.ts'
import type { RequestContext } from '../request-context.ts'

/** Finds the account whose password is checked. */
export type FindAccount = (from: ReadFrom) => Promise<AccountRead>

/** An enabled account whose password was correct. */
export interface CheckedAccount {
  readonly account: Account
  readonly fromPrimary: boolean
  readonly needsRehash: boolean
}

/** The result of a password check. */
export type PasswordCheck =
  | { readonly outcome: 'correct'; readonly checked: CheckedAccount }
  /** `accountId` is null if there is no such account. */
  | { readonly outcome: 'incorrect'; readonly accountId: string | null }
  /** The password is correct, but the account is disabled. */
  | { readonly outcome: 'disabled'; readonly accountId: string }

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
  find: FindAccount,
  password: string,
  from: ReadFrom,
): Promise<PasswordCheck> {
  const first = await compare(ctx, await orUnavailable(find(from)), password)
  const accepted = first.match && first.read.account?.disabled === false
  return toPasswordCheck(
    accepted || first.read.fromPrimary ? first : await compareOnPrimary(ctx, find, password, first),
  )
}

/** Checks the password again on the primary. Derives again only if the stored hash has changed. */
export async function recheckPassword(
  ctx: RequestContext,
  find: FindAccount,
  password: string,
  checked: CheckedAccount,
): Promise<PasswordCheck> {
  const earlier = { read: checked, match: true, needsRehash: checked.needsRehash }
  return toPasswordCheck(await compareOnPrimary(ctx, find, password, earlier))
}

async function compareOnPrimary(
  ctx: RequestContext,
  find: FindAccount,
  password: string,
  earlier: Comparison,
): Promise<Comparison> {
  const read = await orUnavailable(find('primary'))
  const sameHash = read.account?.passwordHash === earlier.read.account?.passwordHash
  return sameHash ? { ...earlier, read } : compare(ctx, read, password)
}

async function compare(
  { services: { pepper }, requestId }: RequestContext,
  read: AccountRead,
  password: string,
): Promise<Comparison> {
  const { account } = read
  if (account === null) {
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
  return { outcome: 'correct', checked: { account, fromPrimary, needsRehash } }
}
