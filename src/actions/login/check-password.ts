/**
 * The one way a password is checked: find the account, derive and compare (or the decoy), look at the primary
 * before anything is refused. The time is the same for an unknown identifier and a wrong password. What it finds
 * is told to nobody before the counters have settled (attempt.ts).
 */
import type { Account } from '../../accounts/account.ts'
import type { AccountRead, ReadFrom } from '../../accounts/account-store.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { verifyDecoy, verifyPassword } from '../../passwords/pbkdf2.ts'
import { log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'

/** How to find the account whose password is checked. */
export type FindAccount = (from: ReadFrom) => Promise<AccountRead>

export interface CheckedAccount {
  readonly account: Account
  readonly fromPrimary: boolean
  readonly needsRehash: boolean
}

/** What a check of a password found. */
export type Verdict =
  | { readonly outcome: 'right'; readonly checked: CheckedAccount }
  /** `accountId` is null where there is no such account. */
  | { readonly outcome: 'wrong'; readonly accountId: string | null }
  /** The password is right. */
  | { readonly outcome: 'disabled'; readonly accountId: string }

interface Judgement {
  readonly read: AccountRead
  readonly match: boolean
  readonly needsRehash: boolean
}

/**
 * @param from where the account is looked for first
 * @throws {ServiceError} `misconfigured` where the hash was made with another pepper; `unavailable`
 */
export async function checkPassword(
  services: Services,
  find: FindAccount,
  password: string,
  from: ReadFrom,
): Promise<Verdict> {
  const first = await judge(services, await orUnavailable(find(from)), password)
  const stands = first.match && first.read.account?.disabled === false
  return toVerdict(
    stands || first.read.fromPrimary ? first : await judgeOnPrimary(services, find, password, first),
  )
}

/** Checks again on the primary; derives again only if the stored hash is another. */
export async function recheckPassword(
  services: Services,
  find: FindAccount,
  password: string,
  checked: CheckedAccount,
): Promise<Verdict> {
  const earlier = { read: checked, match: true, needsRehash: checked.needsRehash }
  return toVerdict(await judgeOnPrimary(services, find, password, earlier))
}

async function judgeOnPrimary(
  services: Services,
  find: FindAccount,
  password: string,
  earlier: Judgement,
): Promise<Judgement> {
  const read = await orUnavailable(find('primary'))
  const sameHash = read.account?.passwordHash === earlier.read.account?.passwordHash
  return sameHash ? { ...earlier, read } : judge(services, read, password)
}

async function judge(
  { pepper, requestId }: Services,
  read: AccountRead,
  password: string,
): Promise<Judgement> {
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

function toVerdict({ read, match, needsRehash }: Judgement): Verdict {
  const { account, fromPrimary } = read
  if (account === null || !match) return { outcome: 'wrong', accountId: account?.id ?? null }
  if (account.disabled) return { outcome: 'disabled', accountId: account.id }
  return { outcome: 'right', checked: { account, fromPrimary, needsRehash } }
}
