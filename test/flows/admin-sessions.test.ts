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
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'

interface Stamped {
  readonly updated_at: string | null
  readonly updated_by: string | null
}

/** An isolate of its own, so that no test knows what another ended. */
let fetch = workerWith({})

beforeEach(() => {
  freeze()
  fetch = workerWith({})
})
afterEach(async () => {
  thaw()
  vi.restoreAllMocks()
  await env.DB.batch([env.DB.prepare('DELETE FROM settings'), env.DB.prepare('DELETE FROM settings_changes')])
})

const end = (by: Fetch = fetch, bearer?: string) => admin('DELETE', '/admin/sessions', undefined, by, bearer)
const ended = (by: Fetch = fetch) => ok(end(by), 204)
const me = (bearer: string, by: Fetch = fetch) => codeOf(call('GET', '/auth/me', { bearer }, by))
const refreshed = (token: string, by: Fetch = fetch) => ok<Tokens>(refresh(token, by))
const sessionsOf = async (bearer: string) => {
  const path = '/auth/sessions'
  return (await ok<{ sessions: readonly { id: string }[] }>(call('GET', path, { bearer }, fetch))).sessions
}
const limits = (by: Fetch = fetch) => ok<Stamped>(admin('GET', '/admin/limits', undefined, by))

/** Somebody whose session began a second ago: an end in the very same moment is no end of it. */
async function somebody(by: Fetch = fetch) {
  const person = await newPerson(by)
  advance(1)
  return person
}

const epoch = () =>
  env.DB.prepare(`SELECT json_extract(document, '$.sessions_not_before') AS ms FROM settings`).first<number>(
    'ms',
  )

describe('DELETE /admin/sessions', () => {
  it('ends the sessions of everybody', async () => {
    const people = [await newPerson(fetch), await newPerson(fetch)]
    advance(1)
    const other = await ok<Tokens>(logIn(String(people[0]?.name), PASSWORD, fetch))
    advance(1)
    await ended()
    for (const { access_token, refresh_token } of [...people, other]) {
      const answer = await refused(call('GET', '/auth/me', { bearer: access_token }, fetch))
      expect(answer).toMatchObject({ status: 401, code: 'invalid_token' })
      expect(await refused(refresh(refresh_token, fetch))).toMatchObject({
        status: 401,
        code: 'invalid_refresh_token',
      })
      expect(await codeOf(call('GET', '/auth/sessions', { bearer: access_token }, fetch))).toBe(
        'invalid_token',
      )
    }
  })

  it('ends a session for every call that a token of it opens', async () => {
    const { access_token: bearer, refresh_token, user } = await somebody()
    await ended()
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

  it('ends the session of the operator who asks, too', async () => {
    const { access_token } = await newOperator('admin', fetch)
    advance(1)
    await ok(end(fetch, access_token), 204)
    expect(await codeOf(end(fetch, access_token))).toBe('invalid_token')
  })

  it('does not concern those who log in afterwards, in the same moment too', async () => {
    const { name } = await somebody()
    await ended()
    const [person, again] = [await newPerson(fetch), await ok<Tokens>(logIn(name, PASSWORD, fetch))]
    advance(60)
    for (const { access_token, refresh_token } of [person, again]) {
      expect(await me(access_token)).toBe('ok')
      await refreshed(refresh_token)
    }
  })

  it('leaves none of them in the list of sessions', async () => {
    const { name } = await somebody()
    await ended()
    const { access_token } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    expect(await sessionsOf(access_token)).toMatchObject([{ current: true }])
  })

  it('leaves none of them to be ended once more', async () => {
    const { name, access_token } = await somebody()
    const [before] = await sessionsOf(access_token)
    await ended()
    const { access_token: bearer } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    const again = call('DELETE', `/auth/sessions/${before?.id}`, { bearer }, fetch)
    expect(await codeOf(again)).toBe('not_found')
  })

  it('may come again and again, in the same moment too', async () => {
    const { name, access_token } = await somebody()
    await ended()
    await ended()
    await ended()
    expect(await me(access_token)).toBe('invalid_token')
    advance(1)
    const { access_token: after } = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    expect(await me(after)).toBe('ok')
    advance(1)
    await ended()
    expect(await me(after)).toBe('invalid_token')
  })

  it('that comes twice at once, in isolates of their own, ends and records twice', async () => {
    const { access_token } = await somebody()
    await Promise.all([ended(workerWith({})), ended(workerWith({}))])
    expect(await me(access_token, workerWith({}))).toBe('invalid_token')
    expect(await epoch()).toBe(FROZEN_MS + 1_001)
  })

  it('never goes back, whatever the clock of the isolate says', async () => {
    advance(100)
    await ended()
    freeze()
    await ended(workerWith({}))
    expect(await epoch()).toBe(FROZEN_MS + 100_001)
  })

  it('is recorded: who did it and when', async () => {
    const { access_token, user } = await newOperator('admin', fetch)
    await ended()
    advance(60)
    const operator = await ok<Tokens>(
      call(
        'POST',
        '/auth/login',
        { body: { identifier: String(user.username), password: PASSWORD, scope: 'admin' } },
        fetch,
      ),
    )
    await ok(end(fetch, operator.access_token), 204)
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

  it('is no change of the limits', async () => {
    const change = { registration_open: false, rules: { registrations_per_ip: { threshold: 7 } } }
    const { updated_at, updated_by, ...before } = await ok<Stamped>(
      admin('PUT', '/admin/limits', change, fetch),
    )
    advance(60)
    await ended()
    for (const isolate of [fetch, workerWith({})]) {
      const { updated_at, updated_by, ...after } = await limits(isolate)
      expect(after).toEqual(before)
    }
    expect([updated_at, updated_by]).toEqual(['2096-10-02T07:06:40Z', 'admin_token'])
  })

  it('does not count as the last change of the limits', async () => {
    const { updated_at } = await ok<Stamped>(
      admin('PUT', '/admin/limits', { registration_open: false }, fetch),
    )
    advance(60)
    await ended()
    expect((await limits()).updated_at).toBe(updated_at)
  })

  it('is not undone by a change of the limits', async () => {
    const { access_token, refresh_token } = await somebody()
    await ended()
    await ok(admin('PUT', '/admin/limits', { registration_open: false }, fetch))
    await ok(admin('PUT', '/admin/limits', await limits(), fetch))
    for (const isolate of [fetch, workerWith({})]) {
      expect(await me(access_token, isolate)).toBe('invalid_token')
      expect(await codeOf(refresh(refresh_token, isolate))).toBe('invalid_refresh_token')
    }
  })

  it('is not to be had through the limits', async () => {
    const problem = await refused(admin('PUT', '/admin/limits', { sessions_not_before: 1 }, fetch))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'sessions_not_before' }] })
  })

  it('and a change of the limits at once both stay', async () => {
    const { access_token } = await somebody()
    const put = admin('PUT', '/admin/limits', { registration_open: false }, workerWith({}))
    await Promise.all([ended(workerWith({})), ok(put)])
    expect(await limits()).toMatchObject({ registration_open: false })
    expect(await me(access_token)).toBe('invalid_token')
  })
})

describe('who may end everybody’s', () => {
  it('is nobody but an operator', async () => {
    const person = await newPerson(fetch)
    const unasked = await newOperator(null, fetch)
    advance(1)
    for (const [bearer, code] of [
      ['', 'invalid_token'],
      ['x', 'invalid_token'],
      [person.access_token, 'insufficient_scope'],
      [unasked.access_token, 'insufficient_scope'],
    ] as const) {
      expect(await codeOf(end(fetch, bearer))).toBe(code)
    }
    expect((await call('DELETE', '/admin/sessions', {}, fetch)).status).toBe(401)
    expect(await me(person.access_token)).toBe('ok')
  })

  it('has no other method', async () => {
    const answer = await admin('GET', '/admin/sessions', undefined, fetch)
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'DELETE'])
  })
})

describe('in another isolate', () => {
  it('it is in force within 30 seconds, for tokens of every kind', async () => {
    const there = workerWith({})
    const { access_token, refresh_token } = await newPerson(there)
    await refreshed(refresh_token, there)
    advance(1)
    await ended()
    advance(30)
    expect(await me(access_token, there)).toBe('invalid_token')
    expect(await codeOf(refresh(refresh_token, there))).toBe('invalid_refresh_token')
  })

  it('it costs no read of D1 with each refresh', async () => {
    const watched = watch()
    const there = workerWith(watched.bindings)
    let tokens: Tokens = await newPerson(there)
    tokens = await refreshed(tokens.refresh_token, there)
    watched.reset()
    for (let second = 1; second <= 24; second++) {
      advance(1)
      tokens = await refreshed(tokens.refresh_token, there)
    }
    expect(watched.counts).toEqual({ d1: 0, rpc: 24 })
    advance(1)
    await refreshed(tokens.refresh_token, there)
    expect(watched.counts).toEqual({ d1: 1, rpc: 25 })
  })

  it('it ends a session for good, also for isolates that do not know of it yet', async () => {
    const there = workerWith({})
    const { refresh_token, access_token } = await newPerson(there)
    await refreshed(refresh_token, there)
    advance(1)
    await ended()
    expect(await me(access_token, fetch)).toBe('invalid_token')
    expect(await codeOf(refresh(refresh_token, there))).toBe('invalid_refresh_token')
  })
})

describe('with D1 out of reach', () => {
  it('it is 503, and nothing has ended', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token, refresh_token } = await somebody(isolate)
    watched.fail('batch', { before: true })
    expect(await refused(end(isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    watched.mend()
    expect(await me(access_token, isolate)).toBe('ok')
    await refreshed(refresh_token, workerWith({}))
    expect(await epoch()).toBeNull()
  })

  it('it is 503 where the answer is lost, and in force with the next reading', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token } = await somebody(isolate)
    watched.fail('batch', { after: true })
    expect(await refused(end(isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    advance(30)
    expect(await me(access_token, isolate)).toBe('invalid_token')
  })

  it('an isolate that never read the settings refreshes nobody and lets nobody in', async () => {
    const { access_token, refresh_token } = await somebody()
    await ended()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    watched.fail('all', { before: true })
    expect(await refused(refresh(refresh_token, isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await me(access_token, isolate)).toBe('unavailable')
    watched.mend()
    advance(5)
    expect(await codeOf(refresh(refresh_token, isolate))).toBe('invalid_refresh_token')
  })

  it('an isolate that read them goes on with what it knows', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const before = await somebody(isolate)
    await ended(isolate)
    const after = await newPerson(isolate)
    watched.fail('all', { before: true })
    advance(500)
    expect(await me(before.access_token, isolate)).toBe('invalid_token')
    await refreshed(after.refresh_token, isolate)
  })
})
