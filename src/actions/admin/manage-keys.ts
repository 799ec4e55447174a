/** The signing keys as cron and operators change them: one batch for each plan of key-schedule.ts. */

import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { type LogEvent, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
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

/** Times in unix seconds. */
export interface ManagedKey {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'signing' | 'retired'
  readonly createdAt: number
  readonly signsFrom: number
  /** Null while nothing is to follow the key. */
  readonly verifiesUntil: number | null
}

/** The keys that sign, will sign and still verify, in this order. @throws {ServiceError} `unavailable` */
export async function getKeys({ signingKeys, nowMs }: Services): Promise<readonly ManagedKey[]> {
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

/** Lets the next key sign soon. @throws {ServiceError} `misconfigured` where no key can be used, `unavailable` */
export async function rotateKeys(services: Services): Promise<void> {
  const { signingKeys, nowMs } = services
  const stored = await signingKeys.latest(nowMs)
  await signingKeys.signing(nowMs)
  const plan = planRotation(stored.keys, toSeconds(nowMs), signingKeys.policy)
  await orUnavailable(carryOut(services, plan, stored))
}

/**
 * Removes a key that leaked: in this isolate at once, in the others within a minute nothing signs or verifies with it.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeKey(services: Services, kid: string): Promise<void> {
  const { signingKeys, nowMs } = services
  const stored = await signingKeys.latest(nowMs)
  const plan = planRemoval(stored.keys, kid, toSeconds(nowMs), signingKeys.policy)
  // Never a silent new key under an AUTH_SECRET that is not theirs; where the last one goes, first use makes others.
  const create = (await canSignAny(services, stored)) ? plan.create : []
  const removed = await orUnavailable(carryOut(services, { ...plan, create }, stored))
  if (!removed.includes(kid)) throw new ServiceError('not_found')
}

/**
 * What cron does: keeps the schedule. A next key that cannot be used is no next key; one is made only where another can
 * be used.
 */
export async function keepSchedule(services: Services): Promise<void> {
  const { db, signingKeys, nowMs } = services
  const stored = await withDeadline(listKeys(db))
  const { next } = scheduleAt(stored.keys, toSeconds(nowMs), signingKeys.policy)
  const useless = next !== null && !(await signingKeys.canSign(next)) ? [next.kid] : []
  const keys = stored.keys.filter(({ kid }) => !useless.includes(kid))
  const plan = planKeys(keys, toSeconds(nowMs), signingKeys.policy)
  if (plan.create.length > 0) await signingKeys.signing(nowMs)
  const withdraw = plan.create.length > 0 ? [...plan.withdraw, ...useless] : plan.withdraw
  await carryOut(services, { ...plan, withdraw }, stored)
}

/** What cron does: seals anew what another AUTH_SECRET sealed, so that the one that was replaced opens nothing. */
export async function reseal({ db, signingKeys }: Services): Promise<void> {
  const { keys } = await withDeadline(listKeys(db))
  for (const key of keys) {
    const resealed = await signingKeys.reseal(key)
    if (resealed === null) continue
    await withDeadline(replaceSeal(db, key, resealed).run())
    log('info', 'signing_key_resealed', { kid: key.kid })
  }
}

async function canSignAny({ signingKeys }: Services, { keys }: StoredKeys): Promise<boolean> {
  const usable = await Promise.all(keys.map((key) => signingKeys.canSign(key)))
  return usable.includes(true)
}

/** @returns the ids of the keys that this removed */
async function carryOut(
  { db, signingKeys, nowMs, requestId }: Services,
  { create, remove, withdraw, advance }: Plan,
  { kids }: StoredKeys,
): Promise<readonly string[]> {
  const now = toSeconds(nowMs)
  const made = await Promise.all(create.map(({ alg, signsFrom }) => signingKeys.make(alg, signsFrom, now)))
  const known = [...kids, ...made.map(({ kid }) => kid)]
  const steps = [
    ...remove.map((kid) => step('signing_key_removed', kid, deleteKey(db, kid))),
    ...withdraw.map((kid) => step('signing_key_removed', kid, withdrawKey(db, kid, now))),
    ...advance.map(({ kid, signsFrom }) => step('signing_key_advanced', kid, advanceKey(db, kid, signsFrom))),
    ...made.map((key) => step('signing_key_created', key.kid, insertPlannedKey(db, key, known))),
  ]
  if (steps.length === 0) return []
  const results = await withDeadline(db.batch(steps.map(({ statement }) => statement)))
  signingKeys.forget()
  const done = steps.filter((_step, index) => results[index]?.meta.changes === 1)
  for (const { kid, event } of done) log('info', event, { request_id: requestId, kid })
  return done.filter(({ event }) => event === 'signing_key_removed').map(({ kid }) => kid)
}

/** @param event what the log says once it is done */
function step(event: LogEvent, kid: string, statement: D1PreparedStatement) {
  return { event, kid, statement }
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
