import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ReserveRequest } from '../../src/limits/counter-rpc.ts'
import { call, newName, newPerson, ok, PASSWORD, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { newRequester, WRONG } from '../support/requester.ts'
import type { SessionList, Tokens } from '../support/responses.ts'

beforeEach(() => {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
  thaw()
})

const BEFORE = { before: true }
const AFTER = { after: true }
const UNAVAILABLE = { status: 503, code: 'unavailable' }

/** A newRequester, after one failed login, of a Worker whose dependencies may fail. */
async function watchedVisitor() {
  const watched = watch()
  const here = newRequester(workerWith(watched.bindings))
  await here.fail(newName())
  return { watched, here }
}

const isStored = async (username: string) =>
  (await env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(username).first()) !== null

async function sessionsOf({ access_token }: Tokens): Promise<number> {
  const { sessions } = await ok<SessionList>(call('GET', '/auth/sessions', { bearer: access_token }))
  return sessions.length
}

describe('an unavailable counter', () => {
  it('answers 503 to logins and registrations while a counter is unavailable, and stores nothing', async () => {
    const { watched, here } = await watchedVisitor()
    const person = await newPerson()
    const username = newName()
    watched.fail('reserve', BEFORE)
    const response = await here.logIn(person.name)
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5'])
    expect(await refused(here.register({ username }))).toMatchObject(UNAVAILABLE)
    expect(await isStored(username)).toBe(false)
    watched.mend()
    await ok(here.logIn(person.name))
    await ok(here.register({ username }), 201)
  })

  it('answers 503 only for the key of an overloaded counter', async () => {
    const overloaded = Object.assign(new Error('Durable Object is overloaded.'), { overloaded: true })
    const busy: string[] = []
    const COUNTER = new Proxy(env.COUNTER, {
      get: (of, name) => (key: string) => {
        if (name !== 'getByName') throw new Error('not used')
        busy[0] ??= key
        return key === busy[0] ? { reserve: () => Promise.reject(overloaded) } : of.getByName(key)
      },
    })
    const fetch = workerWith({ COUNTER })
    const [here, there] = [newRequester(fetch), newRequester(fetch)]
    const { name } = await newPerson()
    expect(await refused(here.logIn(name))).toMatchObject(UNAVAILABLE)
    await ok(there.logIn(name))
    expect(await refused(here.logIn(name))).toMatchObject(UNAVAILABLE)
  })
})

describe('a failed settle', () => {
  it.each([
    ['before it happens', BEFORE],
    ['after it happened', AFTER],
  ])('hides whether the password was right when settle fails %s', async (_when, fault) => {
    const { watched, here } = await watchedVisitor()
    const person = await newPerson()
    watched.fail('settle', fault)
    const wrong = await refused(here.logIn(person.name, WRONG))
    const right = await refused(here.logIn(person.name))
    expect(right).toEqual(wrong)
    expect(right).toMatchObject(UNAVAILABLE)
    expect(await sessionsOf(person)).toBe(1)
  })

  it('hides whether the password was right in the limit status, now and later, when only the identifier fails to settle', async () => {
    const shown: unknown[] = []
    for (const password of [WRONG, PASSWORD]) {
      const { name } = await newPerson()
      const first: string[] = []
      const COUNTER = new Proxy(env.COUNTER, {
        get: (of, method) => (key: string) => {
          if (method !== 'getByName') throw new Error('not used')
          first[0] ??= key
          const stub = of.getByName(key)
          const settle = () => Promise.reject(new Error('gone'))
          return key === first[0]
            ? stub
            : { settle, reserve: (request: ReserveRequest) => stub.reserve(request) }
        },
      })
      const here = newRequester()
      await here.fail(name)
      const response = await newRequester(workerWith({ COUNTER }), here.address).logIn(name, password)
      const next = await here.logIn(name, WRONG)
      shown.push(
        [response, next].map(({ status, headers }) => [status, headers.get('RateLimit')?.split(';t')[0]]),
      )
    }
    expect(shown[0]).toEqual(shown[1])
    expect(shown[0]).toMatchObject([
      [503, expect.any(String)],
      [401, expect.any(String)],
    ])
  })

  it('keeps a registration when settle fails, since it is stored and counted before', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('settle', BEFORE)
    for (let registration = 1; registration <= 3; registration++) {
      await ok(here.register({ username: newName() }), 201)
    }
    watched.mend()
    freeze(Date.now() + 41_000)
    expect((await here.register({ username: newName() })).status).toBe(429)
  })
})

describe('a failed registration', () => {
  const registerThree = async (here: ReturnType<typeof newRequester>) => {
    for (let registration = 1; registration <= 3; registration++) {
      await ok(here.register({ username: newName() }), 201)
    }
    expect((await here.register({ username: newName() })).status).toBe(429)
  }

  it.each([
    ['D1 is unavailable', 'batch'],
    ['its counter is unavailable', 'reserve'],
  ])('counts no registration when %s', async (_why, name) => {
    const { watched, here } = await watchedVisitor()
    watched.fail(name, BEFORE)
    for (let time = 1; time <= 4; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    }
    watched.mend()
    await registerThree(here)
  })

  it('counts no registration when the result of its counter is lost', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('reserve', AFTER)
    for (let time = 1; time <= 4; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    }
    watched.mend()
    await registerThree(here)
  })

  it('counts a registration when the account is stored and only its session is not', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('open', BEFORE)
    for (let time = 1; time <= 3; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject({ registered: true })
    }
    watched.mend()
    expect((await here.register({ username: newName() })).status).toBe(429)
  })
})

describe('unavailable settings', () => {
  const change = (threshold: number) =>
    env.DB.prepare(
      `INSERT INTO settings VALUES (1, ?1, 1, 'admin_token') ON CONFLICT DO UPDATE SET document = excluded.document`,
    )
      .bind(JSON.stringify({ rules: { login_failures_per_ip: { threshold } } }))
      .run()
  afterEach(() => env.DB.prepare('DELETE FROM settings').run())

  const policyOf = async (here: ReturnType<typeof newRequester>, name: string) =>
    (await here.logIn(name)).headers.get('RateLimit-Policy')

  it('applies the last known settings while D1 is unavailable, and new ones within 30 s of its return', async () => {
    freeze()
    await change(7)
    const { watched, here } = await watchedVisitor()
    const { name } = await newPerson()
    await change(9)
    advance(19)
    expect(await policyOf(here, name)).toContain('q=7')
    watched.fail('read', BEFORE)
    for (let minute = 1; minute <= 60; minute += 20) {
      advance(60)
      expect(await policyOf(here, name)).toContain('q=7')
    }
    watched.mend()
    advance(30)
    expect(await policyOf(here, name)).toContain('q=9')
  })

  it('answers 503 to registrations and logins before the first read of the settings, since registration may be closed', async () => {
    freeze()
    await env.DB.prepare(`INSERT INTO settings VALUES (1, '{"registration_open":false}', 1, 'x')`).run()
    const watched = watch()
    const here = newRequester(workerWith(watched.bindings))
    watched.fail('read', BEFORE)
    expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    expect(await refused(here.logIn(newName()))).toMatchObject(UNAVAILABLE)
    watched.mend()
    expect(await refused(here.register({ username: newName() }))).toMatchObject({
      code: 'registration_closed',
    })
    watched.fail('read', BEFORE)
    advance(60)
    expect(await refused(here.register({ username: newName() }))).toMatchObject({
      code: 'registration_closed',
    })
  })
})
