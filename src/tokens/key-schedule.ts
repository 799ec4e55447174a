/**
 * Decides which signing key signs, which keys verify, and which are created and removed. Pure: takes rows and the time, returns
 * decisions. All times are unix seconds.
 *
 * Of the keys whose `signsFrom` has passed, the newest signs. A key is created with a `signsFrom` that leaves it published long
 * enough before it signs, so a late cron only makes the current key sign for longer. If no `signsFrom` has passed, the key with
 * the earliest signs.
 */

export interface ScheduledKey {
  readonly kid: string
  readonly alg: string
  /** The time since which the key is published. */
  readonly createdAt: number
  readonly signsFrom: number
}

export interface SchedulePolicy {
  readonly alg: string
  readonly rotationSeconds: number
  readonly accessTokenSeconds: number
}

export interface Schedule<Key extends ScheduledKey> {
  readonly signing: Key | null
  readonly next: Key | null
  /** Keys that signed before and whose last token may not have expired, the newest first. */
  readonly retired: readonly Key[]
  readonly expired: readonly Key[]
}

export type PlannedKey = Pick<ScheduledKey, 'alg' | 'signsFrom'>

export interface Plan {
  readonly create: readonly PlannedKey[]
  readonly remove: readonly string[]
  /** Keys to remove that have not signed. They stay if they sign by then, because an operator may have rotated keys since. */
  readonly withdraw: readonly string[]
  /** Keys that sign earlier than planned. */
  readonly advance: readonly { readonly kid: string; readonly signsFrom: number }[]
}

const NOTHING: Plan = { create: [], remove: [], withdraw: [], advance: [] }

/** How long the next key is published before it signs: the time within which caches of the JWKS are refreshed. */
export const PUBLISHED_BEFORE_SECONDS = 86_400
/** The same if SIGNING_ALG changes or an operator rotates: twice the JWKS's max-age. */
export const PUBLISHED_BEFORE_ON_CHANGE_SECONDS = 600
/** How long an isolate signs with cached keys while D1 is unavailable. */
export const STALE_KEYS_SECONDS = 600

export function scheduleAt<Key extends ScheduledKey>(
  keys: readonly Key[],
  now: number,
  policy: SchedulePolicy,
): Schedule<Key> {
  const byTime = keys.toSorted((a, b) => a.signsFrom - b.signsFrom || (a.kid < b.kid ? -1 : 1))
  const due = byTime.filter(({ signsFrom }) => signsFrom <= now)
  const waiting = byTime.filter(({ signsFrom }) => signsFrom > now)
  const signing = due.at(-1) ?? waiting.shift() ?? null
  const before = due.slice(0, -1).toReversed()
  const alive = (key: Key) => now < verifiesUntil(key, keys, policy)
  return {
    signing,
    next: waiting[0] ?? null,
    retired: before.filter(alive),
    expired: before.filter((key) => !alive(key)),
  }
}

/**
 * The keys that sign or verify, now or later, the signing key first. Keeps the last list, since most requests need a key: the
 * schedule is computed once per key set and second, and the list stays the same object for as long as the same keys are in use.
 */
export class KeysInUse<Key extends ScheduledKey> {
  readonly #policy: SchedulePolicy
  #last: { readonly of: readonly Key[]; readonly at: number; readonly list: readonly Key[] } | null = null

  constructor(policy: SchedulePolicy) {
    this.#policy = policy
  }

  at(keys: readonly Key[], now: number): readonly Key[] {
    const last = this.#last
    if (last?.of === keys && last.at === now) return last.list
    const { signing, next, retired } = scheduleAt(keys, now, this.#policy)
    const found = [signing, next, ...retired].filter((key) => key !== null)
    const list = last !== null && haveSameItems(last.list, found) ? last.list : found
    this.#last = { of: keys, at: now, list }
    return list
  }
}

function haveSameItems<Item>(some: readonly Item[], others: readonly Item[]): boolean {
  return some.length === others.length && some.every((item, index) => item === others[index])
}

/** @returns when the last token that the key can have signed expires; Infinity for a key without successor */
export function verifiesUntil(
  key: ScheduledKey,
  keys: readonly ScheduledKey[],
  { accessTokenSeconds }: SchedulePolicy,
): number {
  const successors = keys.filter(({ kid, signsFrom }) => kid !== key.kid && signsFrom >= key.signsFrom)
  const successorSignsFrom = Math.min(...successors.map(({ signsFrom }) => signsFrom))
  return successorSignsFrom + accessTokenSeconds + STALE_KEYS_SECONDS
}

/** The first two keys of a service. One signs at once, because no cache can have a key set without it. */
export function firstKeys(
  now: number,
  { alg, rotationSeconds }: SchedulePolicy,
): readonly [PlannedKey, PlannedKey] {
  return [
    { alg, signsFrom: now },
    { alg, signsFrom: now + rotationSeconds },
  ]
}

/** Plans what cron has to do so that there is always a next key of the configured algorithm. First use creates the first keys. */
export function planKeys(keys: readonly ScheduledKey[], now: number, policy: SchedulePolicy): Plan {
  const { signing, next, expired } = scheduleAt(keys, now, policy)
  const remove = expired.map(({ kid }) => kid)
  if (signing === null) return { ...NOTHING, remove }
  if (next !== null && (next.alg === policy.alg || isImminent(next, now))) return { ...NOTHING, remove }
  const signsFrom = nextSignsFrom(signing, now, policy)
  const create = [{ alg: policy.alg, signsFrom }]
  return { ...NOTHING, create, remove, withdraw: next === null ? [] : [next.kid] }
}

/** Plans an operator's rotation: the next key signs as soon as caches of the key set can be expected to contain it. */
export function planRotation(keys: readonly ScheduledKey[], now: number, policy: SchedulePolicy): Plan {
  const { next } = scheduleAt(keys, now, policy)
  const signsFrom = now + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  if (next !== null && next.signsFrom <= signsFrom) return NOTHING
  if (next !== null && next.alg === policy.alg) return { ...NOTHING, advance: [{ kid: next.kid, signsFrom }] }
  const withdraw = next === null ? [] : [next.kid]
  return { ...NOTHING, create: [{ alg: policy.alg, signsFrom }], withdraw }
}

/** Plans the removal of a leaked key. If it is the signing key, the next one signs at once, without waiting for caches. */
export function planRemoval(
  keys: readonly ScheduledKey[],
  kid: string,
  now: number,
  policy: SchedulePolicy,
): Plan {
  const { signing, next } = scheduleAt(keys, now, policy)
  const rest = keys.filter((key) => key.kid !== kid)
  if (rest.length === keys.length) return { ...NOTHING, remove: [kid] }
  if (signing?.kid !== kid) return withRemoved(kid, planKeys(rest, now, policy))
  if (next === null) return { ...NOTHING, create: firstKeys(now, policy), remove: [kid] }
  const advanced = { ...next, signsFrom: now }
  const others = rest.filter((key) => key !== next)
  const plan = planKeys([...others, advanced], now, policy)
  return { ...withRemoved(kid, plan), advance: [{ kid: next.kid, signsFrom: now }] }
}

function withRemoved(kid: string, plan: Plan): Plan {
  return { ...plan, remove: [kid, ...plan.remove] }
}

/** Isolates may sign with such a key from their cache before they read of its removal. */
function isImminent({ signsFrom }: ScheduledKey, now: number): boolean {
  return signsFrom <= now + STALE_KEYS_SECONDS
}

function nextSignsFrom(signing: ScheduledKey, now: number, policy: SchedulePolicy): number {
  if (signing.alg !== policy.alg) return now + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  return Math.max(signing.signsFrom + policy.rotationSeconds, now + PUBLISHED_BEFORE_SECONDS)
}
