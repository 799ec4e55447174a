/** Changes the signing keys, for cron and operators: one batch for each plan of key-schedule.ts. */

import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { type LogEvent, log } from '../../runtime/log.ts'
import {
  type Plan,
  planKeys,
  planRemoval,
  planRotation,
  scheduleAt,
  verifiesUntil,
} from '../../tokens/key-schedule.ts'
import {
  advanceKey,
  deleteKey,
  insertPlannedKey,
  listKeys,
  replaceSeal,
  type StoredKey,
  type StoredKeys,
  withdrawKey,
} from '../../tokens/signing-key-store.ts'
import type { RequestContext } from '../request-context.ts'

/** Times in unix seconds. */
export interface ManagedKey {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'signing' | 'retired'
  readonly createdAt: number
  readonly signsFrom: number
  /** Null while the key has no successor. */
  readonly verifiesUntil: number | null
}

/** @returns the signing key, the next one and the retired ones that still verify. @throws {ServiceError} `unavailable` */
export async function getKeys({
  services: { signingKeys },
  nowMs,
}: RequestContext): Promise<readonly ManagedKey[]> {
  const { keys } = await signingKeys.latest(nowMs)
  const { signing, next, retired } = scheduleAt(keys, toSeconds(nowMs), signingKeys.policy)
  const managed = (key: StoredKey, state: ManagedKey['state']): ManagedKey => {
    const until = verifiesUntil(key, keys, signingKeys.policy)
    const { kid, alg, createdAt, signsFrom } = key
    return { kid, alg, state, createdAt, signsFrom, verifiesUntil: Number.isFinite(until) ? until : null }
  }
  return [
    ...(signing === null ? [] : [managed(signing, 'signing')]),
    ...(next === null ? [] : [managed(next, 'next')]),
    ...retired.map((key) => managed(key, 'retired')),
  ]
}

/** Makes the next key sign soon. @throws {ServiceError} `misconfigured` if no key can be unsealed; `unavailable` */
export async function rotateKeys(ctx: RequestContext): Promise<void> {
  const {
    services: { signingKeys },
    nowMs,
  } = ctx
  const stored = await signingKeys.latest(nowMs)
  await signingKeys.signing(nowMs)
  const plan = planRotation(stored.keys, toSeconds(nowMs), signingKeys.policy)
  await orUnavailable(execute(ctx, plan, stored))
}

/**
 * Removes a leaked key: this isolate stops signing and verifying with it at once, the others within a minute.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeKey(ctx: RequestContext, kid: string): Promise<void> {
  const {
    services: { signingKeys },
    nowMs,
  } = ctx
  const stored = await signingKeys.latest(nowMs)
  const plan = planRemoval(stored.keys, kid, toSeconds(nowMs), signingKeys.policy)
  // If AUTH_SECRET unseals no key, it may be wrong, so no new key is made silently. After the last key is removed, the
  // first use makes new ones.
  const create = (await canSignAny(ctx, stored)) ? plan.create : []
  const removed = await orUnavailable(execute(ctx, { ...plan, create }, stored))
  if (!removed.includes(kid)) throw new ServiceError('not_found')
}

/**
 * Applies the key schedule; run by cron. A next key that cannot be unsealed is replaced, but a key is only made if AUTH_SECRET
 * unseals another one.
 */
export async function maintainKeys(ctx: RequestContext): Promise<void> {
  const {
    services: { db, signingKeys },
    nowMs,
  } = ctx
  const stored = await withDeadline(listKeys(db))
  const { next } = scheduleAt(stored.keys, toSeconds(nowMs), signingKeys.policy)
  const unusable = next !== null && !(await signingKeys.canSign(next)) ? [next.kid] : []
  const keys = stored.keys.filter(({ kid }) => !unusable.includes(kid))
  const plan = planKeys(keys, toSeconds(nowMs), signingKeys.policy)
  if (plan.create.length > 0) await signingKeys.signing(nowMs)
  const withdraw = plan.create.length > 0 ? [...plan.withdraw, ...unusable] : plan.withdraw
  await execute(ctx, { ...plan, withdraw }, stored)
}

/** Seals keys again that AUTH_SECRET_FALLBACK sealed, so that a replaced secret unseals nothing; run by cron. */
export async function resealKeys({ services: { db, signingKeys } }: RequestContext): Promise<void> {
  const { keys } = await withDeadline(listKeys(db))
  for (const key of keys) {
    const resealed = await signingKeys.reseal(key)
    if (resealed === null) continue
    await withDeadline(replaceSeal(db, key, resealed).run())
    log('info', 'signing_key_resealed', { kid: key.kid })
  }
}

async function canSignAny(
  { services: { signingKeys } }: RequestContext,
  { keys }: StoredKeys,
): Promise<boolean> {
  const usable = await Promise.all(keys.map((key) => signingKeys.canSign(key)))
  return usable.includes(true)
}

/** Executes a plan in one batch. @returns the ids of the removed keys */
async function execute(
  { services: { db, signingKeys }, nowMs, requestId }: RequestContext,
  { create, remove, withdraw, advance }: Plan,
  { kids }: StoredKeys,
): Promise<readonly string[]> {
  const now = toSeconds(nowMs)
  const newKeys = await Promise.all(create.map(({ alg, signsFrom }) => signingKeys.make(alg, signsFrom, now)))
  const expectedKids = [...kids, ...newKeys.map(({ kid }) => kid)]
  const steps = [
    ...remove.map((kid) => step('signing_key_removed', kid, deleteKey(db, kid))),
    ...withdraw.map((kid) => step('signing_key_removed', kid, withdrawKey(db, kid, now))),
    ...advance.map(({ kid, signsFrom }) => step('signing_key_advanced', kid, advanceKey(db, kid, signsFrom))),
    ...newKeys.map((key) => step('signing_key_created', key.kid, insertPlannedKey(db, key, expectedKids))),
  ]
  if (steps.length === 0) return []
  const results = await withDeadline(db.batch(steps.map(({ statement }) => statement)))
  signingKeys.invalidate()
  const done = steps.filter((_step, index) => results[index]?.meta.changes === 1)
  for (const { kid, event } of done) log('info', event, { request_id: requestId, kid })
  return done.filter(({ event }) => event === 'signing_key_removed').map(({ kid }) => kid)
}

/** @param event the log event if the statement changes a row */
function step(event: LogEvent, kid: string, statement: D1PreparedStatement) {
  return { event, kid, statement }
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
