/** Lists and changes the signing keys, for cron and operators. */

import { ServiceError } from '../../errors/service-error.ts'
import { planKeys, planRemoval, planRotation, scheduleAt, verifiesUntil } from '../../tokens/key-schedule.ts'
import type { StoredKey } from '../../tokens/signing-key-store.ts'
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
  const { signingKeys } = ctx.services
  const stored = await signingKeys.latest(ctx.nowMs)
  await signingKeys.signing(ctx)
  const plan = planRotation(stored.keys, toSeconds(ctx.nowMs), signingKeys.policy)
  await signingKeys.execute(plan, stored, ctx)
}

/**
 * Removes a leaked key: this isolate stops signing and verifying with it at once, the others within a minute.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeKey(ctx: RequestContext, kid: string): Promise<void> {
  const { signingKeys } = ctx.services
  const stored = await signingKeys.latest(ctx.nowMs)
  const plan = planRemoval(stored.keys, kid, toSeconds(ctx.nowMs), signingKeys.policy)
  // If AUTH_SECRET unseals no key, it may be wrong, so no new key is made silently. After the last key is removed, the
  // first use makes new ones.
  const usable = await Promise.all(stored.keys.map((key) => signingKeys.canSign(key)))
  const create = usable.includes(true) ? plan.create : []
  const removed = await signingKeys.execute({ ...plan, create }, stored, ctx)
  if (!removed.includes(kid)) throw new ServiceError('not_found')
}

/**
 * Applies the key schedule; run by cron. A next key that cannot be unsealed is replaced, but a key is only made if AUTH_SECRET
 * unseals another one. Creates no first keys.
 */
export async function maintainKeys(ctx: RequestContext): Promise<void> {
  const { signingKeys } = ctx.services
  const stored = await signingKeys.stored(ctx.nowMs)
  const { next } = scheduleAt(stored.keys, toSeconds(ctx.nowMs), signingKeys.policy)
  const unusable = next !== null && !(await signingKeys.canSign(next)) ? [next.kid] : []
  const keys = stored.keys.filter(({ kid }) => !unusable.includes(kid))
  const plan = planKeys(keys, toSeconds(ctx.nowMs), signingKeys.policy)
  if (plan.create.length > 0) await signingKeys.signing(ctx)
  const withdraw = plan.create.length > 0 ? [...plan.withdraw, ...unusable] : plan.withdraw
  await signingKeys.execute({ ...plan, withdraw }, stored, ctx)
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
