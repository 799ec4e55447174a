import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { ADMIN_TOKEN, admin as adminOf, codeOf } from '../support/admin.ts'
import { call, newPerson, ok, PASSWORD, refused, type Tokens, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant } from '../support/database.ts'
import { changeLimits, DEFAULTS, readLimits, resetSettings } from '../support/limits.ts'

/** An isolate of its own, so that no test knows what another changed. */
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
const see = () => readLimits(fetch)
const put = (body: unknown, path?: string) => changeLimits(fetch, body, path)

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
