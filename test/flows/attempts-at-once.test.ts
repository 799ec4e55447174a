import { abortAllDurableObjects, createExecutionContext, evictAllDurableObjects } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isolateFor } from '../../src/isolate.ts'
import { hashPassword } from '../../src/passwords/pbkdf2.ts'
import { newName, newPerson, PASSWORD, refused, worker, workerWith } from '../support/client.ts'
import { freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { newRequester, type Requester, WRONG } from '../support/requester.ts'
import { solve } from '../support/solver.ts'

/** How many responses have each status. */
async function tally(responses: readonly Promise<Response>[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (const { status } of await Promise.all(responses)) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index))

/** The usernames of new accounts, inserted without registrations. */
async function newAccounts(count: number): Promise<readonly string[]> {
  const hash = await hashPassword(PASSWORD, null)
  const names = times(count, newName)
  const insert = env.DB.prepare(
    `INSERT INTO accounts (id, username, username_key, password_hash, credential_version, sessions_not_before, change_id,
       created_at, updated_at) VALUES (?1, ?2, ?2, ?3, 1, 1, '', 1, 1)`,
  )
  await env.DB.batch(names.map((name) => insert.bind(crypto.randomUUID(), name, hash)))
  return names
}

afterEach(thaw)

describe('concurrent attempts from one address', () => {
  it('checks exactly 3 passwords of 200 concurrent wrong logins from one address', async () => {
    const here = newRequester()
    const { name } = await newPerson()
    expect(await tally(times(200, () => here.logIn(name, WRONG)))).toEqual({ 401: 3, 403: 197 })
    expect(await tally(times(50, () => here.logIn(newName(), WRONG)))).toEqual({ 403: 50 })
  })

  it('checks exactly 3 passwords of 300 concurrent wrong logins to 300 accounts from one address', async () => {
    const here = newRequester()
    expect(await tally(times(300, () => here.logIn(newName(), WRONG)))).toEqual({ 401: 3, 403: 297 })
  })

  it('creates exactly 3 accounts for 200 concurrent registrations from one address', async () => {
    const here = newRequester()
    const names = times(200, newName)
    expect(await tally(names.map((username) => here.register({ username })))).toEqual({ 201: 3, 429: 197 })
    const marks = names.map(() => '?').slice(0, 100)
    const count = (part: readonly string[]) =>
      env.DB.prepare(`SELECT count(*) AS n FROM accounts WHERE username IN (${marks.join()})`)
        .bind(...part)
        .first<number>('n')
    expect(
      [await count(names.slice(0, 100)), await count(names.slice(100))].map(Number).reduce((a, b) => a + b),
    ).toBe(3)
  })

  it('challenges none of 50 concurrent right logins to 50 accounts from one address', async () => {
    const here = newRequester()
    const names = await newAccounts(50)
    expect(await tally(names.map((name) => here.logIn(name)))).toEqual({ 200: 50 })
  })

  it('accepts right logins that are concurrent with wrong ones below the threshold', async () => {
    const here = newRequester()
    const names = await newAccounts(20)
    const wrong = times(2, () => here.logIn(newName(), WRONG))
    const right = names.map((name) => here.logIn(name))
    expect([await tally(wrong), await tally(right)]).toEqual([{ 401: 2 }, { 200: 20 }])
  })

  it('accepts a solved challenge for one of 20 concurrent attempts', async () => {
    const here = newRequester()
    const name = newName()
    await here.failTimes(3, name)
    const solved = await solve((await refused(here.logIn(name, WRONG))).challenge)
    const { 401: accepted, ...others } = await tally(times(20, () => here.logIn(name, WRONG, solved)))
    expect(accepted).toBe(1)
    expect(Object.keys(others).every((status) => ['403', '429'].includes(status))).toBe(true)
  })

  it('answers 429 with Retry-After 1 while an address has 10 challenged attempts in flight, and accepts the challenge later', async () => {
    // The D1 reads are counted, so no settings may be read again in the background.
    freeze()
    const watched = watch()
    const LIMITS = { login_failures_per_ip: { threshold: 0 } }
    const here = newRequester(workerWith({ ...watched.bindings, LIMITS }))
    const names = await newAccounts(10)
    const { name } = await newPerson()
    const solvedChallenges: string[] = []
    for (let collected = 1; collected <= 11; collected++) {
      solvedChallenges.push(await solve((await refused(here.logIn(name, WRONG))).challenge))
    }
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const [last, ...first] = solvedChallenges
    const pending = names.map((other, index) => here.logIn(other, PASSWORD, first[index]))
    await vi.waitFor(() => expect(watched.counts.d1).toBe(10))
    for (const challenge of [last, 'x', undefined]) {
      const response = await here.logIn(name, PASSWORD, challenge)
      expect([response.status, response.headers.get('Retry-After')]).toEqual([429, '1'])
    }
    find()
    expect(await tally(pending)).toEqual({ 200: 10 })
    expect((await here.logIn(name, PASSWORD, last)).status).toBe(200)
  })

  it('checks the password of 3 challenged attempts of one address at an identifier at a time', async () => {
    // The D1 reads are counted, so no settings may be read again in the background.
    freeze()
    const watched = watch()
    const LIMITS = { login_failures_per_ip: { enabled: false }, login_failures_per_account: { threshold: 5 } }
    const fetch = workerWith({ ...watched.bindings, LIMITS })
    const { name } = await newPerson()
    const attacker = newRequester(fetch)
    await attacker.failTimes(5, name)
    const prepared: string[] = []
    for (let collected = 1; collected <= 4; collected++) {
      prepared.push(await solve((await refused(attacker.logIn(name, WRONG))).challenge))
    }
    const owner = newRequester(fetch)
    const own = await solve((await refused(owner.logIn(name))).challenge)
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const [last, ...first] = prepared
    const pending = first.map((solved) => attacker.logIn(name, WRONG, solved))
    await vi.waitFor(() => expect(watched.counts).toEqual({ d1: 3, rpc: 9 }))
    expect((await attacker.logIn(name, WRONG, last)).status).toBe(429)
    const login = owner.logIn(name, PASSWORD, own)
    await vi.waitFor(() => expect(watched.counts.d1).toBe(5))
    find()
    expect(await tally(pending)).toEqual({ 401: 3 })
    expect((await login).status).toBe(200)
  })

  it('accepts 3 of 8 low-difficulty challenges that many addresses send at once for one identifier', async () => {
    const LIMITS = { login_failures_per_ip: { threshold: 0 }, login_failures_per_account: { threshold: 1 } }
    const fetch = workerWith({ LIMITS })
    const name = newName()
    const prepared: (readonly [Requester, string])[] = []
    for (let collected = 1; collected <= 8; collected++) {
      const somebody = newRequester(fetch)
      prepared.push([somebody, await solve((await refused(somebody.logIn(name, WRONG))).challenge)])
    }
    expect(await tally(prepared.map(([somebody, solved]) => somebody.logIn(name, WRONG, solved)))).toEqual({
      401: 3,
      403: 5,
    })
  })

  it('blocks attempts over a blocking rule even with challenges that another rule required', async () => {
    const LIMITS = {
      registrations_per_ip: { threshold: 0, action: 'challenge' },
      login_failures_per_ip: { threshold: 3, action: 'block' },
    }
    const here = newRequester(workerWith({ LIMITS }))
    const { access_token: bearer } = await newPerson()
    const patch = (challenge?: string) => {
      const body = { username: newName(), current_password: WRONG, challenge }
      return here.call('PATCH', '/auth/me', { bearer, body })
    }
    const solvedChallenges: string[] = []
    for (let count = 1; count <= 6; count++)
      solvedChallenges.push(await solve((await refused(patch())).challenge))
    const { 401: checked, ...others } = await tally(solvedChallenges.map(patch))
    expect(checked).toBeLessThanOrEqual(3)
    expect(Object.keys(others).every((status) => ['403', '429'].includes(status))).toBe(true)
    expect(await refused(patch())).toMatchObject({ code: 'too_many_login_failures' })
  })

  it('limits the reservations of one address at an identifier, so that its owner can log in', async () => {
    const { name } = await newPerson()
    const attacker = newRequester()
    const flood = times(100, () => attacker.logIn(name, WRONG))
    const owner = newRequester().logIn(name)
    expect((await owner).status).toBe(200)
    expect(await tally(flood)).toEqual({ 401: 3, 403: 97 })
  })
})

describe('concurrent attempts from many addresses', () => {
  it('requires a challenge without waiting once all reservations of an identifier are taken', async () => {
    const watched = watch()
    const LIMITS = { login_failures_per_account: { threshold: 2 } }
    const fetch = workerWith({ ...watched.bindings, LIMITS })
    const { name } = await newPerson()
    await newRequester(fetch).fail(newName())
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const pending = times(2, () => newRequester(fetch).logIn(name))
    await vi.waitFor(() => expect(watched.counts).toEqual({ d1: 2, rpc: 4 }))
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    expect(await refused(newRequester(fetch).logIn(name))).toMatchObject({ code: 'challenge_required' })
    vi.useRealTimers()
    find()
    expect(await tally(pending)).toEqual({ 200: 2 })
  })

  it('checks exactly 10 passwords of 100 concurrent wrong logins to one identifier', async () => {
    const { name } = await newPerson()
    expect(await tally(times(100, () => newRequester().logIn(name, WRONG)))).toEqual({ 401: 10, 403: 90 })
  })
})

describe('an attempt whose caller disconnects', () => {
  it('holds an attempt with waitUntil from reserve to settle, and not the rest of the request', async () => {
    const watched = watch()
    const bindings = { ...env, ...watched.bindings }
    const held: Promise<unknown>[] = []
    const context = Object.assign(createExecutionContext(), {
      waitUntil: (work: Promise<unknown>) => void held.push(work),
    })
    const here = newRequester(async (request) => isolateFor(bindings).app.fetch(request, bindings, context))
    await here.fail(newName())
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    held.length = 0
    watched.reset()
    watched.fail('run', { until: found })
    void here.logIn(newName(), WRONG)
    await vi.waitFor(() => expect(watched.counts).toEqual({ d1: 1, rpc: 2 }))
    expect(held).toHaveLength(1)
    find()
    await held[0]
    expect(watched.counts.rpc).toBe(4)
  })
})

describe('counted attempts', () => {
  it.each([
    ['an eviction of every Durable Object', evictAllDurableObjects],
    ['an abort of every Durable Object', abortAllDurableObjects],
  ])('keeps counted attempts after %s', async (_what, lose) => {
    const here = newRequester()
    const name = newName()
    await here.failTimes(2, name)
    for (let registration = 1; registration <= 3; registration++) {
      expect((await here.register({ username: newName() })).status).toBe(201)
    }
    await lose()
    await here.fail(name)
    const solved = await solve((await refused(here.logIn(name, WRONG))).challenge)
    await here.fail(name, solved)
    await lose()
    expect(await refused(here.logIn(name, WRONG))).toMatchObject({ code: 'challenge_required' })
    expect(await refused(here.logIn(name, WRONG, solved))).toMatchObject({ reasons: ['already_used'] })
    expect((await here.register({ username: newName() })).status).toBe(429)
    expect((await worker(new Request('https://auth.example.test/healthz'))).status).toBe(200)
  })

  it('never exceeds the threshold when a Durable Object loses its memory while passwords are checked', async () => {
    const watched = watch()
    const here = newRequester(workerWith(watched.bindings))
    const { name } = await newPerson()
    await here.register({ username: newName() })
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const before = times(5, () => here.logIn(name, WRONG))
    await vi.waitFor(() => expect(watched.counts).toEqual({ d1: 3, rpc: 8 }))
    await abortAllDurableObjects()
    const after = times(5, () => here.logIn(name, WRONG))
    await vi.waitFor(() => expect(watched.counts).toEqual({ d1: 6, rpc: 18 }))
    find()
    expect(await tally(before)).toEqual({ 503: 5 })
    expect(await tally(after)).toEqual({ 401: 3, 403: 2 })
  })
})
