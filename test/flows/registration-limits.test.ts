import { afterEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, admin } from '../support/admin.ts'
import {
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { solve } from '../support/solver.ts'
import { type Visitor, visitor, WRONG } from '../support/visitor.ts'

afterEach(thaw)

const settle = async (response: Promise<Response>) => (await response).status
const someone = () => ({ username: newName() })
const patch = (here: Visitor, bearer: string, body: object) =>
  here.call('PATCH', '/auth/me', { bearer, body: { current_password: PASSWORD, ...body } })

describe('after 3 registrations from one address', () => {
  it('no more are taken until the window has slid, and the answer says when', async () => {
    freeze()
    const here = visitor()
    await ok(here.register(someone()), 201)
    advance(100)
    await ok(here.register(someone()), 201)
    advance(100)
    await ok(here.register(someone()), 201)
    advance(0.5)
    const answer = await here.register(someone())
    expect(answer.status).toBe(429)
    expect(answer.headers.get('Retry-After')).toBe('100')
    const problem = await answer.json()
    expect(problem).toMatchObject({ code: 'too_many_registrations', retry_after: 100 })
    expect(JSON.stringify(problem)).not.toContain('curl')
    advance(99)
    expect((await here.register(someone())).headers.get('Retry-After')).toBe('1')
    advance(0.5)
    await ok(here.register(someone()), 201)
  })

  it('one more costs one RPC alone, and neither a derivation nor a query', async () => {
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    for (let registration = 1; registration <= 3; registration++) await ok(here.register(someone()), 201)
    watched.reset()
    expect(await settle(here.register(someone()))).toBe(429)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('who goes on at once costs nothing, and is told the same, as time passes', async () => {
    freeze()
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    for (let registration = 1; registration <= 3; registration++) await ok(here.register(someone()), 201)
    const asked = await here.register(someone())
    watched.reset()
    advance(2)
    const known = await here.register(someone())
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    expect([asked, known].map(({ status }) => status)).toEqual([429, 429])
    expect([asked, known].map(({ headers }) => headers.get('Retry-After'))).toEqual(['300', '298'])
    expect(known.headers.get('RateLimit')).toBe('"registrations_per_ip";r=0;t=298')
    advance(3)
    expect(await settle(here.register(someone()))).toBe(429)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('other addresses may register, and people at this one may log in', async () => {
    const here = visitor()
    const name = newName()
    await ok(here.register({ username: name }), 201)
    for (let registration = 2; registration <= 3; registration++) await ok(here.register(someone()), 201)
    await ok(visitor().register(someone()), 201)
    await ok(here.logIn(name))
  })
})

describe('what counts as a registration', () => {
  it('is one that asked for a name that is taken: it tells who is here', async () => {
    const { name } = await newPerson()
    const here = visitor()
    for (let asked = 1; asked <= 3; asked++) expect(await settle(here.register({ username: name }))).toBe(409)
    expect(await settle(here.register(someone()))).toBe(429)
  })

  it('is none that was refused before', async () => {
    const here = visitor()
    for (let refusal = 1; refusal <= 4; refusal++) {
      expect(await settle(here.register({ ...someone(), password: 'short' }))).toBe(422)
      expect(await settle(here.register({ username: '!' }))).toBe(422)
    }
    await ok(here.register(someone()), 201)
  })

  it('is a PATCH that sets an identifier, also to its own value, or asks for one that is taken', async () => {
    const here = visitor()
    const [person, other] = [await newPerson(), await newPerson()]
    const { access_token } = person
    expect(await settle(patch(here, access_token, { email: `${person.name}@example.com` }))).toBe(200)
    expect(await settle(patch(here, access_token, { username: person.name }))).toBe(200)
    expect(await settle(patch(here, access_token, { username: other.name }))).toBe(409)
    expect(await refused(patch(here, access_token, { username: newName() }))).toMatchObject({
      status: 429,
      code: 'too_many_registrations',
    })
    expect(await settle(here.register(someone()))).toBe(429)
  })

  it('is no PATCH that clears, or was refused', async () => {
    const here = visitor()
    const { access_token, name } = await newPerson()
    const phones = ['+12015550101', '+12015550102']
    await ok(patch(visitor(), access_token, { phone: phones[0], email: `${name}@example.com` }))
    expect(await settle(patch(here, access_token, { phone: null }))).toBe(200)
    expect(await settle(patch(here, access_token, { phone: null }))).toBe(200)
    for (let wrong = 1; wrong <= 2; wrong++) {
      expect(await settle(patch(here, access_token, { phone: phones[1], current_password: WRONG }))).toBe(401)
      expect(await settle(patch(here, access_token, { email: 'nowhere' }))).toBe(422)
    }
    for (let registration = 1; registration <= 3; registration++) await ok(here.register(someone()), 201)
  })
})

describe('a rule for registrations', () => {
  it('may ask for a challenge in place of blocking', async () => {
    const LIMITS = { registrations_per_ip: { action: 'challenge', threshold: 1 } }
    const here = visitor(workerWith({ LIMITS }))
    await ok(here.register(someone()), 201)
    const { code, challenge } = await refused(here.register(someone()))
    expect(code).toBe('challenge_required')
    expect(challenge).toMatchObject({ provider: 'altcha', action: 'register' })
    const answer = await solve(challenge)
    expect(await refused(here.logIn('ada', WRONG, answer))).toMatchObject({ code: 'invalid_credentials' })
    await ok(here.register(someone(), answer), 201)
    expect(await refused(here.register(someone(), answer))).toMatchObject({ reasons: ['already_used'] })
  })

  it('that asks is met by a PATCH with one challenge for log in, whatever else asks', async () => {
    const LIMITS = { registrations_per_ip: { action: 'challenge', threshold: 0 } }
    const here = visitor(workerWith({ LIMITS }))
    const { access_token, name } = await newPerson()
    await here.failTimes(3, name)
    const body = { email: `${name}@example.com` }
    const { challenge } = await refused(patch(here, access_token, body))
    expect(challenge).toMatchObject({ action: 'login' })
    await ok(patch(here, access_token, { ...body, challenge: await solve(challenge) }))
  })

  it('that is off lets everybody register', async () => {
    const here = visitor(workerWith({ LIMITS: { registrations_per_ip: { enabled: false } } }))
    for (let registration = 1; registration <= 5; registration++) await ok(here.register(someone()), 201)
  })

  it('takes no registration from Workers of other zones where it blocks', async () => {
    const answer = await visitor(worker, '2a06:98c0:3600::103').register(someone())
    expect(answer.status).toBe(429)
    expect(answer.headers.get('Retry-After')).toBe('300')
  })
})

describe('the RateLimit fields of a registration', () => {
  it('say how many are left, and until when', async () => {
    freeze()
    const here = visitor()
    const fields = async (response: Promise<Response>) => (await response).headers.get('RateLimit')
    expect(await fields(here.register(someone()))).toBe('"registrations_per_ip";r=2;t=300')
    advance(60)
    expect(await fields(here.register(someone()))).toBe('"registrations_per_ip";r=1;t=240')
    expect(await fields(here.register(someone()))).toBe('"registrations_per_ip";r=0;t=240')
    const answer = await here.register(someone())
    expect(answer.headers.get('RateLimit')).toBe('"registrations_per_ip";r=0;t=240')
    expect(answer.headers.get('RateLimit-Policy')).toBe('"registrations_per_ip";q=3;w=300')
  })
})

// Last: what an operator sets stays.
describe('a rule that an operator changes', () => {
  it('lets those through at once that were known to be blocked', async () => {
    const here = visitor()
    for (let registration = 1; registration <= 3; registration++) await ok(here.register(someone()), 201)
    for (let attempt = 1; attempt <= 2; attempt++) expect(await settle(here.register(someone()))).toBe(429)
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { threshold: 4 }))
    await ok(here.register(someone()), 201)
    expect(await settle(here.register(someone()))).toBe(429)
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { enabled: false }))
    await ok(here.register(someone()), 201)
  })
})

describe('the answer to one registration too many, in development,', () => {
  it('tells how to go on at once, by a command that does so and has no secret in it', async () => {
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { enabled: true, threshold: 3 }))
    const url = 'http://localhost:8787'
    const fetch = workerWith({ ENVIRONMENT: 'development', PUBLIC_URL: url })
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': newAddress() }
    const register = () => {
      const body = JSON.stringify({ ...someone(), password: PASSWORD })
      return fetch(new Request(`${url}/auth/register`, { method: 'POST', headers, body }))
    }
    for (let registration = 1; registration <= 3; registration++) await ok(register(), 201)
    const { detail } = await refused(register())
    expect(detail).toContain('PUT /admin/limits/registrations_per_ip')
    expect(detail).toContain('$ADMIN_TOKEN')
    expect(detail).not.toContain(ADMIN_TOKEN)
    const [, method, address, body] = /curl -X (\S+) (\S+) .* -d '(.*)'$/.exec(detail) ?? []
    const authorized = { ...headers, Authorization: `Bearer ${ADMIN_TOKEN}` }
    const change = { method: method ?? '', headers: authorized, body: body ?? '' }
    await ok(fetch(new Request(address ?? '', change)))
    await ok(register(), 201)
  })
})
