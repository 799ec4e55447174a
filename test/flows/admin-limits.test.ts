import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { ADMIN_TOKEN, admin as adminOf, codeOf } from '../support/admin.ts'
import { call, newPerson, ok, PASSWORD, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant } from '../support/database.ts'
import { changeLimits, DEFAULTS, readLimits, resetSettings } from '../support/limits.ts'
import type { Tokens } from '../support/responses.ts'

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

describe('the limits of the service', () => {
  it('shows the default limits until they change', async () => {
    expect(await currentLimits()).toEqual(DEFAULTS)
    expect(await ok(admin('GET', '/admin/limits/registrations_per_ip'))).toEqual(
      DEFAULTS.rules.registrations_per_ip,
    )
  })

  it('shows the limits that the variable LIMITS sets', async () => {
    const LIMITS = { login_failures_per_ip: { threshold: 5 } }
    const limits = await ok(call('GET', '/admin/limits', { bearer: ADMIN_TOKEN }, workerWith({ LIMITS })))
    const { login_failures_per_ip: rule } = DEFAULTS.rules
    expect(limits).toMatchObject({
      rules: { ...DEFAULTS.rules, login_failures_per_ip: { ...rule, threshold: 5 } },
    })
  })

  it('changes any part of the limits and leaves the rest', async () => {
    const changed = await update({ rules: { registrations_per_ip: { threshold: 10 } } })
    const rules = {
      ...DEFAULTS.rules,
      registrations_per_ip: { ...DEFAULTS.rules.registrations_per_ip, threshold: 10 },
    }
    const stamp = { updated_at: '2096-10-02T07:06:40Z', updated_by: 'admin_token' }
    expect(changed).toEqual({ ...DEFAULTS, rules, ...stamp })
    expect(await currentLimits()).toEqual(changed)
    advance(60)
    const closed = await update({
      registration_open: false,
      registration_allow: { emails: ['A@Example.com'] },
    })
    expect(closed).toEqual({
      rules,
      registration_open: false,
      registration_allow: { ...DEFAULTS.registration_allow, emails: ['a@example.com'] },
      updated_at: '2096-10-02T07:07:40Z',
      updated_by: 'admin_token',
    })
  })

  it('changes a single rule of the limits at its own path', async () => {
    const path = '/admin/limits/login_failures_per_ip'
    const rule = { enabled: false, window_seconds: 60, threshold: 0, action: 'block' }
    expect(await update({ window_seconds: 60 }, path)).toEqual({
      ...rule,
      enabled: true,
      threshold: 3,
      action: 'challenge',
    })
    expect(await update(rule, path)).toEqual(rule)
    expect(await update({}, path)).toEqual(rule)
    expect(await ok(admin('GET', path))).toEqual(rule)
    expect(await currentLimits()).toMatchObject({ rules: { ...DEFAULTS.rules, login_failures_per_ip: rule } })
  })

  it('accepts a response of PUT /admin/limits as the next change', async () => {
    const limits = await update({ rules: { registrations_per_ip: { threshold: 10 } } })
    expect(await update(limits)).toEqual(limits)
  })

  it('treats null as a missing field in a change of the limits', async () => {
    await update({ registration_open: false, rules: { registrations_per_ip: { threshold: 10 } } })
    const empty = {
      registration_open: null,
      rules: { registrations_per_ip: { threshold: null }, client_failures_per_ip: null },
    }
    expect(await update(empty)).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 10 } },
    })
  })

  it('changes and records nothing for an empty change of the limits', async () => {
    for (const empty of [
      {},
      { rules: {} },
      { rules: { registrations_per_ip: {} }, registration_allow: {} },
    ]) {
      expect(await update(empty)).toEqual(DEFAULTS)
    }
    expect(await update({}, '/admin/limits/registrations_per_ip')).toEqual(
      DEFAULTS.rules.registrations_per_ip,
    )
    const { results } = await env.DB.prepare('SELECT * FROM settings_changes').all()
    expect(results).toEqual([])
  })

  it('keeps concurrent changes of different fields of the limits', async () => {
    await Promise.all([
      update({ threshold: 7 }, '/admin/limits/registrations_per_ip'),
      update({ window_seconds: 77 }, '/admin/limits/registrations_per_ip'),
      update({ registration_open: false }),
    ])
    expect(await currentLimits()).toMatchObject({
      registration_open: false,
      rules: { registrations_per_ip: { threshold: 7, window_seconds: 77 } },
    })
  })

  it('records who changed which limits and when', async () => {
    const { person, token } = await newOperatorWith()
    await update({ registration_open: false })
    advance(60)
    await ok(admin('PUT', '/admin/limits/client_failures_per_ip', { threshold: 4 }, token))
    expect(await currentLimits()).toMatchObject({
      updated_by: person.user.id,
      updated_at: '2096-10-02T07:07:40Z',
    })
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

  it('answers 503 to a read of the limits while D1 is unavailable, since only stored limits are shown', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await currentLimits()
    watched.fail('read', { before: true })
    const response = await admin('GET', '/admin/limits')
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5'])
  })

  it('sends CORS and no-store headers with the limits, and answers HEAD without a body', async () => {
    const headers = { Origin: 'https://app.example.test' }
    const response = await call('GET', '/admin/limits', { bearer: ADMIN_TOKEN, headers }, fetch)
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const head = await call('HEAD', '/admin/limits', { bearer: ADMIN_TOKEN }, fetch)
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('writes the limits and their record together or not at all', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const watched = watch()
    fetch = workerWith(watched.bindings)
    await currentLimits()
    watched.fail('batch', { before: true })
    expect(await refused(admin('PUT', '/admin/limits', { registration_open: false }))).toMatchObject({
      status: 503,
    })
    watched.mend()
    expect(await currentLimits()).toEqual(DEFAULTS)
  })
})

/** A person with these roles and scopes, logged in with this scope. */
async function newOperatorWith(
  given = { roles: ['admin'], scopes: ['admin'] },
  scope: string | null = 'admin',
) {
  const person = await newPerson()
  await grant(person.user.id, given)
  const body = { identifier: person.name, password: PASSWORD, ...(scope === null ? {} : { scope }) }
  const { access_token, refresh_token } = await ok<Tokens>(call('POST', '/auth/login', { body }))
  return { person, token: access_token, refreshToken: refresh_token }
}

describe('access to the limits', () => {
  const codeFor = (bearer: string, by = fetch) => codeOf(call('GET', '/admin/limits', { bearer }, by))

  it('allows the holder of ADMIN_TOKEN to read the limits', async () => {
    expect(await codeFor(ADMIN_TOKEN)).toBe('ok')
  })

  it.each([
    ['another token', `${ADMIN_TOKEN}x`],
    ['a prefix of ADMIN_TOKEN', ADMIN_TOKEN.slice(0, -1)],
    ['an empty token', ''],
    ['the word undefined', 'undefined'],
  ])('rejects %s as ADMIN_TOKEN', async (_what, token) => {
    expect(await codeFor(token)).toBe('invalid_token')
    expect(await codeFor(token, workerWith({ ADMIN_TOKEN: undefined } as unknown as Partial<Env>))).toBe(
      'invalid_token',
    )
  })

  it('rejects every admin token if ADMIN_TOKEN is not set', async () => {
    expect(await codeFor('', workerWith({ ADMIN_TOKEN: '' }))).toBe('invalid_token')
    expect(await codeFor(ADMIN_TOKEN, workerWith({ ADMIN_TOKEN: '' }))).toBe('invalid_token')
  })

  it('rejects ADMIN_TOKEN outside /admin', async () => {
    expect(await codeOf(call('GET', '/auth/me', { bearer: ADMIN_TOKEN }))).toBe('invalid_token')
  })

  it('authorizes an admin call after checking its path, body size and type, and before parsing the body', async () => {
    const send = (bearer: string, body: string, type = 'application/json') =>
      codeOf(call('PUT', '/admin/limits', { bearer, body, headers: { 'Content-Type': type } }, fetch))
    const { token } = await newOperatorWith({ roles: [], scopes: [] })
    expect(await send('x', 'x'.repeat(16_385))).toBe('body_too_large')
    expect(await send('x', '[', 'text/plain')).toBe('unsupported_media_type')
    expect(await send('x', '[')).toBe('invalid_token')
    expect(await send(token, '[')).toBe('insufficient_scope')
    expect(await send(ADMIN_TOKEN, '[')).toBe('malformed_json')
  })

  it('answers 401 to a missing ADMIN_TOKEN, and to one in another scheme or place', async () => {
    const sent = [{}, { Authorization: `Basic ${ADMIN_TOKEN}` }, { 'X-Admin-Token': ADMIN_TOKEN }]
    for (const headers of sent) {
      const response = await call('GET', `/admin/limits?token=${ADMIN_TOKEN}`.replaceAll(' ', '+'), {
        headers,
      })
      expect(response.status).toBe(401)
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
    }
  })

  it('allows an account with role and scope within 15 minutes of its login', async () => {
    const { token, refreshToken } = await newOperatorWith()
    advance(600)
    const { access_token } = await ok<Tokens>(
      call('POST', '/auth/refresh', { body: { refresh_token: refreshToken } }),
    )
    advance(300)
    expect(await codeFor(access_token)).toBe('ok')
    advance(1)
    const response = await admin('GET', '/admin/limits', undefined, access_token)
    expect(response.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="gatehouse", error="insufficient_user_authentication", max_age="900"',
    )
    expect(await refused(Promise.resolve(response))).toMatchObject({
      status: 401,
      code: 'insufficient_user_authentication',
      max_age: 900,
    })
    expect(await codeFor(token)).toBe('invalid_token')
  })

  it.each([
    ['without the role', { roles: [], scopes: ['admin'] }, 'admin', ['admin'], []],
    ['without the scope', { roles: ['admin'], scopes: [] }, 'admin', [], ['admin']],
    ['that did not request the scope', { roles: ['admin'], scopes: ['admin'] }, null, [], ['admin']],
    ['without role and scope', { roles: [], scopes: [] }, null, ['admin'], ['admin']],
  ])(
    'answers 403 to an account %s, and names what is missing',
    async (_what, given, requested, roles, scope) => {
      const { token } = await newOperatorWith(given, requested)
      const response = await admin('GET', '/admin/limits', undefined, token)
      const missing = { roles, scope }
      expect(await response.json()).toMatchObject({ status: 403, code: 'insufficient_scope', missing })
      expect(response.headers.get('WWW-Authenticate')).toBe(
        'Bearer realm="gatehouse", error="insufficient_scope"',
      )
    },
  )

  it('rejects a token that was issued before role and scope were granted', async () => {
    const { person, token, refreshToken } = await newOperatorWith({ roles: [], scopes: [] })
    await grant(person.user.id, { roles: ['admin'], scopes: ['admin'] })
    await ok(call('POST', '/auth/login', { body: { identifier: person.name, password: PASSWORD } }))
    expect(await codeFor(token)).toBe('insufficient_scope')
    const body = { refresh_token: refreshToken }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/refresh', { body }))
    expect(await codeFor(access_token)).toBe('ok')
  })

  it('rejects an account that has lost its role or session', async () => {
    const { person, token, refreshToken } = await newOperatorWith()
    await ok(call('POST', '/auth/logout', { body: { refresh_token: refreshToken } }), 204)
    expect(await codeFor(token)).toBe('invalid_token')
    const again = await newOperatorWith()
    await grant(again.person.user.id, { roles: [], scopes: ['admin'] })
    await ok(call('POST', '/auth/login', { body: { identifier: again.person.name, password: PASSWORD } }))
    expect(await codeFor(again.token)).toBe('insufficient_scope')
    expect(person.user.id).not.toBe(again.person.user.id)
  })
})
