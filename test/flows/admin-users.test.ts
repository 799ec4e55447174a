import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import {
  call,
  changePassword,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant, pendingChanges } from '../support/database.ts'
import { changedUser, changeUser, profileOf, readUser, someAccount } from '../support/managed-users.ts'
import type { Tokens } from '../support/responses.ts'

const UNKNOWN_ID = '01890a5d-ac96-774b-bcce-b302099a8057'
const CALLS = [
  ['GET', '', undefined],
  ['PATCH', '', {}],
  ['DELETE', '/sessions', undefined],
] as const

beforeEach(() => freeze())
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe('GET /admin/users/{id}', () => {
  it('shows the profile of an account and whether it is disabled', async () => {
    const { user } = await newPerson()
    expect(await readUser(user.id)).toEqual({ ...user, disabled: false })
    const head = await admin('HEAD', `/admin/users/${user.id}`)
    expect([head.status, await head.text(), head.headers.get('Cache-Control')]).toEqual([200, '', 'no-store'])
  })

  it('shows an account as stored in D1, even if its state is not published yet', async () => {
    const { user } = await newPerson()
    await grant(user.id, { roles: ['editor'], scopes: ['read'], claims: { tenant: 7 } })
    expect(await readUser(user.id)).toMatchObject({
      roles: ['editor'],
      scopes: ['read'],
      claims: { tenant: 7 },
    })
  })

  it('answers 503 to a read of an account while D1 is unavailable', async () => {
    const id = await someAccount()
    const watched = watch()
    watched.fail('run', { before: true })
    const response = admin('GET', `/admin/users/${id}`, undefined, workerWith(watched.bindings))
    expect(await refused(response)).toMatchObject({ status: 503, code: 'unavailable' })
  })
})

describe.each(CALLS)('%s /admin/users/{id}%s', (method, below, body) => {
  const codeFor = async (bearer: string) =>
    codeOf(admin(method, `/admin/users/${await someAccount()}${below}`, body, undefined, bearer))

  it(`allows ADMIN_TOKEN and accounts with role and requested scope: ${method} /admin/users/{id}${below}`, async () => {
    const { access_token } = await newOperator()
    expect(await codeFor(access_token)).toBe('ok')
    expect(await codeOf(admin(method, `/admin/users/${await someAccount()}${below}`, body))).toBe('ok')
  })

  it(`rejects callers without role and requested scope: ${method} /admin/users/{id}${below}`, async () => {
    const [person, withoutScope] = await Promise.all([newPerson(), newOperator(null)])
    expect(await codeFor('x')).toBe('invalid_token')
    expect(await codeFor(person.access_token)).toBe('insufficient_scope')
    expect(await codeFor(withoutScope.access_token)).toBe('insufficient_scope')
    const response = await call(method, `/admin/users/${await someAccount()}${below}`, { body })
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([
      401,
      'Bearer realm="gatehouse"',
    ])
  })

  it(`rejects the owner of the account: ${method} /admin/users/{id}${below}`, async () => {
    const { access_token, user } = await newPerson()
    const own = admin(method, `/admin/users/${user.id}${below}`, body, undefined, access_token)
    expect(await codeOf(own)).toBe('insufficient_scope')
  })

  it.each([
    ['an unknown id', UNKNOWN_ID],
    ['the nil id', '00000000-0000-0000-0000-000000000000'],
    ['a malformed id', 'x'],
    ['an id with one more character', `${UNKNOWN_ID}0`],
    ['the id __proto__', '__proto__'],
  ])(
    `answers 404 for %s, to authorized callers only: ${method} /admin/users/{id}${below}`,
    async (_what, id) => {
      const path = `/admin/users/${id}${below}`
      expect(await codeOf(admin(method, path, body, undefined, 'x'))).toBe('invalid_token')
      expect(await refused(admin(method, path, body))).toMatchObject({ status: 404, code: 'not_found' })
    },
  )
})

describe('an operator', () => {
  it('requires operators to have logged in within 15 minutes', async () => {
    const { refresh_token } = await newOperator()
    advance(600)
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    advance(301)
    const response = admin('PATCH', `/admin/users/${await someAccount()}`, {}, undefined, access_token)
    expect(await refused(response)).toMatchObject({ code: 'insufficient_user_authentication', max_age: 900 })
  })

  it('authorizes the operator before it parses the body of a change', async () => {
    const path = `/admin/users/${await someAccount()}`
    expect(await codeOf(admin('PATCH', path, '[', undefined, 'x'))).toBe('invalid_token')
    expect(await codeOf(admin('PATCH', path, '['))).toBe('malformed_json')
    expect(await codeOf(admin('PATCH', path, '[]'))).toBe('malformed_json')
    expect(await codeOf(admin('PATCH', path, { roles: ['x'.repeat(16_384)] }))).toBe('body_too_large')
    expect(await codeOf(admin('PATCH', path))).toBe('unsupported_media_type')
  })

  it('allows operators to disable their own account, which ends their session', async () => {
    const { access_token, user } = await newOperator()
    const own = admin('PATCH', `/admin/users/${user.id}`, { disabled: true }, undefined, access_token)
    expect(await ok(own)).toMatchObject({ disabled: true })
    expect(await codeOf(admin('GET', `/admin/users/${user.id}`, undefined, undefined, access_token))).toBe(
      'invalid_token',
    )
  })
})

describe('disabling an account', () => {
  it('ends every session of a disabled account, and reports account_disabled only with the right password', async () => {
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    expect(await changedUser(person.user.id, { disabled: true })).toMatchObject({ disabled: true })
    for (const { access_token, refresh_token } of [person, other]) {
      expect(await isAlive(access_token)).toBe(false)
      expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    }
    expect(await codeOf(logIn(person.name))).toBe('account_disabled')
    expect(await codeOf(logIn(person.name, 'a guess'))).toBe('invalid_credentials')
  })

  it('allows logins after an account is enabled again, and restores no session', async () => {
    const { name, user, access_token, refresh_token } = await newPerson()
    await changedUser(user.id, { disabled: true })
    expect(await changedUser(user.id, { disabled: false })).toMatchObject({ disabled: false })
    expect(await isAlive(access_token)).toBe(false)
    expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    const { access_token: after } = await ok<Tokens>(logIn(name))
    expect(await isAlive(after)).toBe(true)
  })

  it('ends the sessions of a disabled account even if only its later enabling is published', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('applyState', { before: true })
    expect(
      await refused(changeUser(user.id, { disabled: true }, workerWith(watched.bindings))),
    ).toMatchObject({
      code: 'unavailable',
      changed: true,
    })
    await changedUser(user.id, { disabled: false })
    expect(await isAlive(access_token)).toBe(false)
  })

  it('ends the surviving session of a password change when the account is disabled', async () => {
    const { user, access_token } = await newPerson()
    const { access_token: kept } = await ok<Tokens>(changePassword(access_token))
    await changedUser(user.id, { disabled: true })
    await changedUser(user.id, { disabled: false })
    expect(await isAlive(kept)).toBe(false)
  })

  it('keeps an account disabled while other fields change, and ends no session for other changes', async () => {
    const { name, user, access_token } = await newPerson()
    await changedUser(user.id, { disabled: false, roles: ['editor'], claims: { a: 1 } })
    expect(await isAlive(access_token)).toBe(true)
    await changedUser(user.id, { disabled: true })
    expect(await changedUser(user.id, { roles: [] })).toMatchObject({ disabled: true, claims: { a: 1 } })
    expect(await codeOf(logIn(name))).toBe('account_disabled')
  })
})

describe('DELETE /admin/users/{id}/sessions', () => {
  it('ends all sessions of one account and no other, and allows new logins', async () => {
    const [person, stranger] = await Promise.all([newPerson(), newPerson()])
    const other = await ok<Tokens>(logIn(person.name))
    const end = () => ok(admin('DELETE', `/admin/users/${person.user.id}/sessions`), 204)
    await end()
    for (const { access_token, refresh_token } of [person, other]) {
      expect(await isAlive(access_token)).toBe(false)
      expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    }
    expect(await isAlive(stranger.access_token)).toBe(true)
    const { access_token } = await ok<Tokens>(logIn(person.name))
    expect(await isAlive(access_token)).toBe(true)
    await end()
    await end()
    expect(await isAlive(access_token)).toBe(false)
  })

  it('answers 503 and keeps the sessions while the Durable Object of the account is unavailable', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('endAll', { before: true })
    const path = `/admin/users/${user.id}/sessions`
    const refusal = await refused(admin('DELETE', path, undefined, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal.changed).toBeUndefined()
    expect(await isAlive(access_token)).toBe(true)
  })

  it('logs the end of all sessions with operator and account', async () => {
    const { user } = await newPerson()
    const info = vi.spyOn(console, 'info').mockImplementation(() => {})
    await ok(admin('DELETE', `/admin/users/${user.id}/sessions`), 204)
    expect(JSON.parse(String(info.mock.calls[0]))).toMatchObject({
      route: '/admin/users/:id/sessions',
      status: 204,
      actor: 'admin_token',
      account_id: user.id,
    })
  })
})

describe('concurrent changes', () => {
  it('keeps concurrent changes of different fields, made in different isolates', async () => {
    const { user, access_token } = await newPerson()
    await Promise.all([
      changedUser(user.id, { roles: ['editor'] }),
      changedUser(user.id, { scopes: ['read'] }),
      changedUser(user.id, { claims: { tenant: 1 } }),
    ])
    const granted = { roles: ['editor'], scopes: ['read'], claims: { tenant: 1 } }
    expect(await readUser(user.id)).toMatchObject(granted)
    expect(await profileOf(access_token)).toMatchObject(granted)
    expect(await pendingChanges(user.id)).toBe(0)
  })

  it('keeps one of two concurrent changes of the same field', async () => {
    const { user, access_token } = await newPerson()
    await Promise.all([changedUser(user.id, { roles: ['a'] }), changedUser(user.id, { roles: ['b'] })])
    const { roles } = await readUser(user.id)
    expect([['a'], ['b']]).toContainEqual(roles)
    expect((await profileOf(access_token)).roles).toEqual(roles)
  })

  it('keeps concurrent changes by an operator and by the owner', async () => {
    const { user, access_token } = await newPerson()
    const username = newName()
    const body = { username, current_password: PASSWORD }
    await Promise.all([
      ok(call('PATCH', '/auth/me', { bearer: access_token, body })),
      changedUser(user.id, { roles: ['editor'], claims: { a: 1 } }),
    ])
    const now = { username, roles: ['editor'], claims: { a: 1 } }
    expect(await readUser(user.id)).toMatchObject(now)
    expect(await profileOf(access_token)).toMatchObject(now)
  })

  it('ends every session when an operator disables an account while its owner changes the password', async () => {
    const person = await newPerson()
    const [response] = await Promise.all([
      changePassword(person.access_token),
      changedUser(person.user.id, { disabled: true }),
    ])
    const tokens = response.ok ? [person, (await response.json()) as Tokens] : [person]
    for (const { access_token, refresh_token } of tokens) {
      expect(await isAlive(access_token)).toBe(false)
      expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    }
    const codes = [await codeOf(logIn(person.name)), await codeOf(logIn(person.name, NEW_PASSWORD))]
    expect(codes).toContain('account_disabled')
  })

  it('deletes an account that an operator changes at the same time', async () => {
    const { user, access_token } = await newPerson()
    const body = { current_password: PASSWORD }
    const [, code] = await Promise.all([
      ok(call('DELETE', '/auth/me', { bearer: access_token, body }), 204),
      codeOf(changeUser(user.id, { roles: ['editor'] })),
    ])
    expect(['ok', 'not_found']).toContain(code)
    expect(await codeOf(admin('GET', `/admin/users/${user.id}`))).toBe('not_found')
    expect(await isAlive(access_token)).toBe(false)
  })

  it('leaves no session when a login is concurrent with disabling the account', async () => {
    const { name, user } = await newPerson()
    const [response] = await Promise.all([logIn(name), changedUser(user.id, { disabled: true })])
    if (!response.ok) return expect(await codeOf(Promise.resolve(response))).toBe('account_disabled')
    expect(await isAlive(((await response.json()) as Tokens).access_token)).toBe(false)
  })
})
