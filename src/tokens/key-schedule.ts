/**
 * Which signing key signs, which verifies, which is made and which removed. Pure: rows and the time in,
 * decisions out. All times are unix seconds.
 *
 * The newest key whose time has come signs; a key is made with a time that leaves it published long enough, so a
 * late cron only makes the present key sign for longer. Without any whose time has come, the earliest signs.
 */

export interface ScheduledKey {
  readonly kid: string
  readonly alg: string
  /** Published since. */
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
  /** Keys that signed before and whose last token may still live, the newest first. */
  readonly retired: readonly Key[]
  readonly expired: readonly Key[]
}

export interface Plan {
  readonly create: readonly { readonly alg: string; readonly signsFrom: number }[]
  readonly remove: readonly string[]
  /** Keys to remove that have not signed: unless they sign by then, as an operator may have ordered meanwhile. */
  readonly withdraw: readonly string[]
  /** Keys that sign sooner than they would have. */
  readonly advance: readonly { readonly kid: string; readonly signsFrom: number }[]
}

const NOTHING: Plan = { create: [], remove: [], withdraw: [], advance: [] }

/** How long the next key is published before it signs: the time that caches of the JWKS may take. */
export const PUBLISHED_BEFORE_SECONDS = 86_400
/** The same where SIGNING_ALG changes or an operator rotates: twice the JWKS's max-age. */
export const PUBLISHED_BEFORE_ON_CHANGE_SECONDS = 600
/** An isolate that cannot reach D1 signs with the keys it knows for this long. */
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

/** When the last token that the key can have signed expires; infinite for a key without successor. */
export function verifiesUntil(
  key: ScheduledKey,
  keys: readonly ScheduledKey[],
  { accessTokenSeconds }: SchedulePolicy,
): number {
  const successors = keys.filter(({ kid, signsFrom }) => kid !== key.kid && signsFrom >= key.signsFrom)
  const successorSignsFrom = Math.min(...successors.map(({ signsFrom }) => signsFrom))
  return successorSignsFrom + accessTokenSeconds + STALE_KEYS_SECONDS
}

/** The two keys of a service that has none: one signs at once, nobody can have cached its absence. */
export function firstKeys(now: number, { alg, rotationSeconds }: SchedulePolicy): Plan['create'] {
  return [
    { alg, signsFrom: now },
    { alg, signsFrom: now + rotationSeconds },
  ]
}

/** What cron has to do so that there is always one next key, of the configured algorithm. First use makes the first. */
export function planKeys(keys: readonly ScheduledKey[], now: number, policy: SchedulePolicy): Plan {
  const { signing, next, expired } = scheduleAt(keys, now, policy)
  const remove = expired.map(({ kid }) => kid)
  if (signing === null) return { ...NOTHING, remove }
  if (next !== null && (next.alg === policy.alg || isImminent(next, now))) return { ...NOTHING, remove }
  const signsFrom = nextSignsFrom(signing, now, policy)
  const create = [{ alg: policy.alg, signsFrom }]
  return { ...NOTHING, create, remove, withdraw: next === null ? [] : [next.kid] }
}

/** An operator's rotation: the next key signs as soon as caches of the key set may be taken to know it. */
export function planRotation(keys: readonly ScheduledKey[], now: number, policy: SchedulePolicy): Plan {
  const { next } = scheduleAt(keys, now, policy)
  const signsFrom = now + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  if (next !== null && next.signsFrom <= signsFrom) return NOTHING
  if (next !== null && next.alg === policy.alg) return { ...NOTHING, advance: [{ kid: next.kid, signsFrom }] }
  const withdraw = next === null ? [] : [next.kid]
  return { ...NOTHING, create: [{ alg: policy.alg, signsFrom }], withdraw }
}

/** The removal of a key that leaked. One that signs is followed at once; whatever caches know, nothing waits for them. */
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

/** Isolates may sign with such a key, as they know it, before they hear of its removal. */
function isImminent({ signsFrom }: ScheduledKey, now: number): boolean {
  return signsFrom <= now + STALE_KEYS_SECONDS
}

function nextSignsFrom(signing: ScheduledKey, now: number, policy: SchedulePolicy): number {
  if (signing.alg !== policy.alg) return now + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  return Math.max(signing.signsFrom + policy.rotationSeconds, now + PUBLISHED_BEFORE_SECONDS)
}
