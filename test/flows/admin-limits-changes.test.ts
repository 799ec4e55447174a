import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ADMIN_TOKEN, admin as adminOf, codeOf } from '../support/admin.ts'
import {
  call,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { changeLimits, DEFAULTS, readLimits, resetSettings } from '../support/limits.ts'
import { newRequester } from '../support/requester.ts'

/** A new isolate for each test, so that none knows what another changed. */
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

const admin = (method: string, path: string, body?: unknown, bearer = ADMIN_TOKEN) =>
  adminOf(method, path, body, fetch, bearer)
const currentLimits = () => readLimits(fetch)
const update = (body: unknown, path?: string) => changeLimits(fetch, body, path)

describe('the validation of a change', () => {
  const rule = (name: string, fields: object) => ({ rules: { [name]: fields } })

  it.each<[string, unknown, string[]]>([
    ['a field named __proto__', '{"__proto__":{}}', ['__proto__']],
    ['an unknown field', { registration_opne: true }, ['registration_opne']],
    ['an unknown rule', rule('x', {}), ['rules']],
    ['an unknown field of a rule', rule('registrations_per_ip', { treshold: 1 }), ['rules']],
    ['a registration_open that is not a boolean', { registration_open: 'no' }, ['registration_open']],
    ['an enabled that is not a boolean', rule('registrations_per_ip', { enabled: 1 }), ['rules']],
    ['a window of 0', rule('registrations_per_ip', { window_seconds: 0 }), ['rules']],
    ['a window of more than 30 days', rule('registrations_per_ip', { window_seconds: 2_592_001 }), ['rules']],
    ['a window of half a second', rule('registrations_per_ip', { window_seconds: 0.5 }), ['rules']],
    ['a threshold below 0', rule('registrations_per_ip', { threshold: -1 }), ['rules']],
    ['a threshold above 1,000', rule('registrations_per_ip', { threshold: 1_001 }), ['rules']],
    ['a threshold that is text', rule('registrations_per_ip', { threshold: '3' }), ['rules']],
    ['an unknown action', rule('registrations_per_ip', { action: 'allow' }), ['rules']],
    ['a rule per account that blocks', rule('login_failures_per_account', { action: 'block' }), ['rules']],
    [
      'a rule for clients that challenges',
      rule('client_failures_per_ip', { action: 'challenge' }),
      ['rules'],
    ],
    [
      'a list that is not an array',
      { registration_allow: { emails: 'a@example.com' } },
      ['registration_allow'],
    ],
    [
      'entries with control characters',
      { registration_allow: { emails: ['a@b.example\n'], email_domains: ['b.example\0'] } },
      ['registration_allow', 'registration_allow'],
    ],
    [
      'an invisible character within a username',
      { registration_allow: { usernames: ['gr\ufe00ace'] } },
      ['registration_allow'],
    ],
    ['a null entry', { registration_allow: { emails: [null] } }, ['registration_allow']],
    ['an unknown list', { registration_allow: { email: [] } }, ['registration_allow']],
    [
      'an invalid entry in every list',
      { registration_allow: { emails: ['a'], phones: ['1'], usernames: ['!'], email_domains: ['1.2'] } },
      ['registration_allow', 'registration_allow', 'registration_allow', 'registration_allow'],
    ],
    [
      'several invalid fields',
      { registration_open: 1, ...rule('registrations_per_ip', { threshold: -1, window_seconds: 0 }) },
      ['registration_open', 'rules', 'rules'],
    ],
  ])('rejects limits with %s, and names every invalid field', async (_what, body, fields) => {
    const problem = await refused(admin('PUT', '/admin/limits', body))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(problem.errors?.map(({ field }) => field).toSorted()).toEqual(fields)
    expect(await currentLimits()).toEqual(DEFAULTS)
  })

  it('names the path of an invalid value below its field', async () => {
    const problem = await refused(
      admin('PUT', '/admin/limits', rule('registrations_per_ip', { threshold: -1 })),
    )
    expect(problem.errors).toEqual([
      { field: 'rules', message: 'registrations_per_ip.threshold: Must be a whole number from 0 to 1000.' },
    ])
    expect(
      await refused(admin('PUT', '/admin/limits/registrations_per_ip', '{"__proto__":{}}')),
    ).toMatchObject({
      errors: [{ field: '__proto__' }],
    })
    const objects = { registration_allow: [], rules: { registrations_per_ip: 3 } }
    expect((await refused(admin('PUT', '/admin/limits', objects))).errors).toEqual([
      { field: 'registration_allow', message: 'Must be an object.' },
      { field: 'rules', message: 'registrations_per_ip: Must be an object.' },
    ])
    const ofRule = await refused(admin('PUT', '/admin/limits/registrations_per_ip', { threshold: -1, x: 1 }))
    expect(ofRule.errors).toEqual([
      { field: 'threshold', message: 'Must be a whole number from 0 to 1000.' },
      { field: 'x', message: 'Unknown field.' },
    ])
    const body = { action: 'block', threshold: -1 }
    const ofIdentifier = await refused(admin('PUT', '/admin/limits/login_failures_per_account', body))
    expect(ofIdentifier.errors?.map(({ field }) => field)).toEqual(['threshold', 'action'])
  })

  it('answers 404 to every caller for an unknown rule', async () => {
    for (const bearer of [ADMIN_TOKEN, 'x']) {
      expect(await codeOf(admin('GET', '/admin/limits/toString', undefined, bearer))).toBe('not_found')
      expect(await codeOf(admin('GET', '/admin/limits/x', undefined, bearer))).toBe('not_found')
      expect(await codeOf(admin('PUT', '/admin/limits/x', {}, bearer))).toBe('not_found')
    }
  })

  it('requires a JSON body to change the limits, and allows no other method', async () => {
    expect(await codeOf(call('PUT', '/admin/limits', { bearer: ADMIN_TOKEN }))).toBe('unsupported_media_type')
    expect(await codeOf(admin('PUT', '/admin/limits', '['))).toBe('malformed_json')
    const response = await admin('PATCH', '/admin/limits', {})
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'GET, HEAD, PUT'])
  })
})

describe('the effect of a change', () => {
  it('applies new limits at once in their own isolate, and within 30 s in every other', async () => {
    const [here, there] = [newRequester(fetch), newRequester(workerWith({}))]
    const name = newName()
    for (const somebody of [here, there]) await somebody.fail(name)
    await update({ threshold: 1 }, '/admin/limits/login_failures_per_ip')
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
    advance(24)
    await there.fail(name)
    advance(6)
    expect(await codeOf(there.logIn(name))).toBe('challenge_required')
  })

  it('applies new limits even if a read of the old ones is still pending', async () => {
    const { promise: read, resolve: goOn } = Promise.withResolvers<void>()
    const watched = watch()
    fetch = workerWith(watched.bindings)
    const here = newRequester(fetch)
    await here.fail(newName())
    advance(30)
    watched.fail('read', { until: read })
    const reading = here.logIn(newName())
    await vi.waitFor(() => expect(watched.counts.d1).toBeGreaterThan(0))
    await update({ threshold: 1 }, '/admin/limits/login_failures_per_ip')
    goOn()
    expect(await codeOf(reading)).toBe('challenge_required')
    expect(await codeOf(here.logIn(newName()))).toBe('challenge_required')
  })

  it('keeps a later change of the limits when an earlier one completes after it', async () => {
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>()
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await currentLimits()
    watched.reset()
    watched.fail('batch', { until: later })
    const first = update({ rules: { registrations_per_ip: { threshold: 9 } } })
    await vi.waitFor(() => expect(watched.counts.d1).toBe(1))
    watched.mend()
    await update({ registration_open: false })
    goOn()
    expect(await first).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 9 } },
    })
    expect(await codeOf(newRequester(fetch).register({ username: newName() }))).toBe('registration_closed')
  })

  it('applies new limits to a request whose body is still arriving', async () => {
    await currentLimits()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': newAddress() }
    const request = new Request(`${PUBLIC_URL}/auth/register`, { method: 'POST', headers, body: readable })
    const response = fetch(request)
    const writer = writable.getWriter()
    const body = new TextEncoder().encode(JSON.stringify({ username: newName(), password: PASSWORD }))
    await writer.write(body.slice(0, 5))
    await env.DB.prepare(`INSERT INTO settings VALUES (1, '{"registration_open":false}', 1, 'x')`).run()
    advance(30)
    await writer.write(body.slice(5))
    await writer.close()
    expect(await codeOf(response)).toBe('registration_closed')
  })

  it('applies new thresholds and windows to failures already counted', async () => {
    const here = newRequester(fetch)
    const { name } = await newPerson()
    await here.failTimes(3, newName())
    await update({ threshold: 5 }, '/admin/limits/login_failures_per_ip')
    await ok(here.logIn(name))
    await update({ threshold: 3 }, '/admin/limits/login_failures_per_ip')
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
    advance(100)
    await update({ window_seconds: 100 }, '/admin/limits/login_failures_per_ip')
    await ok(here.logIn(name))
  })

  it('switches a rule off and on again', async () => {
    const here = newRequester(fetch)
    for (let registration = 1; registration <= 3; registration++)
      await ok(here.register({ username: newName() }), 201)
    expect(await codeOf(here.register({ username: newName() }))).toBe('too_many_registrations')
    await update({ enabled: false }, '/admin/limits/registrations_per_ip')
    await ok(here.register({ username: newName() }), 201)
    await update({ enabled: true }, '/admin/limits/registrations_per_ip')
    expect(await codeOf(here.register({ username: newName() }))).toBe('too_many_registrations')
  })
})

describe('restricted registration', () => {
  const register = (identifiers: object, password = PASSWORD) =>
    codeOf(newRequester(fetch).register({ password, ...identifiers }))

  it('rejects every registration while registration is closed, before the password is checked or counted', async () => {
    await update({ registration_open: false })
    expect(await register({ username: newName() })).toBe('registration_closed')
    expect(await register({ username: newName() }, 'short')).toBe('registration_closed')
    expect(await register({ username: '!' })).toBe('invalid_request')
    const headers = { 'CF-Connecting-IP': '' }
    const body = { username: newName(), password: PASSWORD }
    expect(await codeOf(call('POST', '/auth/register', { body, headers }, fetch))).toBe('registration_closed')
    const { access_token, name } = await newPerson()
    const change = { email: `${name}@example.com`, current_password: PASSWORD }
    await ok(call('PATCH', '/auth/me', { bearer: access_token, body: change }, fetch))
  })

  it('allows registration only with an identifier on the allow list', async () => {
    const listed = `Ŝtraße.${newName().slice(-8)}`
    await update({
      registration_allow: {
        email_domains: ['Staff.Example\u200b', 'bücher.example'],
        emails: ['\u202aGuest@Example.com\u202c '],
        phones: ['\uff0b1\u2009(201)\u2009555\u20110123\u00a0'],
        usernames: [`${listed} `],
      },
    })
    const name = newName()
    expect(await register({ email: `${name}@staff.example` })).toBe('ok')
    expect(await register({ email: `${name}@xn--bcher-kva.example` })).toBe('ok')
    expect(await register({ email: 'guest@example.com' })).toBe('ok')
    expect(await register({ phone: '+12015550123' })).toBe('ok')
    expect(await register({ username: listed.toUpperCase() })).toBe('ok')
    expect(await register({ username: newName(), email: `${name}.2@staff.example` })).toBe('ok')
    for (const identifiers of [
      { username: newName() },
      { email: `${name}@example.com` },
      { email: `${name}@sub.staff.example` },
      { email: `staff.example@${name}.example` },
      { username: 'staff.example' },
      { phone: '+12015550124' },
    ]) {
      expect(await register(identifiers)).toBe('registration_not_allowed')
      expect(await register(identifiers, 'short')).toBe('registration_not_allowed')
    }
  })

  it('applies the allow list to changed identifiers, and allows clearing one', async () => {
    const { access_token, name } = await newPerson()
    await update({ registration_allow: { email_domains: ['staff.example'] } })
    const patch = (identifiers: object, password = PASSWORD) => {
      const body = { current_password: password, ...identifiers }
      return codeOf(call('PATCH', '/auth/me', { bearer: access_token, body }, fetch))
    }
    expect(await patch({ email: `${name}@example.com` })).toBe('registration_not_allowed')
    expect(await patch({ email: `${name}@example.com` }, 'wrong')).toBe('registration_not_allowed')
    expect(await patch({ email: `${name}@staff.example` })).toBe('ok')
    expect(await patch({ username: null })).toBe('ok')
  })

  it('opens registration to everyone when every allow list is empty', async () => {
    await update({ registration_allow: { emails: ['guest@example.com'] } })
    expect(await register({ username: newName() })).toBe('registration_not_allowed')
    await update({ registration_allow: { emails: [] } })
    expect(await register({ username: newName() })).toBe('ok')
  })
})
