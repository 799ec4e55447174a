import { abortAllDurableObjects, createExecutionContext, evictAllDurableObjects } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { isolateFor } from '../../src/isolate.ts'
import { hashPassword } from '../../src/passwords/pbkdf2.ts'
import { newName, newPerson, PASSWORD, refused, worker, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { solve } from '../support/solver.ts'
import { type Visitor, visitor, WRONG } from '../support/visitor.ts'

/** How many answers have each status. */
async function tally(responses: readonly Promise<Response>[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {}
  for (const { status } of await Promise.all(responses)) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index))

/** People who are there, without as many registrations. */
async function people(count: number): Promise<readonly string[]> {
  const hash = await hashPassword(PASSWORD, null)
  const names = times(count, newName)
  const insert = env.DB.prepare(
    `INSERT INTO accounts (id, username, username_key, password_hash, credential_version, sessions_not_before, change_id,
       created_at, updated_at) VALUES (?1, ?2, ?2, ?3, 1, 1, '', 1, 1)`,
  )
  await env.DB.batch(names.map((name) => insert.bind(crypto.randomUUID(), name, hash)))
  return names
}

describe('at once, from one address', () => {
  it('of 200 wrong log ins exactly 3 reach the password check', async () => {
    const here = visitor()
    const { name } = await newPerson()
    expect(await tally(times(200, () => here.logIn(name, WRONG)))).toEqual({ 401: 3, 403: 197 })
    expect(await tally(times(50, () => here.logIn(newName(), WRONG)))).toEqual({ 403: 50 })
  })

  it('of 300 wrong log ins on 300 accounts exactly 3 do', async () => {
    const here = visitor()
    expect(await tally(times(300, () => here.logIn(newName(), WRONG)))).toEqual({ 401: 3, 403: 297 })
  })

  it('of 200 registrations exactly 3 make an account', async () => {
    const here = visitor()
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

  it('50 right log ins of 50 people all succeed, and none is challenged', async () => {
    const here = visitor()
    const names = await people(50)
    expect(await tally(names.map((name) => here.logIn(name)))).toEqual({ 200: 50 })
  })

  it('right ones pass while wrong ones use up what they may', async () => {
    const here = visitor()
    const names = await people(20)
    const wrong = times(2, () => here.logIn(newName(), WRONG))
    const right = names.map((name) => here.logIn(name))
    expect([await tally(wrong), await tally(right)]).toEqual([{ 401: 2 }, { 200: 20 }])
  })

  it('one solved challenge is worth one attempt', async () => {
    const here = visitor()
    const name = newName()
    await here.failTimes(3, name)
    const answer = await solve((await refused(here.logIn(name, WRONG))).challenge)
    expect(await tally(times(20, () => here.logIn(name, WRONG, answer)))).toEqual({ 401: 1, 403: 19 })
  })

  it('hoarded cheap challenges are no cheaper for being sent together', async () => {
    const here = visitor()
    const name = newName()
    await here.failTimes(3, name)
    const answers: string[] = []
    for (let hoarded = 1; hoarded <= 10; hoarded++) {
      answers.push(await solve((await refused(here.logIn(name, WRONG))).challenge))
    }
    expect(await tally(answers.map((answer) => here.logIn(name, WRONG, answer)))).toEqual({ 401: 6, 403: 4 })
  })

  it('nor at an identifier, from many addresses', async () => {
    const LIMITS = { login_failures_per_ip: { threshold: 0 }, login_failures_per_account: { threshold: 1 } }
    const fetch = workerWith({ LIMITS })
    const name = newName()
    const armed: (readonly [Visitor, string])[] = []
    for (let hoarded = 1; hoarded <= 8; hoarded++) {
      const somebody = visitor(fetch)
      armed.push([somebody, await solve((await refused(somebody.logIn(name, WRONG))).challenge)])
    }
    expect(await tally(armed.map(([somebody, answer]) => somebody.logIn(name, WRONG, answer)))).toEqual({
      401: 3,
      403: 5,
    })
  })

  it('no rule that blocks is passed by a challenge that another rule asked for', async () => {
    const LIMITS = {
      registrations_per_ip: { threshold: 0, action: 'challenge' },
      login_failures_per_ip: { threshold: 3, action: 'block' },
    }
    const here = visitor(workerWith({ LIMITS }))
    const { access_token: bearer } = await newPerson()
    const patch = (challenge?: string) => {
      const body = { username: newName(), current_password: WRONG, challenge }
      return here.call('PATCH', '/auth/me', { bearer, body })
    }
    const answers: string[] = []
    for (let solved = 1; solved <= 6; solved++) answers.push(await solve((await refused(patch())).challenge))
    const { 401: checked, ...others } = await tally(answers.map(patch))
    expect(checked).toBeLessThanOrEqual(3)
    expect(Object.keys(others).every((status) => ['403', '429'].includes(status))).toBe(true)
    expect(await refused(patch())).toMatchObject({ code: 'too_many_login_failures' })
  })

  it("one address never holds more than its own few places of somebody's identifier", async () => {
    const { name } = await newPerson()
    const attacker = visitor()
    const flood = times(100, () => attacker.logIn(name, WRONG))
    const owner = visitor().logIn(name)
    expect((await owner).status).toBe(200)
    expect(await tally(flood)).toEqual({ 401: 3, 403: 97 })
  })
})

describe('at once, from many addresses', () => {
  it('an identifier makes nobody wait: past its places the answer is a challenge at once', async () => {
    const watched = watch()
    const LIMITS = { login_failures_per_account: { threshold: 2 } }
    const fetch = workerWith({ ...watched.bindings, LIMITS })
    const { name } = await newPerson()
    await visitor(fetch).fail(newName())
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const pending = times(2, () => visitor(fetch).logIn(name))
    await vi.waitFor(() => expect(watched.counts.d1).toBe(2))
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    expect(await refused(visitor(fetch).logIn(name))).toMatchObject({ code: 'challenge_required' })
    vi.useRealTimers()
    find()
    expect(await tally(pending)).toEqual({ 200: 2 })
  })

  it('of 100 wrong log ins on one identifier exactly 10 reach the password check', async () => {
    const { name } = await newPerson()
    expect(await tally(times(100, () => visitor().logIn(name, WRONG)))).toEqual({ 401: 10, 403: 90 })
  })
})

describe('an attempt', () => {
  it('is held by waitUntil from reserve to settle: the rest of it ends with a client that hangs up', async () => {
    const watched = watch()
    const bindings = { ...env, ...watched.bindings }
    const held: Promise<unknown>[] = []
    const context = Object.assign(createExecutionContext(), {
      waitUntil: (work: Promise<unknown>) => void held.push(work),
    })
    const here = visitor(async (request) => isolateFor(bindings).app.fetch(request, bindings, context))
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

describe('what counts', () => {
  it.each([
    ['eviction of every object', evictAllDurableObjects],
    ['their abortion', abortAllDurableObjects],
  ])('outlives the %s', async (_what, lose) => {
    const here = visitor()
    const name = newName()
    await here.failTimes(2, name)
    for (let registration = 1; registration <= 3; registration++) {
      expect((await here.register({ username: newName() })).status).toBe(201)
    }
    await lose()
    await here.fail(name)
    const answer = await solve((await refused(here.logIn(name, WRONG))).challenge)
    await here.fail(name, answer)
    await lose()
    expect(await refused(here.logIn(name, WRONG))).toMatchObject({ code: 'challenge_required' })
    expect(await refused(here.logIn(name, WRONG, answer))).toMatchObject({ reasons: ['already_used'] })
    expect((await here.register({ username: newName() })).status).toBe(429)
    expect((await worker(new Request('https://auth.example.test/healthz'))).status).toBe(200)
  })

  it('is never exceeded where an object loses its memory while guesses are checked', async () => {
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    const { name } = await newPerson()
    await here.register({ username: newName() })
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    watched.reset()
    watched.fail('run', { until: found })
    const before = times(5, () => here.logIn(name, WRONG))
    await vi.waitFor(() => expect(watched.counts.d1).toBe(3))
    await abortAllDurableObjects()
    const after = times(5, () => here.logIn(name, WRONG))
    await vi.waitFor(() => expect(watched.counts.d1).toBe(6))
    find()
    expect(await tally(before)).toEqual({ 503: 5 })
    expect(await tally(after)).toEqual({ 401: 3, 403: 2 })
  })
})
