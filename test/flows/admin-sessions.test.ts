import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import {
  call,
  changePassword,
  type Fetch,
  logIn,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { resetSettings } from '../support/limits.ts'
import type { SessionList, Tokens } from '../support/responses.ts'

interface Stamped {
  readonly updated_at: string | null
  readonly updated_by: string | null
}

/** A new isolate for each test, so that none knows what another ended. */
let fetch = workerWith({})

beforeEach(() => {
  freeze()
  fetch = workerWith({})
})
afterEach(async () => {
  thaw()
  vi.restoreAllMocks()
  await resetSettings()
})

const requestEnd = (by: Fetch = fetch, bearer?: string) =>
  admin('DELETE', '/admin/sessions', undefined, by, bearer)
const endAll = (by: Fetch = fetch) => ok(requestEnd(by), 204)
const me = (bearer: string, by: Fetch = fetch) => codeOf(call('GET', '/auth/me', { bearer }, by))
const refreshed = (token: string, by: Fetch = fetch) => ok<Tokens>(refresh(token, by))
const sessionsOf = async (bearer: string) => {
  const path = '/auth/sessions'
  return (await ok<SessionList>(call('GET', path, { bearer }, fetch))).sessions
}
const limits = (by: Fetch = fetch) => ok<Stamped>(admin('GET', '/admin/limits', undefined, by))

/** A person whose session began a second ago, since ending all sessions leaves one that begins in the same millisecond. */
async function newEarlierPerson(by: Fetch = fetch) {
  const person = await newPerson(by)
  advance(1)
  return person
}

const sessionsNotBefore = () =>
  env.DB.prepare(`SELECT json_extract(document, '$.sessions_not_before') AS ms FROM settings`).first<number>(
    'ms',
  )

describe('DELETE /admin/sessions', () => {
  it('ends the sessions of every account', async () => {
    const people = [await newPerson(fetch), await newPerson(fetch)]
    advance(1)
    const other = await ok<Tokens>(logIn(String(people[0]?.name), PASSWORD, fetch))
    advance(1)
    await endAll()
    for (const { access_token, refresh_token } of [...people, other]) {
      const problem = await refused(call('GET', '/auth/me', { bearer: access_token }, fetch))
      expect(problem).toMatchObject({ status: 401, code: 'invalid_token' })
      expect(await refused(refresh(refresh_token, fetch))).toMatchObject({
        status: 401,
        code: 'invalid_refresh_token',
      })
      expect(await codeOf(call('GET', '/auth/sessions', { bearer: access_token }, fetch))).toBe(
        'invalid_token',
      )
    }
  })

  it('rejects every call with a token of an ended session', async () => {
    const { access_token: bearer, refresh_token, user } = await newEarlierPerson()
    await endAll()
    const body = { current_password: PASSWORD }
    for (const [method, path, sent] of [
      ['PATCH', '/auth/me', { ...body, username: 'somebody.else' }],
      ['DELETE', '/auth/me', body],
      ['DELETE', '/auth/sessions', undefined],
      ['DELETE', `/auth/sessions/${user.id}`, undefined],
      ['POST', '/auth/logout', undefined],
    ] as const) {
      expect(await codeOf(call(method, path, { bearer, body: sent }, fetch))).toBe('invalid_token')
    }
    expect(await codeOf(changePassword(bearer, {}, fetch))).toBe('invalid_token')
    await ok(call('POST', '/auth/logout', { body: { refresh_token } }, fetch), 204)
  })

  it('ends the session of the requesting operator too', async () => {
    const { access_token } = await newOperator('admin', fetch)
    advance(1)
    await ok(requestEnd(fetch, access_token), 204)
    expect(await codeOf(requestEnd(fetch, access_token))).toBe('invalid_token')
  })

  it('keeps sessions that begin afterwards, even in the same millisecond', async () => {
    const { name } = await newEarlierPerson()
    await endAll()
    const [person, again] = [await newPerson(fetch), await ok<Tokens>(logIn(name, PASSWORD, fetch))]
    advance(60)
    for (const { access_token, refresh_token } of [person, again]) {
      expect(await me(access_token)).toBe('ok')
      await refreshed(refresh_token)
    }
  })

  it('removes ended sessions from the list of sessions', async () => {
    const { name } = await newEarlierPerson()
    await endAll()
    const { access_token } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    expect(await sessionsOf(access_token)).toMatchObject([{ current: true }])
  })

  it('answers 404 when an account ends a session that an operator has ended', async () => {
    const { name, access_token } = await newEarlierPerson()
    const [before] = await sessionsOf(access_token)
    await endAll()
    const { access_token: bearer } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    const again = call('DELETE', `/auth/sessions/${before?.id}`, { bearer }, fetch)
    expect(await codeOf(again)).toBe('not_found')
  })

  it('ends all sessions repeatedly, even in the same millisecond', async () => {
    const { name, access_token } = await newEarlierPerson()
    await endAll()
    await endAll()
    await endAll()
    expect(await me(access_token)).toBe('invalid_token')
    advance(1)
    const { access_token: after } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    expect(await me(after)).toBe('ok')
    advance(1)
    await endAll()
    expect(await me(after)).toBe('invalid_token')
  })

  it('advances sessionsNotBefore twice when two isolates end all sessions at once', async () => {
    const { access_token } = await newEarlierPerson()
    await Promise.all([endAll(workerWith({})), endAll(workerWith({}))])
    expect(await me(access_token, workerWith({}))).toBe('invalid_token')
    expect(await sessionsNotBefore()).toBe(FROZEN_MS + 1_001)
  })

  it('never moves sessionsNotBefore back when the clock of an isolate is behind', async () => {
    advance(100)
    await endAll()
    freeze()
    await endAll(workerWith({}))
    expect(await sessionsNotBefore()).toBe(FROZEN_MS + 100_001)
  })

  it('records who ended all sessions and when', async () => {
    const { access_token, user } = await newOperator('admin', fetch)
    await endAll()
    advance(60)
    const operator = await ok<Tokens>(
      call(
        'POST',
        '/auth/login',
        { body: { identifier: String(user.username), password: PASSWORD, scope: 'admin' } },
        fetch,
      ),
    )
    await ok(requestEnd(fetch, operator.access_token), 204)
    const { results } = await env.DB.prepare(
      'SELECT changed_at, changed_by, change FROM settings_changes ORDER BY id',
    ).all()
    expect(results).toEqual([
      {
        changed_at: 4_000_000_000,
        changed_by: 'admin_token',
        change: `{"sessions_not_before":${FROZEN_MS}}`,
      },
      {
        changed_at: 4_000_000_060,
        changed_by: user.id,
        change: `{"sessions_not_before":${FROZEN_MS + 60_000}}`,
      },
    ])
    expect(await me(access_token)).toBe('invalid_token')
  })

  it('leaves the limits as they are when all sessions end', async () => {
    const change = { registration_open: false, rules: { registrations_per_ip: { threshold: 7 } } }
    const { updated_at, updated_by, ...before } = await ok<Stamped>(
      admin('PUT', '/admin/limits', change, fetch),
    )
    advance(60)
    await endAll()
    for (const isolate of [fetch, workerWith({})]) {
      const { updated_at, updated_by, ...after } = await limits(isolate)
      expect(after).toEqual(before)
    }
    expect([updated_at, updated_by]).toEqual(['2096-10-02T07:06:40Z', 'admin_token'])
  })

  it('leaves updated_at of the limits as it is when all sessions end', async () => {
    const { updated_at } = await ok<Stamped>(
      admin('PUT', '/admin/limits', { registration_open: false }, fetch),
    )
    advance(60)
    await endAll()
    expect((await limits()).updated_at).toBe(updated_at)
  })

  it('keeps sessions ended when the limits change afterwards', async () => {
    const { access_token, refresh_token } = await newEarlierPerson()
    await endAll()
    await ok(admin('PUT', '/admin/limits', { registration_open: false }, fetch))
    await ok(admin('PUT', '/admin/limits', await limits(), fetch))
    for (const isolate of [fetch, workerWith({})]) {
      expect(await me(access_token, isolate)).toBe('invalid_token')
      expect(await codeOf(refresh(refresh_token, isolate))).toBe('invalid_refresh_token')
    }
  })

  it('rejects sessionsNotBefore as a field of the limits', async () => {
    const problem = await refused(admin('PUT', '/admin/limits', { sessions_not_before: 1 }, fetch))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'sessions_not_before' }] })
  })

  it('keeps a change of the limits that is concurrent with the end of all sessions', async () => {
    const { access_token } = await newEarlierPerson()
    const put = admin('PUT', '/admin/limits', { registration_open: false }, workerWith({}))
    await Promise.all([endAll(workerWith({})), ok(put)])
    expect(await limits()).toMatchObject({ registration_open: false })
    expect(await me(access_token)).toBe('invalid_token')
  })
})

describe('access to DELETE /admin/sessions', () => {
  it('allows only operators to end all sessions', async () => {
    const person = await newPerson(fetch)
    const withoutScope = await newOperator(null, fetch)
    advance(1)
    for (const [bearer, code] of [
      ['', 'invalid_token'],
      ['x', 'invalid_token'],
      [person.access_token, 'insufficient_scope'],
      [withoutScope.access_token, 'insufficient_scope'],
    ] as const) {
      expect(await codeOf(requestEnd(fetch, bearer))).toBe(code)
    }
    expect((await call('DELETE', '/admin/sessions', {}, fetch)).status).toBe(401)
    expect(await me(person.access_token)).toBe('ok')
  })

  it('answers 405 to other methods on /admin/sessions', async () => {
    const response = await admin('GET', '/admin/sessions', undefined, fetch)
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'DELETE'])
  })
})

describe('the end of all sessions in another isolate', () => {
  it('rejects all tokens of ended sessions in every isolate within 30 seconds', async () => {
    const there = workerWith({})
    const { access_token, refresh_token } = await newPerson(there)
    await refreshed(refresh_token, there)
    advance(1)
    await endAll()
    advance(30)
    expect(await me(access_token, there)).toBe('invalid_token')
    expect(await codeOf(refresh(refresh_token, there))).toBe('invalid_refresh_token')
  })

  it('reads D1 every 20 seconds instead of with each refresh', async () => {
    const watched = watch()
    const there = workerWith(watched.bindings)
    let tokens: Tokens = await newPerson(there)
    tokens = await refreshed(tokens.refresh_token, there)
    watched.reset()
    for (let second = 1; second <= 19; second++) {
      advance(1)
      tokens = await refreshed(tokens.refresh_token, there)
    }
    expect(watched.counts).toEqual({ d1: 0, rpc: 19 })
    advance(1)
    await refreshed(tokens.refresh_token, there)
    expect(watched.counts).toEqual({ d1: 1, rpc: 20 })
  })

  it('keeps a session ended in isolates that have not read the settings since, once any isolate has rejected a refresh of it', async () => {
    const there = workerWith({})
    const { refresh_token } = await newPerson(there)
    await refreshed(refresh_token, there)
    advance(1)
    await endAll()
    expect(await codeOf(refresh(refresh_token, fetch))).toBe('invalid_refresh_token')
    expect(await codeOf(refresh(refresh_token, there))).toBe('invalid_refresh_token')
  })
})

describe('the end of all sessions while D1 is unavailable', () => {
  it('answers 503 and ends no session when the write fails', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token, refresh_token } = await newEarlierPerson(isolate)
    watched.fail('batch', { before: true })
    expect(await refused(requestEnd(isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    watched.mend()
    expect(await me(access_token, isolate)).toBe('ok')
    await refreshed(refresh_token, workerWith({}))
    expect(await sessionsNotBefore()).toBeNull()
  })

  it('answers 503 when the result of the write is lost, and ends the sessions with the next read', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token } = await newEarlierPerson(isolate)
    watched.fail('batch', { after: true })
    expect(await refused(requestEnd(isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    advance(30)
    expect(await me(access_token, isolate)).toBe('invalid_token')
  })

  it('answers 503 to refreshes and calls in an isolate that has never read the settings', async () => {
    const { access_token, refresh_token } = await newEarlierPerson()
    await endAll()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    watched.fail('read', { before: true })
    expect(await refused(refresh(refresh_token, isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await me(access_token, isolate)).toBe('unavailable')
    watched.mend()
    advance(5)
    expect(await codeOf(refresh(refresh_token, isolate))).toBe('invalid_refresh_token')
  })

  it('uses the last known settings while D1 is unavailable', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const before = await newEarlierPerson(isolate)
    await endAll(isolate)
    const after = await newPerson(isolate)
    watched.fail('read', { before: true })
    advance(500)
    expect(await me(before.access_token, isolate)).toBe('invalid_token')
    await refreshed(after.refresh_token, isolate)
  })
})
