import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import {
  call,
  changePassword,
  type Fetch,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  register,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable, pendingChanges, runCron } from '../support/database.ts'
import type { Tokens, User } from '../support/responses.ts'

afterEach(thaw)

const patch = (bearer: string, body: object, fetch: Fetch = worker) =>
  call('PATCH', '/auth/me', { bearer, body: { current_password: PASSWORD, ...body } }, fetch)

const deleteAccount = (bearer: string, current_password = PASSWORD, fetch: Fetch = worker) =>
  call('DELETE', '/auth/me', { bearer, body: { current_password } }, fetch)

describe('PATCH /auth/me', () => {
  it('applies set, changed and cleared identifiers at once to the profile, refreshes and logins', async () => {
    const { access_token, refresh_token, name, user: before } = await newPerson()
    const email = `${newName()}@example.com`
    const changed = patch(access_token, { email: email.toUpperCase(), username: null }, workerWith({}))
    const user = await ok<User>(changed)
    expect(user).toMatchObject({ username: null, email, email_verified: false })
    expect(await ok<User>(call('GET', '/auth/me', { bearer: access_token }))).toEqual(user)
    expect((await ok<Tokens>(refresh(refresh_token))).user).toEqual(user)
    expect((await ok<Tokens>(logIn(email))).user).toEqual(user)
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    expect(await pendingChanges(before.id)).toBe(0)
  })

  it('frees an identifier that its account gives up', async () => {
    const { access_token, name } = await newPerson()
    await ok(patch(access_token, { username: newName() }))
    await ok(register({ username: name }), 201)
  })

  it("accepts the account's own username, also in another case", async () => {
    const { access_token, user, name } = await newPerson()
    expect(await ok<User>(patch(access_token, { username: name }))).toEqual(user)
    const respelled = await ok<User>(patch(access_token, { username: name.toUpperCase() }))
    expect(respelled.username).toBe(name.toUpperCase())
  })

  it("accepts the account's own reserved username, also in another case, and rejects other reserved ones", async () => {
    const { access_token, name } = await newPerson()
    await env.DB.prepare("UPDATE accounts SET username = 'help', username_key = 'help' WHERE username = ?1")
      .bind(name)
      .run()
    // Changing another field publishes the account state.
    await ok(patch(access_token, { email: `${name}@example.com` }))
    expect((await ok<User>(patch(access_token, { username: 'help' }))).username).toBe('help')
    expect((await ok<User>(patch(access_token, { username: ' HELP' }))).username).toBe('HELP')
    expect(await refused(patch(access_token, { username: 'system' }))).toMatchObject({ status: 422 })
    const { errors } = await refused(patch(access_token, { username: 'help', current_password: '' }))
    expect(errors?.map(({ field }) => field)).toEqual(['current_password'])
  })

  it('trims invisible characters of changed identifiers, and accepts phone numbers in any digits', async () => {
    const { access_token } = await newPerson()
    const username = newName()
    const changes = {
      username: `\u202a${username} `,
      email: `\ufeff${username}@example.com\u00a0`,
      phone: '\uff0b1 202 555\u20110155 ',
    }
    expect(await ok<User>(patch(access_token, changes))).toMatchObject({
      username,
      email: `${username}@example.com`,
      phone: '+12025550155',
    })
  })

  it('marks a changed email address as unverified and leaves the phone number verified', async () => {
    const name = newName()
    const identifiers = { email: `${name}@example.com`, phone: '+12015550142' }
    const { access_token, user } = await ok<Tokens>(register(identifiers), 201)
    const verify = 'UPDATE accounts SET email_verified = 1, phone_verified = 1 WHERE id = ?1'
    await env.DB.prepare(verify).bind(user.id).run()
    const changed = await ok<User>(patch(access_token, { email: `x${name}@example.com` }))
    expect(changed).toMatchObject({ email_verified: false, phone_verified: true })
  })

  it('keeps all sessions when an identifier changes', async () => {
    const { access_token, name } = await newPerson()
    const other = await ok<Tokens>(logIn(name))
    await ok(patch(access_token, { email: `${newName()}@example.com` }))
    expect(await isAlive(other.access_token)).toBe(true)
  })

  it('rejects an identifier that another account has', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    const refusal = await refused(patch(one.access_token, { username: other.name.toUpperCase() }))
    expect(refusal).toMatchObject({ status: 409, code: 'identifier_taken', field: 'username' })
    expect((await ok<User>(call('GET', '/auth/me', { bearer: one.access_token }))).username).toBe(one.name)
  })

  it('gives an identifier that two accounts request at once to exactly one of them', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    const email = `${newName()}@example.com`
    const responses = await Promise.all(
      [one, other].map(({ access_token }) => patch(access_token, { email })),
    )
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })

  it.each([
    ['no field to change', {}, ['username', 'email', 'phone', 'name', 'picture', 'locale', 'zoneinfo']],
    ['the last identifier cleared', { username: null }, ['username']],
    ['a null password', { current_password: null, email: 'a@example.com' }, ['current_password']],
    ['an unknown field', { email: 'a@example.com', role: 'admin' }, ['role']],
    [
      'the last identifier cleared and a null password',
      { username: null, current_password: null },
      ['current_password', 'username'],
    ],
    [
      'the last identifier cleared and another one invalid',
      { username: null, email: 'no address' },
      ['email'],
    ],
    ['an empty identifier', { email: ' ' }, ['email']],
    ['a reserved username', { username: ' Admin' }, ['username']],
    [
      'a reserved username and an empty password',
      { username: 'root', current_password: '' },
      ['current_password', 'username'],
    ],
    ['an invisible character within a username', { username: 'gr\ufe00ace' }, ['username']],
    ['a control character at the end', { phone: '+12015550123\n' }, ['phone']],
  ])('rejects a change of identifiers with %s', async (_what, body, fields) => {
    const { access_token } = await newPerson()
    const { status, errors } = await refused(patch(access_token, body))
    expect(status).toBe(422)
    expect(errors?.map(({ field }) => field)).toEqual(fields)
  })
})

describe('PUT /auth/me/password', () => {
  it('keeps the session that changes the password, under a new refresh token, and ends every other', async () => {
    freeze()
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    advance(60)
    const changed = await ok<Tokens>(changePassword(person.access_token))
    const [before, after] = [decodeJwt(person.access_token), decodeJwt(changed.access_token)]
    expect(after.sid).toBe(before.sid)
    expect(after.auth_time).toBe(Number(before.auth_time) + 60)
    expect(await isAlive(person.access_token)).toBe(true)
    expect(await isAlive(other.access_token)).toBe(false)
    for (const dead of [person.refresh_token, other.refresh_token]) {
      expect(await refused(refresh(dead))).toMatchObject({ code: 'invalid_refresh_token' })
    }
    await ok(refresh(changed.refresh_token))
  })

  it('replaces the old password with the new one', async () => {
    const { access_token, name } = await newPerson()
    await ok(changePassword(access_token))
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('accepts exactly one of two concurrent password changes', async () => {
    const { access_token, name } = await newPerson()
    const passwords = ['the first new passphrase', 'the second new passphrase']
    const responses = await Promise.all(
      passwords.map((new_password) => changePassword(access_token, { new_password })),
    )
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 401])
    const winner = passwords[responses.findIndex(({ status }) => status === 200)] ?? ''
    await ok(logIn(name, winner))
  })

  it('rejects a weak new password before it checks the current one', async () => {
    const { access_token, name } = await newPerson()
    const weak = { current_password: 'wrong', new_password: `my ${name}` }
    expect(await refused(changePassword(access_token, weak))).toMatchObject({
      code: 'weak_password',
      reasons: ['contains_identifier'],
    })
    expect(await refused(changePassword(access_token, { new_password: '' }))).toMatchObject({
      reasons: ['too_short'],
    })
    expect(await refused(changePassword(access_token, { new_password: 'abcd4321' }))).toMatchObject({
      code: 'weak_password',
      reasons: ['too_simple'],
    })
    expect(await refused(changePassword(access_token, { new_password: '!!Dragon1!!' }))).toMatchObject({
      code: 'weak_password',
      reasons: ['common'],
    })
  })

  it('lists a weak new password together with the other invalid fields', async () => {
    const { access_token, name } = await newPerson()
    const weak = { current_password: null, new_password: `my ${name}`, more: 1 }
    const { code, errors } = await refused(changePassword(access_token, weak))
    expect(code).toBe('invalid_request')
    expect(errors?.map(({ field, ...rest }) => [field, rest])).toEqual([
      ['current_password', { message: 'Required.' }],
      ['more', { message: 'Unknown field.' }],
      ['new_password', { message: expect.any(String), reasons: ['contains_identifier'] }],
    ])
  })

  it('answers 503 with changed: true when the password is changed and only publishing the state fails', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('applyState', { before: true })
    const refusal = await refused(changePassword(access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable', changed: true })
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('completes a password change when only the result of the write is lost', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('batch', { after: true })
    await ok(changePassword(access_token, {}, workerWith(watched.bindings)))
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('keeps the password and the session when the write fails', async () => {
    const watched = watch()
    const { access_token, name } = await newPerson()
    watched.fail('batch', { before: true })
    const refusal = await refused(changePassword(access_token, {}, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refusal).not.toHaveProperty('changed')
    await ok(logIn(name))
    expect(await isAlive(access_token)).toBe(true)
  })
})

describe('DELETE /auth/me', () => {
  it('deletes an account, ends its sessions and frees its username', async () => {
    const { access_token, refresh_token, name, user } = await newPerson()
    await ok(deleteAccount(access_token, PASSWORD, workerWith({})), 204)
    expect(await isAlive(access_token)).toBe(false)
    expect(await refused(refresh(refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    expect(await pendingChanges(user.id)).toBe(0)
    await ok(register({ username: name }), 201)
  })

  it('deletes an account whose identifiers change at the same time', async () => {
    const { access_token, name } = await newPerson()
    const [left, patched] = await Promise.all([
      deleteAccount(access_token),
      patch(access_token, { email: `${newName()}@example.com` }),
    ])
    expect([left.status, patched.status]).toSatisfy(
      ([deletion, change]: number[]) => deletion === 204 && (change === 200 || change === 401),
    )
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
  })

  it('answers 503 with changed: true when an account is deleted but its sessions end only with cron', async () => {
    const watched = watch()
    const { access_token, name, user } = await newPerson()
    watched.fail('applyState', { before: true })
    const refusal = await refused(deleteAccount(access_token, PASSWORD, workerWith(watched.bindings)))
    expect(refusal).toMatchObject({ status: 503, changed: true })
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
    await runCron()
    expect(await isAlive(access_token)).toBe(false)
    expect(await pendingChanges(user.id)).toBe(0)
  })
})

describe('every change of an account', () => {
  const changes = [
    ['PATCH', '/auth/me', { username: 'somebody.new' }],
    ['PUT', '/auth/me/password', { new_password: NEW_PASSWORD }],
    ['DELETE', '/auth/me', {}],
  ] as const

  it.each(changes)('rejects a wrong current password: %s %s', async (method, path, body) => {
    const { access_token, name } = await newPerson()
    const wrong = { ...body, current_password: 'not the password' }
    const response = await call(method, path, { bearer: access_token, body: wrong })
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
    expect(await response.json()).toMatchObject({ status: 401, code: 'invalid_credentials' })
    await ok(logIn(name))
  })

  it.each(changes)('requires the field current_password: %s %s', async (method, path, body) => {
    const { access_token } = await newPerson()
    const { errors } = await refused(call(method, path, { bearer: access_token, body }))
    expect(errors).toEqual([{ field: 'current_password', message: 'Required.' }])
  })

  it.each(changes)('answers 403 to a change of a disabled account: %s %s', async (method, path, body) => {
    const { access_token, user } = await newPerson()
    await disable(user.id)
    const right = { ...body, current_password: PASSWORD }
    expect(await refused(call(method, path, { bearer: access_token, body: right }))).toMatchObject({
      status: 403,
      code: 'account_disabled',
    })
  })
})
