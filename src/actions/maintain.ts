/** What cron does: tell the objects what a crash left untold, and keep the signing keys' schedule. */
import { findById, listToTell, type ToTell } from '../accounts/account-store.ts'
import { describeFault, log } from '../log.ts'
import type { Services } from '../services.ts'
import { planKeys } from '../tokens/key-schedule.ts'
import { deleteKey, insertNextKey, listKeys } from '../tokens/signing-key-store.ts'
import { toDeletedState, toState } from './account-state.ts'
import { tellAccount } from './tell-account.ts'

/** Accounts told in one run; the next run takes the rest. */
const TELL_AT_ONCE = 100

/** Each part runs, and fails, for itself; a fault is logged and the next run tries again. */
export async function maintain(services: Services): Promise<void> {
  await attempt('maintain_keys', () => maintainKeys(services))
  await attempt('maintain_to_tell', () => tellTheUntold(services))
}

async function maintainKeys({ db, config, signingKeys, nowMs }: Services): Promise<void> {
  const now = Math.floor(nowMs / 1000)
  const { signingAlgorithm: alg, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens
  const plan = planKeys(await listKeys(db), now, { alg, rotationSeconds, accessTokenSeconds })
  const created = await Promise.all(plan.create.map((key) => signingKeys.make(key.alg, key.signsFrom, now)))
  const statements = [
    ...plan.remove.map((kid) => deleteKey(db, kid)),
    ...created.map((key) => insertNextKey(db, key)),
  ]
  if (statements.length === 0) return
  await db.batch(statements)
  log('info', 'signing_keys_changed', { created: created.map(({ kid }) => kid), removed: plan.remove })
}

async function tellTheUntold(services: Services): Promise<void> {
  for (const untold of await listToTell(services.db, TELL_AT_ONCE)) {
    await attempt('tell_account', () => tell(services, untold))
  }
}

async function tell(services: Services, { accountId, version }: ToTell): Promise<void> {
  const { account } = await findById(services.db, accountId, 'primary')
  const state = account === null ? toDeletedState(version) : toState(account)
  await tellAccount(services, accountId, state)
}

async function attempt(event: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (fault) {
    log('error', `${event}_failed`, { fault: describeFault(fault) })
  }
}
