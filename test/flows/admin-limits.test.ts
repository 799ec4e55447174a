import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import {
  call,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  type Problem,
  PUBLIC_URL,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant } from '../support/database.ts'
import { visitor } from '../support/visitor.ts'

const ADMIN_TOKEN = String(env.ADMIN_TOKEN)
const DEFAULTS = {
  registration_open: true,
  registration_allow: { email_domains: [], emails: [], phones: [], usernames: [] },
  rules: {
    registrations_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'block' },
    login_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' },
    login_failures_per_account: { enabled: true, window_seconds: 900, threshold: 10, action: 'challenge' },
    client_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 10, action: 'block' },
  },
  updated_at: null,
  updated_by: null,
}

/** An isolate of its own, so that no test knows what another changed. */
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

const admin = (method: string, path: string, body?: unknown, bearer = ADMIN_TOKEN) =>
  call(method, path, { bearer, ...(body === undefined ? {} : { body }) }, fetch)
const see = () => ok(admin('GET', '/admin/limits'))
const put = (body: unknown, path = '/admin/limits') => ok(admin('PUT', path, body))

async function codeOf(response: Promise<Response>): Promise<string> {
  const answer = await response
  return answer.ok ? 'ok' : ((await answer.json()) as Problem).code
}

describe('the limits', () => {
  it('are the defaults until somebody changes them', async () => {
    expect(await see()).toEqual(DEFAULTS)
    expect(await ok(admin('GET', '/admin/limits/registrations_per_ip'))).toEqual(
      DEFAULTS.rules.registrations_per_ip,
    )
  })

  it('are those of LIMITS, where the deployment has its own', async () => {
    const LIMITS = { login_failures_per_ip: { threshold: 5 } }
    const limits = await ok(call('GET', '/admin/limits', { bearer: ADMIN_TOKEN }, workerWith({ LIMITS })))
    const { login_failures_per_ip: rule } = DEFAULTS.rules
    expect(limits).toMatchObject({
      rules: { ...DEFAULTS.rules, login_failures_per_ip: { ...rule, threshold: 5 } },
    })
  })

  it('change in any part, and the rest stays', async () => {
    const changed = await put({ rules: { registrations_per_ip: { threshold: 10 } } })
    const rules = {
      ...DEFAULTS.rules,
      registrations_per_ip: { ...DEFAULTS.rules.registrations_per_ip, threshold: 10 },
    }
    const stamp = { updated_at: '2096-10-02T07:06:40Z', updated_by: 'admin_token' }
    expect(changed).toEqual({ ...DEFAULTS, rules, ...stamp })
    expect(await see()).toEqual(changed)
    advance(60)
    const closed = await put({ registration_open: false, registration_allow: { emails: ['A@Example.com'] } })
    expect(closed).toEqual({
      rules,
      registration_open: false,
      registration_allow: { ...DEFAULTS.registration_allow, emails: ['a@example.com'] },
      updated_at: '2096-10-02T07:07:40Z',
      updated_by: 'admin_token',
    })
  })

  it('change rule by rule', async () => {
    const path = '/admin/limits/login_failures_per_ip'
    const rule = { enabled: false, window_seconds: 60, threshold: 0, action: 'block' }
    expect(await put({ window_seconds: 60 }, path)).toEqual({
      ...rule,
      enabled: true,
      threshold: 3,
      action: 'challenge',
    })
    expect(await put(rule, path)).toEqual(rule)
    expect(await put({}, path)).toEqual(rule)
    expect(await ok(admin('GET', path))).toEqual(rule)
    expect(await see()).toMatchObject({ rules: { ...DEFAULTS.rules, login_failures_per_ip: rule } })
  })

  it('take an answer of theirs as a change', async () => {
    const answer = await put({ rules: { registrations_per_ip: { threshold: 10 } } })
    expect(await put(answer)).toEqual(answer)
  })

  it('take null for nothing said', async () => {
    await put({ registration_open: false, rules: { registrations_per_ip: { threshold: 10 } } })
    const nothing = {
      registration_open: null,
      rules: { registrations_per_ip: { threshold: null }, client_failures_per_ip: null },
    }
    expect(await put(nothing)).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 10 } },
    })
  })

  it('stay as they are, and unrecorded, where nothing is said', async () => {
    for (const nothing of [
      {},
      { rules: {} },
      { rules: { registrations_per_ip: {} }, registration_allow: {} },
    ]) {
      expect(await put(nothing)).toEqual(DEFAULTS)
    }
    expect(await put({}, '/admin/limits/registrations_per_ip')).toEqual(DEFAULTS.rules.registrations_per_ip)
    const { results } = await env.DB.prepare('SELECT * FROM settings_changes').all()
    expect(results).toEqual([])
  })

  it('keep both of two changes at once that differ in their fields', async () => {
    await Promise.all([
      put({ threshold: 7 }, '/admin/limits/registrations_per_ip'),
      put({ window_seconds: 77 }, '/admin/limits/registrations_per_ip'),
      put({ registration_open: false }),
    ])
    expect(await see()).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 7, window_seconds: 77 } },
    })
  })

  it('are recorded: who changed what and when', async () => {
    const { person, token } = await administrator()
    await put({ registration_open: false })
    advance(60)
    await ok(admin('PUT', '/admin/limits/client_failures_per_ip', { threshold: 4 }, token))
    expect(await see()).toMatchObject({ updated_by: person.user.id, updated_at: '2096-10-02T07:07:40Z' })
    const { results } = await env.DB.prepare(
      'SELECT changed_at, changed_by, change FROM settings_changes',
    ).all()
    expect(results).toEqual([
      { changed_at: 4_000_000_000, changed_by: 'admin_token', change: '{"registration_open":false}' },
      {
        changed_at: 4_000_000_060,
        changed_by: person.user.id,
        change: '{"rules":{"client_failures_per_ip":{"threshold":4}}}',
      },
    ])
  })

  it('are out of reach with D1: what stands there is what is shown', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await see()
    watched.fail('all', { before: true })
    const answer = await admin('GET', '/admin/limits')
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '5'])
  })

  it('are for the configured origins of a browser, as every other call', async () => {
    const headers = { Origin: 'https://app.example.test' }
    const answer = await call('GET', '/admin/limits', { bearer: ADMIN_TOKEN, headers }, fetch)
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const head = await call('HEAD', '/admin/limits', { bearer: ADMIN_TOKEN }, fetch)
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('and their record change together or not at all', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await see()
    watched.fail('batch', { before: true })
    expect(await refused(admin('PUT', '/admin/limits', { registration_open: false }))).toMatchObject({
      status: 503,
    })
    watched.mend()
    expect(await see()).toEqual(DEFAULTS)
  })
})

describe('a change', () => {
  const rule = (name: string, fields: object) => ({ rules: { [name]: fields } })

  it.each<[string, unknown, string[]]>([
    ['a field that no object should have', '{"__proto__":{}}', ['__proto__']],
    ['an unknown field', { registration_opne: true }, ['registration_opne']],
    ['an unknown rule', rule('x', {}), ['rules']],
    ['an unknown field of a rule', rule('registrations_per_ip', { treshold: 1 }), ['rules']],
    ['a switch that is no boolean', { registration_open: 'no' }, ['registration_open']],
    ['an enabled that is no boolean', rule('registrations_per_ip', { enabled: 1 }), ['rules']],
    ['a window of 0', rule('registrations_per_ip', { window_seconds: 0 }), ['rules']],
    ['a window of more than 30 days', rule('registrations_per_ip', { window_seconds: 2_592_001 }), ['rules']],
    ['half a second', rule('registrations_per_ip', { window_seconds: 0.5 }), ['rules']],
    ['a threshold below 0', rule('registrations_per_ip', { threshold: -1 }), ['rules']],
    ['a threshold above 1,000', rule('registrations_per_ip', { threshold: 1_001 }), ['rules']],
    ['a threshold that is text', rule('registrations_per_ip', { threshold: '3' }), ['rules']],
    ['an unknown action', rule('registrations_per_ip', { action: 'allow' }), ['rules']],
    ['an identifier that is blocked', rule('login_failures_per_account', { action: 'block' }), ['rules']],
    ['a client that is challenged', rule('client_failures_per_ip', { action: 'challenge' }), ['rules']],
    ['a list that is none', { registration_allow: { emails: 'a@example.com' } }, ['registration_allow']],
    [
      'entries with control characters',
      { registration_allow: { emails: ['a@b.example\n'], email_domains: ['b.example\0'] } },
      ['registration_allow', 'registration_allow'],
    ],
    [
      'a username that shows something else',
      { registration_allow: { usernames: ['gr\ufe00ace'] } },
      ['registration_allow'],
    ],
    ['entries that are null', { registration_allow: { emails: [null] } }, ['registration_allow']],
    ['an unknown list', { registration_allow: { email: [] } }, ['registration_allow']],
    [
      'entries that are none',
      { registration_allow: { emails: ['a'], phones: ['1'], usernames: ['!'], email_domains: ['1.2'] } },
      ['registration_allow', 'registration_allow', 'registration_allow', 'registration_allow'],
    ],
    [
      'several at once',
      { registration_open: 1, ...rule('registrations_per_ip', { threshold: -1, window_seconds: 0 }) },
      ['registration_open', 'rules', 'rules'],
    ],
  ])('with %s is refused, and every field named', async (_what, body, fields) => {
    const problem = await refused(admin('PUT', '/admin/limits', body))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_request' })
    expect(problem.errors?.map(({ field }) => field).toSorted()).toEqual(fields)
    expect(await see()).toEqual(DEFAULTS)
  })

  it('says where below a field the mistake is', async () => {
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

  it('of an unknown rule is 404, whoever asks', async () => {
    for (const bearer of [ADMIN_TOKEN, 'x']) {
      expect(await codeOf(admin('GET', '/admin/limits/toString', undefined, bearer))).toBe('not_found')
      expect(await codeOf(admin('GET', '/admin/limits/x', undefined, bearer))).toBe('not_found')
      expect(await codeOf(admin('PUT', '/admin/limits/x', {}, bearer))).toBe('not_found')
    }
  })

  it('needs a JSON body, and no other method exists', async () => {
    expect(await codeOf(call('PUT', '/admin/limits', { bearer: ADMIN_TOKEN }))).toBe('unsupported_media_type')
    expect(await codeOf(admin('PUT', '/admin/limits', '['))).toBe('malformed_json')
    const answer = await admin('PATCH', '/admin/limits', {})
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'GET, HEAD, PUT'])
  })
})

/** Somebody with role and scope, logged in with it. */
async function administrator(
  given = { roles: ['admin'], scopes: ['admin'] },
  scope: string | null = 'admin',
) {
  const person = await newPerson()
  await grant(person.user.id, given)
  const body = { identifier: person.name, password: PASSWORD, ...(scope === null ? {} : { scope }) }
  const { access_token, refresh_token } = await ok<Tokens>(call('POST', '/auth/login', { body }))
  return { person, token: access_token, refreshToken: refresh_token }
}

describe('who may see and change them', () => {
  const asked = (bearer: string, by = fetch) => codeOf(call('GET', '/admin/limits', { bearer }, by))

  it('is whoever holds ADMIN_TOKEN', async () => {
    expect(await asked(ADMIN_TOKEN)).toBe('ok')
  })

  it.each([
    ['another token', `${ADMIN_TOKEN}x`],
    ['its beginning', ADMIN_TOKEN.slice(0, -1)],
    ['nothing', ''],
    ['the word undefined', 'undefined'],
  ])('is nobody with %s', async (_what, token) => {
    expect(await asked(token)).toBe('invalid_token')
    expect(await asked(token, workerWith({ ADMIN_TOKEN: undefined } as unknown as Partial<Env>))).toBe(
      'invalid_token',
    )
  })

  it('is nobody by ADMIN_TOKEN where none is set', async () => {
    expect(await asked('', workerWith({ ADMIN_TOKEN: '' }))).toBe('invalid_token')
    expect(await asked(ADMIN_TOKEN, workerWith({ ADMIN_TOKEN: '' }))).toBe('invalid_token')
  })

  it('is nobody for anything but /admin by ADMIN_TOKEN', async () => {
    expect(await codeOf(call('GET', '/auth/me', { bearer: ADMIN_TOKEN }))).toBe('invalid_token')
  })

  it('is asked after the address and the size and type of the body, and before what is in it', async () => {
    const send = (bearer: string, body: string, type = 'application/json') =>
      codeOf(call('PUT', '/admin/limits', { bearer, body, headers: { 'Content-Type': type } }, fetch))
    const { token } = await administrator({ roles: [], scopes: [] })
    expect(await send('x', 'x'.repeat(16_385))).toBe('body_too_large')
    expect(await send('x', '[', 'text/plain')).toBe('unsupported_media_type')
    expect(await send('x', '[')).toBe('invalid_token')
    expect(await send(token, '[')).toBe('insufficient_scope')
    expect(await send(ADMIN_TOKEN, '[')).toBe('malformed_json')
  })

  it('is nobody without a token, in another scheme, or in another place', async () => {
    const sent = [{}, { Authorization: `Basic ${ADMIN_TOKEN}` }, { 'X-Admin-Token': ADMIN_TOKEN }]
    for (const headers of sent) {
      const answer = await call('GET', `/admin/limits?token=${ADMIN_TOKEN}`.replaceAll(' ', '+'), { headers })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
    }
  })

  it('is an account with role and scope that logged in within 15 minutes', async () => {
    const { token, refreshToken } = await administrator()
    advance(600)
    const { access_token } = await ok<Tokens>(
      call('POST', '/auth/refresh', { body: { refresh_token: refreshToken } }),
    )
    advance(300)
    expect(await asked(access_token)).toBe('ok')
    advance(1)
    const answer = await admin('GET', '/admin/limits', undefined, access_token)
    expect(answer.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="gatehouse", error="insufficient_user_authentication", max_age="900"',
    )
    expect(await refused(Promise.resolve(answer))).toMatchObject({
      status: 401,
      code: 'insufficient_user_authentication',
      max_age: 900,
    })
    expect(await asked(token)).toBe('invalid_token')
  })

  it.each([
    ['without the role', { roles: [], scopes: ['admin'] }, 'admin', ['admin'], []],
    ['without the scope', { roles: ['admin'], scopes: [] }, 'admin', [], ['admin']],
    ['who did not ask for the scope', { roles: ['admin'], scopes: ['admin'] }, null, [], ['admin']],
    ['who is nobody', { roles: [], scopes: [] }, null, ['admin'], ['admin']],
  ])('is no account %s, which is told what is missing', async (_what, given, asked, roles, scope) => {
    const { token } = await administrator(given, asked)
    const answer = await admin('GET', '/admin/limits', undefined, token)
    const missing = { roles, scope }
    expect(await answer.json()).toMatchObject({ status: 403, code: 'insufficient_scope', missing })
    expect(answer.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope"',
    )
  })

  it('is no token that was made before role and scope were granted', async () => {
    const { person, token, refreshToken } = await administrator({ roles: [], scopes: [] })
    await grant(person.user.id, { roles: ['admin'], scopes: ['admin'] })
    await ok(call('POST', '/auth/login', { body: { identifier: person.name, password: PASSWORD } }))
    expect(await asked(token)).toBe('insufficient_scope')
    const body = { refresh_token: refreshToken }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/refresh', { body }))
    expect(await asked(access_token)).toBe('ok')
  })

  it('is no account whose role or session is gone', async () => {
    const { person, token, refreshToken } = await administrator()
    await ok(call('POST', '/auth/logout', { body: { refresh_token: refreshToken } }), 204)
    expect(await asked(token)).toBe('invalid_token')
    const again = await administrator()
    await grant(again.person.user.id, { roles: [], scopes: ['admin'] })
    await ok(call('POST', '/auth/login', { body: { identifier: again.person.name, password: PASSWORD } }))
    expect(await asked(again.token)).toBe('insufficient_scope')
    expect(person.user.id).not.toBe(again.person.user.id)
  })
})

describe('a change of the limits', () => {
  it('is in force at once in the isolate that took it, and within 30 s in every other', async () => {
    const [here, there] = [visitor(fetch), visitor(workerWith({}))]
    const name = newName()
    for (const somebody of [here, there]) await somebody.fail(name)
    await put({ threshold: 1 }, '/admin/limits/login_failures_per_ip')
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
    advance(24)
    await there.fail(name)
    advance(6)
    expect(await codeOf(there.logIn(name))).toBe('challenge_required')
  })

  it('that a read overtook is in force all the same', async () => {
    const { promise: read, resolve: goOn } = Promise.withResolvers<void>()
    const watched = watch()
    fetch = workerWith(watched.bindings)
    const here = visitor(fetch)
    await here.fail(newName())
    advance(30)
    watched.fail('all', { until: read })
    const reading = here.logIn(newName())
    await vi.waitFor(() => expect(watched.counts.d1).toBeGreaterThan(0))
    await put({ threshold: 1 }, '/admin/limits/login_failures_per_ip')
    goOn()
    expect(await codeOf(reading)).toBe('challenge_required')
    expect(await codeOf(here.logIn(newName()))).toBe('challenge_required')
  })

  it('that a later one overtook does not undo it', async () => {
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>()
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await see()
    watched.reset()
    watched.fail('batch', { until: later })
    const first = put({ rules: { registrations_per_ip: { threshold: 9 } } })
    await vi.waitFor(() => expect(watched.counts.d1).toBe(1))
    watched.mend()
    await put({ registration_open: false })
    goOn()
    expect(await first).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 9 } },
    })
    expect(await codeOf(visitor(fetch).register({ username: newName() }))).toBe('registration_closed')
  })

  it('is in force for a request whose body comes slowly', async () => {
    await see()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': newAddress() }
    const request = new Request(`${PUBLIC_URL}/auth/register`, { method: 'POST', headers, body: readable })
    const answer = fetch(request)
    const writer = writable.getWriter()
    const body = new TextEncoder().encode(JSON.stringify({ username: newName(), password: PASSWORD }))
    await writer.write(body.slice(0, 5))
    await env.DB.prepare(`INSERT INTO settings VALUES (1, '{"registration_open":false}', 1, 'x')`).run()
    advance(30)
    await writer.write(body.slice(5))
    await writer.close()
    expect(await codeOf(answer)).toBe('registration_closed')
  })

  it('tightens and widens what is counted already', async () => {
    const here = visitor(fetch)
    const { name } = await newPerson()
    await here.failTimes(3, newName())
    await put({ threshold: 5 }, '/admin/limits/login_failures_per_ip')
    await ok(here.logIn(name))
    await put({ threshold: 3 }, '/admin/limits/login_failures_per_ip')
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
    advance(100)
    await put({ window_seconds: 100 }, '/admin/limits/login_failures_per_ip')
    await ok(here.logIn(name))
  })

  it('switches a rule off, and on', async () => {
    const here = visitor(fetch)
    for (let registration = 1; registration <= 3; registration++)
      await ok(here.register({ username: newName() }), 201)
    expect(await codeOf(here.register({ username: newName() }))).toBe('too_many_registrations')
    await put({ enabled: false }, '/admin/limits/registrations_per_ip')
    await ok(here.register({ username: newName() }), 201)
    await put({ enabled: true }, '/admin/limits/registrations_per_ip')
    expect(await codeOf(here.register({ username: newName() }))).toBe('too_many_registrations')
  })
})

describe('registration', () => {
  const register = (identifiers: object, password = PASSWORD) =>
    codeOf(visitor(fetch).register({ password, ...identifiers }))

  it('that is switched off takes nobody, whatever the password, and before it is counted', async () => {
    await put({ registration_open: false })
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

  it('takes those on the allow list alone, by any of the identifiers given', async () => {
    const listed = `Ŝtraße.${newName().slice(-8)}`
    await put({
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

  it('allows in PATCH what it allows at registration, and to clear', async () => {
    const { access_token, name } = await newPerson()
    await put({ registration_allow: { email_domains: ['staff.example'] } })
    const patch = (identifiers: object, password = PASSWORD) => {
      const body = { current_password: password, ...identifiers }
      return codeOf(call('PATCH', '/auth/me', { bearer: access_token, body }, fetch))
    }
    expect(await patch({ email: `${name}@example.com` })).toBe('registration_not_allowed')
    expect(await patch({ email: `${name}@example.com` }, 'wrong')).toBe('registration_not_allowed')
    expect(await patch({ email: `${name}@staff.example` })).toBe('ok')
    expect(await patch({ username: null })).toBe('ok')
  })

  it('is open to all again when every list is empty', async () => {
    await put({ registration_allow: { emails: ['guest@example.com'] } })
    expect(await register({ username: newName() })).toBe('registration_not_allowed')
    await put({ registration_allow: { emails: [] } })
    expect(await register({ username: newName() })).toBe('ok')
  })
})
