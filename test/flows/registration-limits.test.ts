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
import { newRequester, type Requester, WRONG } from '../support/requester.ts'
import { solve } from '../support/solver.ts'

afterEach(thaw)

const statusOf = async (response: Promise<Response>) => (await response).status
const newIdentifiers = () => ({ username: newName() })
const patch = (here: Requester, bearer: string, body: object) =>
  here.call('PATCH', '/auth/me', { bearer, body: { current_password: PASSWORD, ...body } })

describe('the limit of 3 registrations per IP address', () => {
  it('rejects a fourth registration until the window has moved on, and reports when that is', async () => {
    freeze()
    const here = newRequester()
    await ok(here.register(newIdentifiers()), 201)
    advance(100)
    await ok(here.register(newIdentifiers()), 201)
    advance(100)
    await ok(here.register(newIdentifiers()), 201)
    advance(0.5)
    const response = await here.register(newIdentifiers())
    expect(response.status).toBe(429)
    expect(response.headers.get('Retry-After')).toBe('100')
    const problem = await response.json()
    expect(problem).toMatchObject({ code: 'too_many_registrations', retry_after: 100 })
    expect(JSON.stringify(problem)).not.toContain('curl')
    advance(99)
    expect((await here.register(newIdentifiers())).headers.get('Retry-After')).toBe('1')
    advance(0.5)
    await ok(here.register(newIdentifiers()), 201)
  })

  it('rejects repeated registrations above the limit without an RPC, with a Retry-After that counts down', async () => {
    freeze()
    const watched = watch()
    const here = newRequester(workerWith(watched.bindings))
    for (let registration = 1; registration <= 3; registration++)
      await ok(here.register(newIdentifiers()), 201)
    const first = await here.register(newIdentifiers())
    watched.reset()
    advance(2)
    const cached = await here.register(newIdentifiers())
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    expect([first, cached].map(({ status }) => status)).toEqual([429, 429])
    expect([first, cached].map(({ headers }) => headers.get('Retry-After'))).toEqual(['300', '298'])
    expect(cached.headers.get('RateLimit')).toBe('"registrations_per_ip";r=0;t=298')
    advance(3)
    expect(await statusOf(here.register(newIdentifiers()))).toBe(429)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('allows registrations from other IP addresses and logins from the limited one', async () => {
    const here = newRequester()
    const name = newName()
    await ok(here.register({ username: name }), 201)
    for (let registration = 2; registration <= 3; registration++)
      await ok(here.register(newIdentifiers()), 201)
    await ok(newRequester().register(newIdentifiers()), 201)
    await ok(here.logIn(name))
  })
})

describe('the count of registrations', () => {
  it('counts a registration with a taken username, since it reveals that the account exists', async () => {
    const { name } = await newPerson()
    const here = newRequester()
    for (let asked = 1; asked <= 3; asked++)
      expect(await statusOf(here.register({ username: name }))).toBe(409)
    expect(await statusOf(here.register(newIdentifiers()))).toBe(429)
  })

  it('does not count a registration that is rejected for its fields', async () => {
    const here = newRequester()
    for (let refusal = 1; refusal <= 4; refusal++) {
      expect(await statusOf(here.register({ ...newIdentifiers(), password: 'short' }))).toBe(422)
      expect(await statusOf(here.register({ username: '!' }))).toBe(422)
    }
    await ok(here.register(newIdentifiers()), 201)
  })

  it('counts a PATCH that sets an identifier, even to its current value or to a taken one', async () => {
    const here = newRequester()
    const [person, other] = [await newPerson(), await newPerson()]
    const { access_token } = person
    expect(await statusOf(patch(here, access_token, { email: `${person.name}@example.com` }))).toBe(200)
    expect(await statusOf(patch(here, access_token, { username: person.name }))).toBe(200)
    expect(await statusOf(patch(here, access_token, { username: other.name }))).toBe(409)
    expect(await refused(patch(here, access_token, { username: newName() }))).toMatchObject({
      status: 429,
      code: 'too_many_registrations',
    })
    expect(await statusOf(here.register(newIdentifiers()))).toBe(429)
  })

  it('does not count a PATCH that clears an identifier or is rejected', async () => {
    const here = newRequester()
    const { access_token, name } = await newPerson()
    const phones = ['+12015550101', '+12015550102']
    await ok(patch(newRequester(), access_token, { phone: phones[0], email: `${name}@example.com` }))
    expect(await statusOf(patch(here, access_token, { phone: null }))).toBe(200)
    expect(await statusOf(patch(here, access_token, { phone: null }))).toBe(200)
    for (let wrong = 1; wrong <= 2; wrong++) {
      expect(await statusOf(patch(here, access_token, { phone: phones[1], current_password: WRONG }))).toBe(
        401,
      )
      expect(await statusOf(patch(here, access_token, { email: 'nowhere' }))).toBe(422)
    }
    for (let registration = 1; registration <= 3; registration++)
      await ok(here.register(newIdentifiers()), 201)
  })
})

describe('the rule for registrations', () => {
  it('requires a challenge for a registration if the action of the rule is "challenge"', async () => {
    const LIMITS = { registrations_per_ip: { action: 'challenge', threshold: 1 } }
    const here = newRequester(workerWith({ LIMITS }))
    await ok(here.register(newIdentifiers()), 201)
    const { code, challenge } = await refused(here.register(newIdentifiers()))
    expect(code).toBe('challenge_required')
    expect(challenge).toMatchObject({ provider: 'altcha', action: 'register' })
    const solution = await solve(challenge)
    expect(await refused(here.logIn('ada', WRONG, solution))).toMatchObject({ code: 'invalid_credentials' })
    await ok(here.register(newIdentifiers(), solution), 201)
    expect(await refused(here.register(newIdentifiers(), solution))).toMatchObject({
      reasons: ['already_used'],
    })
  })

  it('accepts one login challenge for a PATCH that several rules challenge', async () => {
    const LIMITS = { registrations_per_ip: { action: 'challenge', threshold: 0 } }
    const here = newRequester(workerWith({ LIMITS }))
    const { access_token, name } = await newPerson()
    await here.failTimes(3, name)
    const body = { email: `${name}@example.com` }
    const { challenge } = await refused(patch(here, access_token, body))
    expect(challenge).toMatchObject({ action: 'login' })
    await ok(patch(here, access_token, { ...body, challenge: await solve(challenge) }))
  })

  it('limits no registration while the rule is disabled', async () => {
    const here = newRequester(workerWith({ LIMITS: { registrations_per_ip: { enabled: false } } }))
    for (let registration = 1; registration <= 5; registration++)
      await ok(here.register(newIdentifiers()), 201)
  })

  it('rejects registrations from Workers of other zones while the rule blocks', async () => {
    const response = await newRequester(worker, '2a06:98c0:3600::103').register(newIdentifiers())
    expect(response.status).toBe(429)
    expect(response.headers.get('Retry-After')).toBe('300')
  })
})

describe('the RateLimit fields of a registration', () => {
  it('reports how many registrations remain and when the window resets', async () => {
    freeze()
    const here = newRequester()
    const fields = async (response: Promise<Response>) => (await response).headers.get('RateLimit')
    expect(await fields(here.register(newIdentifiers()))).toBe('"registrations_per_ip";r=2;t=300')
    advance(60)
    expect(await fields(here.register(newIdentifiers()))).toBe('"registrations_per_ip";r=1;t=240')
    expect(await fields(here.register(newIdentifiers()))).toBe('"registrations_per_ip";r=0;t=240')
    const response = await here.register(newIdentifiers())
    expect(response.headers.get('RateLimit')).toBe('"registrations_per_ip";r=0;t=240')
    expect(response.headers.get('RateLimit-Policy')).toBe('"registrations_per_ip";q=3;w=300')
  })
})

// Last: the settings of an operator remain.
describe('a change of the rule for registrations', () => {
  it('admits registrations at once that were cached as blocked, after the rule is changed', async () => {
    const here = newRequester()
    for (let registration = 1; registration <= 3; registration++)
      await ok(here.register(newIdentifiers()), 201)
    for (let attempt = 1; attempt <= 2; attempt++)
      expect(await statusOf(here.register(newIdentifiers()))).toBe(429)
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { threshold: 4 }))
    await ok(here.register(newIdentifiers()), 201)
    expect(await statusOf(here.register(newIdentifiers()))).toBe(429)
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { enabled: false }))
    await ok(here.register(newIdentifiers()), 201)
  })
})

describe('the response to too many registrations in development', () => {
  it('includes a working command without secrets that raises the limit for registrations', async () => {
    await ok(admin('PUT', '/admin/limits/registrations_per_ip', { enabled: true, threshold: 3 }))
    const url = 'http://localhost:8787'
    const fetch = workerWith({ ENVIRONMENT: 'development', PUBLIC_URL: url })
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': newAddress() }
    const register = () => {
      const body = JSON.stringify({ ...newIdentifiers(), password: PASSWORD })
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
