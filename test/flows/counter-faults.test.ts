import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AttemptCounters } from '../../src/limits/attempt-counter.ts'
import type { ReserveRequest } from '../../src/limits/counter-rpc.ts'
import {
  call,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { solve } from '../support/solver.ts'
import { visitor, WRONG } from '../support/visitor.ts'

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

/** A visitor of a Worker whose dependencies may fail, after one failed log in. */
async function watchedVisitor() {
  const watched = watch()
  const here = visitor(workerWith(watched.bindings))
  await here.fail(newName())
  return { watched, here }
}

const isStored = async (username: string) =>
  (await env.DB.prepare('SELECT 1 FROM accounts WHERE username = ?1').bind(username).first()) !== null

async function sessionsOf({ access_token }: Tokens): Promise<number> {
  const { sessions } = await ok<{ sessions: object[] }>(
    call('GET', '/auth/sessions', { bearer: access_token }),
  )
  return sessions.length
}

describe('a counter out of reach', () => {
  it('lets nobody log in or register, and leaves nothing behind', async () => {
    const { watched, here } = await watchedVisitor()
    const person = await newPerson()
    const username = newName()
    watched.fail('reserve', BEFORE)
    const answer = await here.logIn(person.name)
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '5'])
    expect(await refused(here.register({ username }))).toMatchObject(UNAVAILABLE)
    expect(await isStored(username)).toBe(false)
    watched.mend()
    await ok(here.logIn(person.name))
    await ok(here.register({ username }), 201)
  })

  it('is out of reach for its own key alone', async () => {
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
    const [here, there] = [visitor(fetch), visitor(fetch)]
    const { name } = await newPerson()
    expect(await refused(here.logIn(name))).toMatchObject(UNAVAILABLE)
    await ok(there.logIn(name))
    expect(await refused(here.logIn(name))).toMatchObject(UNAVAILABLE)
  })

  it('for the identifier gives back the place at the address', async () => {
    const { here } = await watchedVisitor()
    const { name } = await newPerson()
    const client: string[] = []
    const COUNTER = new Proxy(env.COUNTER, {
      get: (of, name) => (key: string) => {
        if (name !== 'getByName') throw new Error('not used')
        client[0] ??= key
        return key === client[0] ? of.getByName(key) : { reserve: () => Promise.reject(new Error('gone')) }
      },
    })
    const broken = visitor(workerWith({ COUNTER }), here.address)
    for (let time = 1; time <= 5; time++) expect(await refused(broken.logIn(name))).toMatchObject(UNAVAILABLE)
    const answer = await here.logIn(name)
    expect(answer.headers.get('RateLimit')).toContain('r=2')
  })
})

describe('a settle that fails', () => {
  it.each([
    ['before it is heard', BEFORE],
    ['after', AFTER],
  ])('%s withholds whether the password was right: wrong and right look alike', async (_when, fault) => {
    const { watched, here } = await watchedVisitor()
    const person = await newPerson()
    watched.fail('settle', fault)
    const wrong = await refused(here.logIn(person.name, WRONG))
    const right = await refused(here.logIn(person.name))
    expect(right).toEqual(wrong)
    expect(right).toMatchObject(UNAVAILABLE)
    expect(await sessionsOf(person)).toBe(1)
  })

  it('at the identifier alone tells nothing by what the address shows, then or afterwards', async () => {
    const shown: unknown[] = []
    for (const password of [WRONG, PASSWORD]) {
      const { name } = await newPerson()
      const first: string[] = []
      const COUNTER = new Proxy(env.COUNTER, {
        get: (of, method) => (key: string) => {
          if (method !== 'getByName') throw new Error('not used')
          first[0] ??= key
          const stub = of.getByName(key) as unknown as AttemptCounters
          const settle = () => Promise.reject(new Error('gone'))
          return key === first[0]
            ? stub
            : { settle, reserve: (request: ReserveRequest) => stub.reserve(request) }
        },
      })
      const here = visitor()
      await here.fail(name)
      const answer = await visitor(workerWith({ COUNTER }), here.address).logIn(name, password)
      const next = await here.logIn(name, WRONG)
      shown.push(
        [answer, next].map(({ status, headers }) => [status, headers.get('RateLimit')?.split(';t')[0]]),
      )
    }
    expect(shown[0]).toEqual(shown[1])
    expect(shown[0]).toMatchObject([
      [503, expect.any(String)],
      [401, expect.any(String)],
    ])
  })

  it.each([
    ['PUT', '/auth/me/password', { new_password: 'quite another passphrase' }],
    ['PATCH', '/auth/me', { username: 'nobody.else.has.this' }],
    ['DELETE', '/auth/me', {}],
  ])('leaves the account as it was: %s %s', async (method, path, change) => {
    const { watched, here } = await watchedVisitor()
    const { access_token: bearer, name } = await newPerson()
    watched.fail('settle', BEFORE)
    const body = { current_password: PASSWORD, ...change }
    expect(await refused(here.call(method, path, { bearer, body }))).toMatchObject(UNAVAILABLE)
    await ok(visitor().logIn(name))
  })

  it('does not undo a registration, which was stored and counted before', async () => {
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

describe('a registration that comes to nothing', () => {
  const three = async (here: ReturnType<typeof visitor>) => {
    for (let registration = 1; registration <= 3; registration++) {
      await ok(here.register({ username: newName() }), 201)
    }
    expect((await here.register({ username: newName() })).status).toBe(429)
  }

  it.each([
    ['the database is out of reach', 'batch'],
    ['its counter was out of reach', 'reserve'],
  ])('does not count where %s', async (_why, name) => {
    const { watched, here } = await watchedVisitor()
    watched.fail(name, BEFORE)
    for (let time = 1; time <= 4; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    }
    watched.mend()
    await three(here)
  })

  it('does not count where the answer of its counter was lost', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('reserve', AFTER)
    for (let time = 1; time <= 4; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    }
    watched.mend()
    await three(here)
  })

  it('counts where nobody knows whether it was stored', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('batch', AFTER)
    watched.fail('run', BEFORE)
    const names = [newName(), newName(), newName()]
    for (const username of names)
      expect(await refused(here.register({ username }))).toMatchObject(UNAVAILABLE)
    watched.mend()
    expect(await Promise.all(names.map(isStored))).toEqual([true, true, true])
    expect((await here.register({ username: newName() })).status).toBe(429)
  })

  it('counts where the account is stored and only its session is not', async () => {
    const { watched, here } = await watchedVisitor()
    watched.fail('open', BEFORE)
    for (let time = 1; time <= 3; time++) {
      expect(await refused(here.register({ username: newName() }))).toMatchObject({ registered: true })
    }
    watched.mend()
    expect((await here.register({ username: newName() })).status).toBe(429)
  })
})

describe('a database out of reach', () => {
  it('neither counts as a failure nor clears one', async () => {
    const { watched, here } = await watchedVisitor()
    const { name } = await newPerson()
    watched.fail('run', BEFORE)
    for (let time = 1; time <= 4; time++)
      expect(await refused(here.logIn(name, WRONG))).toMatchObject(UNAVAILABLE)
    watched.mend()
    expect((await here.logIn(name)).headers.get('RateLimit')).toContain('r=2')
  })
})

describe('a challenge whose nonce cannot be claimed', () => {
  it('lets nobody through, and is not used up', async () => {
    const { watched, here } = await watchedVisitor()
    const { name } = await newPerson()
    await here.failTimes(2, name)
    const answer = await solve((await refused(here.logIn(name))).challenge)
    watched.fail('claim', BEFORE)
    expect(await refused(here.logIn(name, PASSWORD, answer))).toMatchObject(UNAVAILABLE)
    watched.mend()
    await ok(here.logIn(name, PASSWORD, answer))
  })

  it('is used up where only the answer was lost', async () => {
    const { watched, here } = await watchedVisitor()
    const { name } = await newPerson()
    await here.failTimes(2, name)
    const answer = await solve((await refused(here.logIn(name))).challenge)
    watched.fail('claim', AFTER)
    expect(await refused(here.logIn(name, PASSWORD, answer))).toMatchObject(UNAVAILABLE)
    watched.mend()
    expect(await refused(here.logIn(name, PASSWORD, answer))).toMatchObject({ reasons: ['already_used'] })
  })
})

describe('the settings out of reach', () => {
  const change = (threshold: number) =>
    env.DB.prepare(
      `INSERT INTO settings VALUES (1, ?1, 1, 'admin_token') ON CONFLICT DO UPDATE SET document = excluded.document`,
    )
      .bind(JSON.stringify({ rules: { login_failures_per_ip: { threshold } } }))
      .run()
  afterEach(() => env.DB.prepare('DELETE FROM settings').run())

  const policyOf = async (here: ReturnType<typeof visitor>, name: string) =>
    (await here.logIn(name)).headers.get('RateLimit-Policy')

  it('leave the last known in force, and then the new ones within 30 s of their return', async () => {
    freeze()
    await change(7)
    const { watched, here } = await watchedVisitor()
    const { name } = await newPerson()
    await change(9)
    advance(24)
    expect(await policyOf(here, name)).toContain('q=7')
    watched.fail('all', BEFORE)
    for (let minute = 1; minute <= 60; minute += 20) {
      advance(60)
      expect(await policyOf(here, name)).toContain('q=7')
    }
    watched.mend()
    advance(5)
    expect(await policyOf(here, name)).toContain('q=9')
  })

  it('open no registration that may be closed: where they were never read, nobody registers', async () => {
    freeze()
    await env.DB.prepare(`INSERT INTO settings VALUES (1, '{"registration_open":false}', 1, 'x')`).run()
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    watched.fail('all', BEFORE)
    expect(await refused(here.register({ username: newName() }))).toMatchObject(UNAVAILABLE)
    watched.mend()
    advance(5)
    expect(await refused(here.register({ username: newName() }))).toMatchObject({
      code: 'registration_closed',
    })
    watched.fail('all', BEFORE)
    advance(60)
    expect(await refused(here.register({ username: newName() }))).toMatchObject({
      code: 'registration_closed',
    })
  })

  it('leave the default rules in force where they were never read', async () => {
    freeze()
    await change(7)
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    watched.fail('all', BEFORE)
    const { name } = await newPerson()
    expect(await policyOf(here, name)).toContain('q=3')
    watched.mend()
    advance(4)
    expect(await policyOf(here, name)).toContain('q=3')
    advance(1)
    expect(await policyOf(here, name)).toContain('q=7')
  })
})
