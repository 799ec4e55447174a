import { describe, expect, it } from 'vitest'
import {
  type ActivityPage,
  type ChangedActivity,
  isNewDevice,
  keepActivity,
  placeOf,
  withActivity,
  withDevice,
} from '../../src/sessions/activity.ts'
import { beginSession, type NewSession } from '../../src/sessions/session.ts'
import { newSession, policy } from './account-under-test.ts'

const NOW = 4_000_000_000_000
const DAY_MS = 86_400_000
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

const from = (changes: Partial<NewSession> = {}) =>
  beginSession(newSession({ userAgent: FIREFOX, country: 'DE', ...changes }), [], 1, policy, NOW).session
const empty = () => keepActivity(null, policy, NOW)

describe('the known devices', () => {
  it('reports no new device for the first login', () => {
    expect(isNewDevice(empty(), from())).toBe(false)
  })

  it.each([
    ['another browser', { userAgent: CHROME }, true],
    ['another country', { country: 'FR' }, true],
    ['no user agent', { userAgent: null }, true],
    ['another version of the browser', { userAgent: FIREFOX.replaceAll('140', '141') }, false],
    ['another address', { ip: '192.0.2.7' }, false],
  ])('compares browser family and country: %s', (_what, changes, isNew) => {
    expect(isNewDevice(withDevice(empty(), from(), NOW), from(changes))).toBe(isNew)
  })

  it('remembers the 20 devices of the latest logins', () => {
    const logIn = (activity: ChangedActivity, userAgent: string, nowMs: number) =>
      withDevice(activity, from({ userAgent }), nowMs)
    let activity = logIn(empty(), 'first', NOW)
    for (let count = 1; count < 20; count++) activity = logIn(activity, `device ${count}`, NOW + count)
    activity = logIn(activity, 'first', NOW + 20)
    activity = logIn(activity, 'last', NOW + 21)
    expect(activity.row.devices).toHaveLength(20)
    expect(isNewDevice(activity, from({ userAgent: 'first' }))).toBe(false)
    expect(isNewDevice(activity, from({ userAgent: 'device 1' }))).toBe(true)
  })
})

describe('the activities', () => {
  it('remembers an activity with the requester of the login', () => {
    const session = from({ ip: '192.0.2.7' })
    expect(withActivity(empty(), 'login', session, NOW).row.recent).toEqual([
      { at: NOW, type: 'login', sessionId: session.id, ip: '192.0.2.7', userAgent: FIREFOX, country: 'DE' },
    ])
  })

  it('remembers the last 50 activities', () => {
    const pages = new Map<number, ActivityPage>()
    let activity = empty()
    for (let at = 0; at < 200; at++) {
      activity = withActivity(keepActivity(activity.row, policy, NOW + at), 'login', null, NOW + at)
      if (activity.filled !== null) pages.set(placeOf(activity.row.pages - 1), activity.filled)
      const stored = [...pages.values()].flatMap(({ activities }) => activities)
      const times = [...stored, ...activity.row.recent].map((each) => each.at).toSorted((a, b) => a - b)
      const last = Array.from({ length: Math.min(at + 1, 50) }, (_, index) => NOW + at - index)
      expect(times.slice(-50)).toEqual(last.toReversed())
    }
  })

  it('forgets recent activities and devices after ACTIVITY_DAYS', () => {
    const rules = { ...policy, activityDays: 7 }
    const { row } = withDevice(withActivity(empty(), 'login', from(), NOW), from(), NOW)
    expect(keepActivity(row, rules, NOW + 7 * DAY_MS - 1).row).toMatchObject({
      recent: [{ at: NOW }],
      devices: [{ lastSeenAt: NOW }],
    })
    const later = keepActivity(row, rules, NOW + 7 * DAY_MS).row
    expect(later).toMatchObject({ recent: [], devices: [], keepUntil: NOW + 14 * DAY_MS })
  })
})
