import { describe, expect, it } from 'vitest'
import {
  type ActivityRow,
  isNewDevice,
  keepActivity,
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
    const logIn = (row: ActivityRow, userAgent: string, nowMs: number) =>
      withDevice(row, from({ userAgent }), nowMs)
    let row = logIn(empty(), 'first', NOW)
    for (let count = 1; count < 20; count++) row = logIn(row, `device ${count}`, NOW + count)
    row = logIn(row, 'first', NOW + 20)
    row = logIn(row, 'last', NOW + 21)
    expect(row.devices).toHaveLength(20)
    expect(isNewDevice(row, from({ userAgent: 'first' }))).toBe(false)
    expect(isNewDevice(row, from({ userAgent: 'device 1' }))).toBe(true)
  })
})

describe('the activities', () => {
  it('remembers the last 50 activities with the requester of the login', () => {
    const session = from({ ip: '192.0.2.7' })
    let row = empty()
    for (let at = 0; at < 60; at++) row = withActivity(row, 'login', session, NOW + at)
    expect(row.activities).toHaveLength(50)
    expect(row.activities.at(-1)).toEqual({
      at: NOW + 59,
      type: 'login',
      sessionId: session.id,
      ip: '192.0.2.7',
      userAgent: FIREFOX,
      country: 'DE',
    })
  })

  it('forgets activities and devices after ACTIVITY_DAYS', () => {
    const rules = { ...policy, activityDays: 7 }
    const row = withDevice(withActivity(empty(), 'login', from(), NOW), from(), NOW)
    expect(keepActivity(row, rules, NOW + 7 * DAY_MS - 1)).toMatchObject({
      activities: [{ at: NOW }],
      devices: [{ lastSeenAt: NOW }],
    })
    const later = keepActivity(row, rules, NOW + 7 * DAY_MS)
    expect(later).toMatchObject({ activities: [], devices: [], keepUntil: NOW + 14 * DAY_MS })
  })
})
