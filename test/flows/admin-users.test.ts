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
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { grant, untold } from '../support/database.ts'
import { change, changed, me, see, someAccount } from '../support/managed-users.ts'

const NOBODY = '01890a5d-ac96-774b-bcce-b302099a8057'
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

describe('an account', () => {
  it('is shown as its owner sees it, and whether it is disabled', async () => {
    const { user } = await newPerson()
    expect(await see(user.id)).toEqual({ ...user, disabled: false })
    const head = await admin('HEAD', `/admin/users/${user.id}`)
    expect([head.status, await head.text(), head.headers.get('Cache-Control')]).toEqual([200, '', 'no-store'])
  })

  it('is shown as it stands in D1, whatever its object was told', async () => {
    const { user } = await newPerson()
    await grant(user.id, { roles: ['editor'], scopes: ['read'], claims: { tenant: 7 } })
    expect(await see(user.id)).toMatchObject({ roles: ['editor'], scopes: ['read'], claims: { tenant: 7 } })
  })

  it('is out of reach with D1', async () => {
    const id = await someAccount()
    const watched = watch()
    watched.fail('run', { before: true })
    const asked = admin('GET', `/admin/users/${id}`, undefined, workerWith(watched.bindings))
    expect(await refused(asked)).toMatchObject({ status: 503, code: 'unavailable' })
  })
})

describe.each(CALLS)('%s /admin/users/{id}%s', (method, below, body) => {
  const asked = async (bearer: string) =>
    codeOf(admin(method, `/admin/users/${await someAccount()}${below}`, body, undefined, bearer))

  it('is for ADMIN_TOKEN and for accounts with role and scope that asked for the scope', async () => {
    const { access_token } = await newOperator()
    expect(await asked(access_token)).toBe('ok')
    expect(await codeOf(admin(method, `/admin/users/${await someAccount()}${below}`, body))).toBe('ok')
  })

  it('is for nobody else', async () => {
    const [person, unasked] = await Promise.all([newPerson(), newOperator(null)])
    expect(await asked('x')).toBe('invalid_token')
    expect(await asked(person.access_token)).toBe('insufficient_scope')
    expect(await asked(unasked.access_token)).toBe('insufficient_scope')
    const answer = await call(method, `/admin/users/${await someAccount()}${below}`, { body })
    expect([answer.status, answer.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer realm="gatehouse"'])
  })

  it('is for nobody whose own account it is', async () => {
    const { access_token, user } = await newPerson()
    const own = admin(method, `/admin/users/${user.id}${below}`, body, undefined, access_token)
    expect(await codeOf(own)).toBe('insufficient_scope')
  })

  it.each([
    ['an unknown id', NOBODY],
    ['the nil id', '00000000-0000-0000-0000-000000000000'],
    ['no id', 'x'],
    ['an id with more', `${NOBODY}0`],
    ['a name of every object', '__proto__'],
  ])('is 404 for %s, to those who may ask', async (_what, id) => {
    const path = `/admin/users/${id}${below}`
    expect(await codeOf(admin(method, path, body, undefined, 'x'))).toBe('invalid_token')
    expect(await refused(admin(method, path, body))).toMatchObject({ status: 404, code: 'not_found' })
  })
})

describe('an operator', () => {
  it('has to have logged in within 15 minutes', async () => {
    const { refresh_token } = await newOperator()
    advance(600)
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    advance(301)
    const asked = admin('PATCH', `/admin/users/${await someAccount()}`, {}, undefined, access_token)
    expect(await refused(asked)).toMatchObject({ code: 'insufficient_user_authentication', max_age: 900 })
  })

  it('is known before the body is read for what it says', async () => {
    const path = `/admin/users/${await someAccount()}`
    expect(await codeOf(admin('PATCH', path, '[', undefined, 'x'))).toBe('invalid_token')
    expect(await codeOf(admin('PATCH', path, '['))).toBe('malformed_json')
    expect(await codeOf(admin('PATCH', path, '[]'))).toBe('malformed_json')
    expect(await codeOf(admin('PATCH', path, { roles: ['x'.repeat(16_384)] }))).toBe('body_too_large')
    expect(await codeOf(admin('PATCH', path))).toBe('unsupported_media_type')
  })

  it('may disable the own account, which ends the own session', async () => {
    const { access_token, user } = await newOperator()
    const own = admin('PATCH', `/admin/users/${user.id}`, { disabled: true }, undefined, access_token)
    expect(await ok(own)).toMatchObject({ disabled: true })
    expect(await codeOf(admin('GET', `/admin/users/${user.id}`, undefined, undefined, access_token))).toBe(
      'invalid_token',
    )
  })
})

describe('disabling', () => {
  it('ends every session at once, and log in says why to whoever has the password', async () => {
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    expect(await changed(person.user.id, { disabled: true })).toMatchObject({ disabled: true })
    for (const { access_token, refresh_token } of [person, other]) {
      expect(await isAlive(access_token)).toBe(false)
      expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    }
    expect(await codeOf(logIn(person.name))).toBe('account_disabled')
    expect(await codeOf(logIn(person.name, 'a guess'))).toBe('invalid_credentials')
  })

  it('is undone by enabling, which brings no session back', async () => {
    const { name, user, access_token, refresh_token } = await newPerson()
    await changed(user.id, { disabled: true })
    expect(await changed(user.id, { disabled: false })).toMatchObject({ disabled: false })
    expect(await isAlive(access_token)).toBe(false)
    expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    const { access_token: after } = await ok<Tokens>(logIn(name))
    expect(await isAlive(after)).toBe(true)
  })

  it('that was not told ends the sessions all the same when enabling is', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('tell', { before: true })
    expect(await refused(change(user.id, { disabled: true }, workerWith(watched.bindings)))).toMatchObject({
      code: 'unavailable',
      changed: true,
    })
    await changed(user.id, { disabled: false })
    expect(await isAlive(access_token)).toBe(false)
  })

  it('ends the session that a change of the password had kept', async () => {
    const { user, access_token } = await newPerson()
    const { access_token: kept } = await ok<Tokens>(changePassword(access_token))
    await changed(user.id, { disabled: true })
    await changed(user.id, { disabled: false })
    expect(await isAlive(kept)).toBe(false)
  })

  it('stays while other fields change, and other changes end no session', async () => {
    const { name, user, access_token } = await newPerson()
    await changed(user.id, { disabled: false, roles: ['editor'], claims: { a: 1 } })
    expect(await isAlive(access_token)).toBe(true)
    await changed(user.id, { disabled: true })
    expect(await changed(user.id, { roles: [] })).toMatchObject({ disabled: true, claims: { a: 1 } })
    expect(await codeOf(logIn(name))).toBe('account_disabled')
  })
})

describe('DELETE /admin/users/{id}/sessions', () => {
  it('ends all sessions of that account and no other, and log in goes on', async () => {
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

  it('is 503 while the object is out of reach, and the sessions live on', async () => {
    const { user, access_token } = await newPerson()
    const watched = watch()
    watched.fail('endAll', { before: true })
    const path = `/admin/users/${user.id}/sessions`
    const refusal = await refused(admin('DELETE', path, undefined, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal.changed).toBeUndefined()
    expect(await isAlive(access_token)).toBe(true)
  })

  it('is logged with the operator and the account', async () => {
    const { user } = await newPerson()
    const info = vi.spyOn(console, 'info').mockImplementation(() => {})
    await ok(admin('DELETE', `/admin/users/${user.id}/sessions`), 204)
    expect(JSON.parse(String(info.mock.calls[0]))).toMatchObject({
      route: '/admin/users/:id/sessions',
      status: 204,
      admin: 'admin_token',
      account_id: user.id,
    })
  })
})

describe('changes at once', () => {
  it('of two operators on different fields both stay, whichever isolate took them', async () => {
    const { user, access_token } = await newPerson()
    await Promise.all([
      changed(user.id, { roles: ['editor'] }),
      changed(user.id, { scopes: ['read'] }),
      changed(user.id, { claims: { tenant: 1 } }),
    ])
    const granted = { roles: ['editor'], scopes: ['read'], claims: { tenant: 1 } }
    expect(await see(user.id)).toMatchObject(granted)
    expect(await me(access_token)).toMatchObject(granted)
    expect(await untold(user.id)).toBe(0)
  })

  it('of two operators on one field leave one of the two', async () => {
    const { user, access_token } = await newPerson()
    await Promise.all([changed(user.id, { roles: ['a'] }), changed(user.id, { roles: ['b'] })])
    const { roles } = await see(user.id)
    expect([['a'], ['b']]).toContainEqual(roles)
    expect((await me(access_token)).roles).toEqual(roles)
  })

  it('of an operator and the owner both stay', async () => {
    const { user, access_token } = await newPerson()
    const username = newName()
    const body = { username, current_password: PASSWORD }
    await Promise.all([
      ok(call('PATCH', '/auth/me', { bearer: access_token, body })),
      changed(user.id, { roles: ['editor'], claims: { a: 1 } }),
    ])
    const now = { username, roles: ['editor'], claims: { a: 1 } }
    expect(await see(user.id)).toMatchObject(now)
    expect(await me(access_token)).toMatchObject(now)
  })

  it('of an operator who disables and an owner who changes the password leave nobody logged in', async () => {
    const person = await newPerson()
    const [answer] = await Promise.all([
      changePassword(person.access_token),
      changed(person.user.id, { disabled: true }),
    ])
    const tokens = answer.ok ? [person, (await answer.json()) as Tokens] : [person]
    for (const { access_token, refresh_token } of tokens) {
      expect(await isAlive(access_token)).toBe(false)
      expect(await codeOf(refresh(refresh_token))).toBe('invalid_refresh_token')
    }
    const codes = [await codeOf(logIn(person.name)), await codeOf(logIn(person.name, NEW_PASSWORD))]
    expect(codes).toContain('account_disabled')
  })

  it('of an operator and an owner who deletes the account leave no account', async () => {
    const { user, access_token } = await newPerson()
    const body = { current_password: PASSWORD }
    const [, code] = await Promise.all([
      ok(call('DELETE', '/auth/me', { bearer: access_token, body }), 204),
      codeOf(change(user.id, { roles: ['editor'] })),
    ])
    expect(['ok', 'not_found']).toContain(code)
    expect(await codeOf(admin('GET', `/admin/users/${user.id}`))).toBe('not_found')
    expect(await isAlive(access_token)).toBe(false)
  })

  it('of a log in and a disabling leave no session', async () => {
    const { name, user } = await newPerson()
    const [answer] = await Promise.all([logIn(name), changed(user.id, { disabled: true })])
    if (!answer.ok) return expect(await codeOf(Promise.resolve(answer))).toBe('account_disabled')
    expect(await isAlive(((await answer.json()) as Tokens).access_token)).toBe(false)
  })
})
