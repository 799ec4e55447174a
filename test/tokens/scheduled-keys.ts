import type { Plan, ScheduledKey, SchedulePolicy } from '../../src/tokens/key-schedule.ts'

export const DAY = 86_400
export const NOW = 4_000_000_000
export const policy: SchedulePolicy = { alg: 'ES256', rotationSeconds: 30 * DAY, accessTokenSeconds: 600 }

export const key = (
  kid: string,
  signsFrom: number,
  createdAt = NOW - 60 * DAY,
  alg = 'ES256',
): ScheduledKey => ({
  kid,
  alg,
  createdAt,
  signsFrom,
})

export const kids = (keys: readonly (ScheduledKey | null)[]) => keys.map((each) => each?.kid)

/** Applies a plan to the keys, as one database batch does. */
export function applyPlan(
  keys: readonly ScheduledKey[],
  { create, remove, withdraw, advance }: Plan,
  make: (made: Plan['create'][number]) => ScheduledKey,
): readonly ScheduledKey[] {
  const advanced = new Map(advance.map(({ kid, signsFrom }) => [kid, signsFrom]))
  const after = keys
    .filter(({ kid }) => !remove.includes(kid) && !withdraw.includes(kid))
    .map((each) => ({ ...each, signsFrom: advanced.get(each.kid) ?? each.signsFrom }))
  return [...after, ...create.map(make)]
}
